package io.sluice.batching;

/// What one step computed and how long that took. A value.
///
/// @param atUs when it was launched, since the runner was made
/// @param us from its launch to its result
/// @param hostUs from the result before to its launch; long if there was nothing to do
/// @param writing sequences that write, a token each; who has guesses counts with the others
/// @param promptTokens of the others
/// @param sampled tokens that were chosen, or would have been if all guesses were right
/// @param writingContext tokens that those who write looked back at
/// @param promptContext tokens before the prompts' parts, summed over the parts
/// @param promptPairs pairs of a prompt token and one before it
public record StepRecord(
        long atUs,
        long us,
        long hostUs,
        int writing,
        int prompts,
        int promptTokens,
        int sampled,
        long writingContext,
        long promptContext,
        long promptPairs,
        int copies) {

    static StepRecord of(StepPlan plan, long atUs, long us, long hostUs) {
        int writing = 0;
        int prompts = 0;
        int promptTokens = 0;
        int sampled = 0;
        long writingContext = 0;
        long promptContext = 0;
        long promptPairs = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int first = plan.firstPosition(slice);
            int length = plan.length(slice);
            sampled += plan.sampleCount(slice);
            if (plan.samples(slice) && length == 1) {
                writing++;
                writingContext += first + 1;
            } else {
                prompts++;
                promptTokens += length;
                promptContext += first + length;
                promptPairs += (long) length * first + (long) length * (length + 1) / 2;
            }
        }
        int copies = plan.copiesInCount() + plan.copiesOutCount();
        return new StepRecord(
                atUs,
                us,
                hostUs,
                writing,
                prompts,
                promptTokens,
                sampled,
                writingContext,
                promptContext,
                promptPairs,
                copies);
    }
}
