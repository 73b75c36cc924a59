package io.sluice.benchmarks.load;

import io.sluice.benchmarks.traffic.Mix;
import io.sluice.benchmarks.traffic.TraceRow;
import java.util.Arrays;
import java.util.List;

/// Words that make a prompt of about so many tokens: each is one token in the vocabularies of common models.
/// A value; equal contents begin with equal words.
///
/// @param ids what each 512 words are made of, one after the other
/// @param words how many
record PromptText(List<Long> ids, int words) {
    private static final String[] WORDS = ("the of and to in is that for it was on are as with his they at be this from"
                    + " have or by one had not but what all were when we there can an your which their said if do will"
                    + " each about how up out them then she many some so these would other into has more her two like"
                    + " him see time could no make than first been its who now people my made over did down only way"
                    + " find use may water long little very after words called just where most know get through back"
                    + " much before go good new write our used me man too any day same right look think also around"
                    + " another came come work three word must because does part even place well such here take why"
                    + " things help put years different away again off went old number great tell men say small every"
                    + " found still between name should home big give air line set own under read last never us left"
                    + " end along while might next sound below saw something thought both few those always looked show"
                    + " large often together asked house world going want")
            .split(" ");

    PromptText {
        ids = List.copyOf(ids);
        if (ids.size() != Math.ceilDiv(words, TraceRow.HASHED_TOKENS)) {
            throw new IllegalArgumentException("one id for each 512 words begun");
        }
    }

    /// Words that no other prompt begins with.
    static PromptText unique(long key, int words) {
        long[] ids = new long[Math.ceilDiv(words, TraceRow.HASHED_TOKENS)];
        for (int i = 0; i < ids.length; i++) ids[i] = Mix.of(key, i);
        return new PromptText(Arrays.stream(ids).boxed().toList(), words);
    }

    @Override
    public String toString() {
        var text = new StringBuilder(words * 5);
        for (int word = 0; word < words; word++) {
            if (word > 0) text.append(' ');
            long id = ids.get(word / TraceRow.HASHED_TOKENS);
            text.append(WORDS[(int) Long.remainderUnsigned(Mix.of(id, word), WORDS.length)]);
        }
        return text.toString();
    }
}
