package io.sluice.modelstore.grammar;

import java.util.List;

/// A context-free grammar over characters; the whole output is what its first rule says. A value.
///
/// @param rules by their number
record Grammar(List<Expression> rules) {
    Grammar {
        rules = List.copyOf(rules);
        if (rules.size() > GrammarLimits.RULES_MAX) throw GrammarLimits.over("rules", GrammarLimits.RULES_MAX);
    }
}
