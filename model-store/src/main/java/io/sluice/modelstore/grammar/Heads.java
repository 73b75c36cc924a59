package io.sluice.modelstore.grammar;

import java.util.Arrays;

/// All stacks that a pushdown automaton may have after the bytes read so far, as one graph, and for as many
/// bytes back as wanted. Hot path, no allocation once it has grown. One thread.
///
/// A head is a state and the frame of the call that it is in. A frame is made once per rule and position,
/// however many callers the rule has there: it links to all of them. So the heads of a position are at most
/// as many as states times frames, also for grammars that are ambiguous or left-recursive. Frame 0 is that of
/// the first rule.
///
/// What a position adds lies on top of what earlier ones have: `retreat` only forgets.
final class Heads {
    private static final int NONE = -1;
    private static final int CAPACITY = 64;
    private static final int COMPACT_MIN = 256;
    private static final int SAVED = 4; // numbers that a position is remembered by

    private final Pushdown automaton;

    private int[] headState = new int[CAPACITY];
    private int[] headFrame = new int[CAPACITY];
    private int headCount;
    private int levelStart; // the heads of the current position are [levelStart, headCount)

    private int[] frameRule = new int[CAPACITY];
    private int[] frameLink = new int[CAPACITY]; // first link
    private int frameCount = 1;
    private int levelFrames = 1; // those of the current position are [levelFrames, frameCount)

    private int[] linkState = new int[CAPACITY]; // where the caller goes on
    private int[] linkFrame = new int[CAPACITY]; // in which frame
    private int[] linkNext = new int[CAPACITY];
    private int linkCount;

    private int[] place = new int[CAPACITY]; // [frame], while frames are moved together
    private int[] spareState = new int[CAPACITY];
    private int[] spareFrame = new int[CAPACITY];
    private int[] spareNext = new int[CAPACITY];

    private int[] saved = new int[SAVED * CAPACITY]; // [position, SAVED]
    private int savedCount;
    private int compactAt = COMPACT_MIN;
    private boolean complete;
    private long work; // steps since `beginWork`

    Heads(Pushdown automaton) {
        this.automaton = automaton;
        frameLink[0] = NONE;
    }

    /// Counts steps anew: what follows may take `GrammarLimits.TOKEN_WORK_MAX`.
    void beginWork() {
        work = 0;
    }

    long work() {
        return work;
    }

    /// @throws GrammarException if the steps since `beginWork` are too many; this is of no use any more then
    void spend(long steps) {
        work += steps;
        if (work > GrammarLimits.TOKEN_WORK_MAX) {
            throw new GrammarException("it is too ambiguous or calls too many rules at once: one token takes more than "
                    + GrammarLimits.TOKEN_WORK_MAX + " steps; write fewer alternatives that begin alike");
        }
    }

    /// Back to the beginning of the first rule.
    void start() {
        clear();
        addHead(automaton.ruleStart(0), 0);
        follow();
        complete |= automaton.acceptsNothing();
    }

    /// One head in `state`, whose calls are not followed, in a frame of whose callers nothing is known.
    void startIn(int state) {
        clear();
        addHead(state, 0);
    }

    private void clear() {
        headCount = 0;
        levelStart = 0;
        frameCount = 1;
        levelFrames = 1;
        linkCount = 0;
        savedCount = 0;
        complete = false;
    }

    /// Becomes what `other` is, at its current position.
    void copyFrom(Heads other) {
        clear();
        headCount = other.headCount - other.levelStart;
        headState = copied(other.headState, other.levelStart, headCount, headState);
        headFrame = copied(other.headFrame, other.levelStart, headCount, headFrame);
        frameCount = other.frameCount;
        levelFrames = frameCount;
        frameRule = copied(other.frameRule, 0, frameCount, frameRule);
        frameLink = copied(other.frameLink, 0, frameCount, frameLink);
        linkCount = other.linkCount;
        linkState = copied(other.linkState, 0, linkCount, linkState);
        linkFrame = copied(other.linkFrame, 0, linkCount, linkFrame);
        linkNext = copied(other.linkNext, 0, linkCount, linkNext);
        complete = other.complete;
    }

