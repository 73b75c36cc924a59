package io.sluice.benchmarks.micro;

import io.sluice.batching.AdmissionBenchmark;
import io.sluice.batching.BlockBenchmark;
import io.sluice.batching.FairQueueBenchmark;
import io.sluice.batching.PlanApplyStepBenchmark;
import io.sluice.batching.TokenStreamBenchmark;
import io.sluice.benchmarks.GrammarMaskBenchmark;
import io.sluice.device.SamplerBenchmark;
import io.sluice.modelstore.TextBenchmark;
import io.sluice.server.openai.RequestParseBenchmark;
import io.sluice.server.openai.SseBenchmark;
import java.util.List;

/// One part of the server whose allocation and instructions are counted: the JMH suite's operations, on one thread and
/// with inputs that never change. A value.
///
/// @param operations that one run of it performs
record CountedPart(String name, int operations, Preparation preparation) {

    /// Prepares what is counted.
    @FunctionalInterface
    interface Preparation {
        Work prepare() throws Exception;
    }

    /// What is counted.
    @FunctionalInterface
    interface Work {
        void run() throws Exception;
    }

    static final List<CountedPart> ALL = List.of(
            new CountedPart("plan and apply a step, 1 sequence of 4,096 tokens", 256, () -> planApply(1)),
            new CountedPart("plan and apply a step, 32 sequences of 4,096 tokens", 256, () -> planApply(32)),
            new CountedPart("allocate and free a block", 256, () -> {
                BlockBenchmark blocks = blocks();
                return blocks::allocateAndFree;
            }),
            new CountedPart("find a prompt of 8,192 tokens in the prefix index", 1, () -> {
                BlockBenchmark blocks = blocks();
                return blocks::lookUp;
            }),
            new CountedPart("admit a request", 1, () -> {
                AdmissionBenchmark admission = admission();
                return admission::admit;
            }),
            new CountedPart("refuse a request", 1, () -> {
                AdmissionBenchmark admission = admission();
                return admission::refuse;
            }),
            new CountedPart("whose turn it is among 1,000 tenants", 1, () -> {
                var queue = new FairQueueBenchmark();
                queue.tenants = 1000;
                queue.fill();
                return queue::next;
            }),
            new CountedPart("publish a token", 1, () -> new TokenStreamBenchmark()::publish),
            new CountedPart("write a token as an event", 1, () -> new SseBenchmark()::event),
            new CountedPart("parse a chat of 1 message", 1, () -> parse(1)),
            new CountedPart("parse a chat of 64 messages", 1, () -> parse(64)),
            new CountedPart("turn a token into text", 256, () -> text()::detokenise),
            new CountedPart("turn a prompt of 1,160 characters into tokens", 1, () -> text()::tokenise),
            new CountedPart("mask a vocabulary of 16,000 by a JSON grammar and take a token in", 64, () -> {
                var grammar = new GrammarMaskBenchmark();
                grammar.vocabulary = 16_000;
                grammar.structure = "JSON";
                grammar.prepare();
                return grammar::maskAndAccept;
            }),
            new CountedPart("sample with top-p", 1, () -> {
                var sampler = new SamplerBenchmark();
                sampler.prepare();
                return sampler::sample;
            }));

    private static Work planApply(int running) {
        var steps = new PlanApplyStepBenchmark();
        steps.running = running;
        var counted = new PlanApplyStepBenchmark.Counted();
        return new Prepared() {
            @Override
            public void prepareRun() {
                steps.begin();
            }

            @Override
            public void run() {
                steps.planApply(counted);
            }
        };
    }

    /// Work that needs something new for each run, which is not counted.
    interface Prepared extends Work {
        void prepareRun();
    }

    private static BlockBenchmark blocks() {
        var blocks = new BlockBenchmark();
        blocks.fill();
        return blocks;
    }

    private static AdmissionBenchmark admission() {
        var admission = new AdmissionBenchmark();
        admission.tenants = 10;
        admission.prepare();
        return admission;
    }

    private static Work parse(int messages) {
        var parse = new RequestParseBenchmark();
        parse.messages = messages;
        parse.write();
        return parse::parse;
    }

    private static TextBenchmark text() throws Exception {
        var text = new TextBenchmark();
        text.open();
        return text;
    }
}
