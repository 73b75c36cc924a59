package io.sluice.modelstore.grammar;

/// A grammar as an automaton over bytes with a stack: one deterministic automaton per rule, in one table. A
/// call may start where bytes may follow too, so several stacks can be alive at once (`Heads`). No rule is
/// fulfilled by the empty text; where one could be, its callers have a way around it. Immutable; any thread.
final class Pushdown {
    static final int NOWHERE = -1;

    private final int classCount;
    private final int[] classOf; // [byte]
    private final int[] next; // [state, class]
    private final boolean[] accepting; // [state] the state's rule may end here
    private final boolean[] readsBytes; // [state]
    private final int[] callStart; // [state + 1]
    private final int[] callRule; // [call]
    private final int[] callTarget; // [call] where the caller goes on
    private final int[] ruleStart; // [rule] first state
    private final boolean acceptsNothing; // the empty text is complete

    Pushdown(Table table, boolean[] accepting, Calls calls, int[] ruleStart, boolean acceptsNothing) {
        classCount = table.classCount;
        classOf = table.classOf;
        next = table.next;
        this.accepting = accepting;
        callStart = calls.start;
        callRule = calls.rule;
        callTarget = calls.target;
        this.ruleStart = ruleStart;
        this.acceptsNothing = acceptsNothing;
        readsBytes = new boolean[accepting.length];
        for (int state = 0; state < accepting.length; state++) {
            for (int c = 0; c < classCount; c++) readsBytes[state] |= next[state * classCount + c] != NOWHERE;
        }
    }

    /// @param classOf the class of each byte; bytes of one class lead to the same states everywhere
    /// @param next `[state, class]`
    record Table(int classCount, int[] classOf, int[] next) {}

    /// @param start where each state's calls begin, `[state + 1]`
    record Calls(int[] start, int[] rule, int[] target) {}

    int stateCount() {
        return accepting.length;
    }

    int ruleCount() {
        return ruleStart.length;
    }

    /// Where byte `b`, 0 to 255, leads from `state`.
    int next(int state, int b) {
        return next[state * classCount + classOf[b]];
    }

    int classCount() {
        return classCount;
    }

    int nextOfClass(int state, int byteClass) {
        return next[state * classCount + byteClass];
    }

    boolean accepting(int state) {
        return accepting[state];
    }

    boolean readsBytes(int state) {
        return readsBytes[state];
    }

    /// True if a rule that reaches the state can only end.
    boolean isLast(int state) {
        return accepting[state] && !readsBytes[state] && callStart[state] == callStart[state + 1];
    }

    boolean calls(int state) {
        return callStart[state] < callStart[state + 1];
    }

    int firstCall(int state) {
        return callStart[state];
    }

    int endOfCalls(int state) {
        return callStart[state + 1];
    }

    int callRule(int call) {
        return callRule[call];
    }

    int callTarget(int call) {
        return callTarget[call];
    }

    int ruleStart(int rule) {
        return ruleStart[rule];
    }

    boolean acceptsNothing() {
        return acceptsNothing;
    }

    /// Memory that it takes, about.
    long bytes() {
        return 4L * next.length + 16L * accepting.length;
    }
}