    /// `target` with `count` numbers of `source`, or a new array if it is too short.
    private static int[] copied(int[] source, int from, int count, int[] target) {
        int[] copy = target.length < count ? new int[source.length] : target;
        System.arraycopy(source, from, copy, 0, count);
        return copy;
    }

    /// Reads a byte. If no head survives, the position is one without heads: retreat from it.
    ///
    /// @return true if a head is left
    boolean advance(int b) {
        int from = levelStart;
        int to = headCount;
        open();
        spend(1 + to - from);
        for (int i = from; i < to; i++) {
            int next = automaton.next(headState[i], b);
            if (next != Pushdown.NOWHERE) addHead(next, headFrame[i]);
        }
        follow();
        return headCount > levelStart;
    }

    /// Begins a position at which only the callers of head `index` go on, as if its rule had just ended.
    boolean advanceToCallers(int index) {
        int frame = headFrame[levelStart + index];
        open();
        for (int link = frameLink[frame]; link != NONE; link = linkNext[link])
            addHead(linkState[link], linkFrame[link]);
        follow();
        return headCount > levelStart;
    }

    private void open() {
        int at = SAVED * savedCount;
        if (at + SAVED > saved.length) saved = Arrays.copyOf(saved, 2 * saved.length);
        saved[at] = levelStart;
        saved[at + 1] = levelFrames;
        saved[at + 2] = linkCount;
        saved[at + 3] = complete ? 1 : 0;
        savedCount++;
        levelStart = headCount;
        levelFrames = frameCount;
        complete = false;
    }

    /// Back to the position before.
    void retreat() {
        savedCount--;
        int at = SAVED * savedCount;
        headCount = levelStart;
        frameCount = levelFrames;
        levelStart = saved[at];
        levelFrames = saved[at + 1];
        linkCount = saved[at + 2];
        complete = saved[at + 3] != 0;
    }

    /// Forgets all positions but the current one.
    void settle() {
        int count = headCount - levelStart;
        System.arraycopy(headState, levelStart, headState, 0, count);
        System.arraycopy(headFrame, levelStart, headFrame, 0, count);
        headCount = count;
        levelStart = 0;
        levelFrames = frameCount;
        savedCount = 0;
        if (frameCount > compactAt) compact();
    }

    /// Follows calls and ends of rules until nothing new comes up.
    private void follow() {
        for (int i = levelStart; i < headCount; i++) {
            int state = headState[i];
            int frame = headFrame[i];
            for (int call = automaton.firstCall(state); call < automaton.endOfCalls(state); call++) {
                int callee = frameOf(automaton.callRule(call));
                addLink(callee, automaton.callTarget(call), frame);
                addHead(automaton.ruleStart(automaton.callRule(call)), callee);
            }
            if (!automaton.accepting(state)) continue;
            complete |= frame == 0;
            // A frame that began at this very position cannot end here: no rule is empty. So its links are complete.
            for (int link = frameLink[frame]; link != NONE; link = linkNext[link]) {
                addHead(linkState[link], linkFrame[link]);
            }
        }
    }

    private int frameOf(int rule) {
        spend(frameCount - levelFrames);
        for (int frame = levelFrames; frame < frameCount; frame++) {
            if (frameRule[frame] == rule) return frame;
        }
        if (frameCount == frameRule.length) {
            frameRule = Arrays.copyOf(frameRule, 2 * frameCount);
            frameLink = Arrays.copyOf(frameLink, 2 * frameCount);
        }
        frameRule[frameCount] = rule;
        frameLink[frameCount] = NONE;
        return frameCount++;
    }

    /// A caller that can only end when the callee does is left out in favour of its own callers: the stack of
    /// a list that is written as a recursion does not grow. Callers of this very position may get further
    /// links: they stay.
    private void addLink(int callee, int state, int frame) {
        if (frame != 0 && frame < levelFrames && automaton.isLast(state)) {
            for (int link = frameLink[frame]; link != NONE; link = linkNext[link]) {
                addLink(callee, linkState[link], linkFrame[link]);
            }
            return;
        }
        for (int link = frameLink[callee]; link != NONE; link = linkNext[link]) {
            spend(1);
            if (linkState[link] == state && linkFrame[link] == frame) return;
        }
        if (linkCount == linkState.length) {
            linkState = Arrays.copyOf(linkState, 2 * linkCount);
            linkFrame = Arrays.copyOf(linkFrame, 2 * linkCount);
            linkNext = Arrays.copyOf(linkNext, 2 * linkCount);
        }
        linkState[linkCount] = state;
        linkFrame[linkCount] = frame;
        linkNext[linkCount] = frameLink[callee];
        frameLink[callee] = linkCount++;
    }

