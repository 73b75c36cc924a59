package io.sluice.modelstore.grammar;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Sources with random damage are followed or refused; nothing else comes of them.
/// `-Dsluice.grammar.damages=1000000` makes the run a long one.
class GrammarFuzzTest {
    private static final int DAMAGES = Integer.getInteger("sluice.grammar.damages", 1_000);
    private static final String PIECES = "{}[]()\":,.*+?|^$\\-=<>&#~ \n0123456789abcdefgnrstuxABC\u0000éあ😀/%_";
    private static final List<String> REGEXES = List.of(
            "^(foo|ba[rz])+\\d{2,3}$",
            "[^\\s\"\\\\]{1,20}@\\w+\\.(org|com)",
            "(?:a|(?<n>b))*?[\\u00e0-\\u00ff]\\p{Lu}");
    private static final List<String> GRAMMARS = List.of(
            "root ::= item (\",\" item)* # list\nitem ::= [a-z]+ | \"\\\"\" [^\"\\n]{0,9} \"\\\"\" | root\n",
            "root ::= sum\nsum ::= sum [-+] atom | atom\natom ::= [0-9]{1,3}\n  | \"(\" sum \")\"");

    @Test
    void damagedSourcesAreFollowedOrRefused() {
        for (int seed = 0; seed < DAMAGES; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            Structure structure = switch (random.nextInt(3)) {
                case 0 -> new Structure.Matching(damaged(REGEXES.get(random.nextInt(REGEXES.size())), random));
                case 1 -> new Structure.Written(damaged(GRAMMARS.get(random.nextInt(GRAMMARS.size())), random));
                default -> new Structure.JsonSchema(damaged(new RandomSchemas(random.split()).schema(), random));
            };
            try {
                new Adversary(structure.compile(Vocabularies.SMALL), random).write();
            } catch (GrammarException e) {
                if (String.valueOf(e.getMessage()).isBlank()) throw new AssertionError("seed " + seed, e);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + ": " + structure, e);
            }
        }
    }

    private static String damaged(String source, SplittableRandom random) {
        StringBuilder text = new StringBuilder(source);
        for (int i = random.nextInt(4); i > 0 && text.length() > 0; i--) {
            int at = random.nextInt(text.length());
            switch (random.nextInt(4)) {
                case 0 -> text.deleteCharAt(at);
                case 1 -> text.insert(at, PIECES.charAt(random.nextInt(PIECES.length())));
                case 2 -> text.setCharAt(at, PIECES.charAt(random.nextInt(PIECES.length())));
                default -> text.insert(at, source, 0, random.nextInt(source.length()));
            }
        }
        return text.toString();
    }
}