    private void addHead(int state, int frame) {
        spend(1 + headCount - levelStart);
        for (int i = levelStart; i < headCount; i++) {
            if (headState[i] == state && headFrame[i] == frame) return;
        }
        if (headCount - levelStart == GrammarLimits.HEADS_MAX) {
            throw new GrammarException(
                    "the grammar is too ambiguous: more than " + GrammarLimits.HEADS_MAX + " readings of one output");
        }
        if (headCount == headState.length) {
            headState = Arrays.copyOf(headState, 2 * headCount);
            headFrame = Arrays.copyOf(headFrame, 2 * headCount);
        }
        headState[headCount] = state;
        headFrame[headCount++] = frame;
    }

    /// Moves the frames that heads still lead to together, in their order: a caller's frame is never above its
    /// callee's.
    private void compact() {
        place = zeroed(place, frameCount);
        place[0] = 1;
        for (int i = 0; i < headCount; i++) place[headFrame[i]] = 1;
        for (int frame = frameCount - 1; frame > 0; frame--) {
            if (place[frame] == 0) continue;
            for (int link = frameLink[frame]; link != NONE; link = linkNext[link]) mark(linkFrame[link], frame);
        }
        renumber();
        compactAt = Math.max(COMPACT_MIN, 2 * frameCount);
    }

    /// Those below are still to be looked at; those above, of the same position, were passed over already.
    private void mark(int frame, int below) {
        if (place[frame] != 0) return;
        place[frame] = 1;
        if (frame < below) return;
        for (int link = frameLink[frame]; link != NONE; link = linkNext[link]) mark(linkFrame[link], below);
    }

    private void renumber() {
        int kept = 0;
        int frames = frameCount;
        for (int frame = 0; frame < frames; frame++) place[frame] = place[frame] == 0 ? NONE : kept++;
        spareState = zeroed(spareState, linkState.length);
        spareFrame = zeroed(spareFrame, linkFrame.length);
        spareNext = zeroed(spareNext, linkNext.length);
        int links = 0;
        for (int frame = 0; frame < frames; frame++) {
            if (place[frame] == NONE) continue;
            int first = NONE;
            for (int link = frameLink[frame]; link != NONE; link = linkNext[link]) {
                spareState[links] = linkState[link];
                spareFrame[links] = place[linkFrame[link]];
                spareNext[links] = first;
                first = links++;
            }
            frameRule[place[frame]] = frameRule[frame];
            frameLink[place[frame]] = first;
        }
        swapLinks();
        linkCount = links;
        frameCount = kept;
        levelFrames = kept;
        for (int i = 0; i < headCount; i++) headFrame[i] = place[headFrame[i]];
    }

    private void swapLinks() {
        int[] states = linkState;
        int[] frames = linkFrame;
        int[] nexts = linkNext;
        linkState = spareState;
        linkFrame = spareFrame;
        linkNext = spareNext;
        spareState = states;
        spareFrame = frames;
        spareNext = nexts;
    }

    private static int[] zeroed(int[] array, int length) {
        if (array.length < length) return new int[length];
        Arrays.fill(array, 0);
        return array;
    }

    int frames() {
        return frameCount;
    }

    int count() {
        return headCount - levelStart;
    }

    /// The state of head `index` of the current position.
    int state(int index) {
        return headState[levelStart + index];
    }

    /// The frame of head `index`: heads of one frame have the same callers; that of frame 0 is nobody.
    int frame(int index) {
        return headFrame[levelStart + index];
    }

    /// True if the first rule may end here.
    boolean isComplete() {
        return complete;
    }

    /// True if some byte may come next.
    boolean readsBytes() {
        for (int i = levelStart; i < headCount; i++) {
            if (automaton.readsBytes(headState[i])) return true;
        }
        return false;
    }
}
