package io.sluice.batching;

import java.util.HashSet;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// The engine with one bug each, of the kind that one line makes. The simulation must find every one of them: they are
/// the test of the test.
enum Mutant implements EngineParts {
    /// The last block of a sequence is not given back.
    LOST_FREE {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                void release(Sequence sequence) {
                    if (sequence.table().count() > 1) sequence.table().removeLast();
                    super.release(sequence);
                }
            };
        }
    },
    /// A shared block is released twice by one holder.
    DOUBLE_FREE {
        @Override
        public BlockPool pool(ModelLimits limits, PrefixIndex index) {
            return new BlockPool(limits.blockCount(), index) {
                @Override
                void release(int block) {
                    if (references(block) > 1) super.release(block);
                    super.release(block);
                }
            };
        }
    },
    /// Sharing a block that is in use does not count the second user.
    MISSING_REFERENCE {
        @Override
        public BlockPool pool(ModelLimits limits, PrefixIndex index) {
            return new BlockPool(limits.blockCount(), index) {
                @Override
                void retain(int block) {
                    if (references(block) == 0) super.retain(block);
                }
            };
        }
    },
    /// The pool hands out the block that it handed out last.
    BLOCK_ALLOCATED_TWICE {
        @Override
        public BlockPool pool(ModelLimits limits, PrefixIndex index) {
            return new BlockPool(limits.blockCount(), index) {
                private int latest = NO_BLOCK;
                private int count;

                @Override
                int allocate() {
                    boolean repeat = ++count % 7 == 0 && references(latest) == 1;
                    if (!repeat) latest = super.allocate();
                    return latest;
                }
            };
        }
    },
    /// Two entries of a block table are exchanged.
    WRONG_TABLE_ENTRY {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                void cover(Sequence sequence, int end) {
                    super.cover(sequence, end);
                    int[] table = sequence.table().array();
                    if (sequence.table().count() != 3) return;
                    int first = table[0];
                    table[0] = table[1];
                    table[1] = first;
                }
            };
        }
    },
    /// A sampled token is published twice.
    DOUBLED_TOKEN {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice) {
                    super.accept(sequence, result, slice);
                    if (sequence.sampled() == 3 && sequence.status() == Sequence.Status.RUNNING) {
                        sequence.stream().append(result.token(slice), result, slice);
                    }
                }
            };
        }
    },
    /// The end token is published.
    END_TOKEN_PUBLISHED {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice) {
                    int token = result.token(slice);
                    if (sequence.request().isEndToken(token)) sequence.stream().append(token, result, slice);
                    super.accept(sequence, result, slice);
                }
            };
        }
    },
    /// The prefix index does not look at whose prompt it is.
    HIT_ACROSS_SALTS {
        @Override
        public BlockHash hash(RandomGenerator random, int bits) {
            return new SaltlessHash(REAL.hash(random, bits));
        }

        @Override
        public PrefixIndex index(ModelLimits limits, BlockHash hash) {
            return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash) {
                @Override
                long parentOf(PrefixChain chain) {
                    return chain.length() == 0 ? 0 : super.parentOf(chain);
                }
            };
        }
    },
    /// A block's old prefix is still found after the block was taken for something else.
    STALE_ENTRY_AFTER_EVICTION {
        @Override
        public BlockPool pool(ModelLimits limits, PrefixIndex index) {
            return new BlockPool(limits.blockCount(), index) {
                @Override
                void forget(int block) {}
            };
        }
    },
    /// Equal hashes are believed to mean equal tokens.
    HASH_BELIEVED {
        @Override
        public PrefixIndex index(ModelLimits limits, BlockHash hash) {
            return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash) {
                @Override
                boolean holds(int block, PrefixChain chain, int[] sequenceTokens, int from) {
                    return true;
                }
            };
        }
    },
    /// Equal tokens are believed to mean an equal prefix.
    PARENT_NOT_VERIFIED {
        @Override
        public PrefixIndex index(ModelLimits limits, BlockHash hash) {
            return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash) {
                @Override
                long parentOf(PrefixChain chain) {
                    return 0;
                }
            };
        }
    },
    /// A block is offered to others when it is planned, not when it is computed.
    OFFERED_BEFORE_APPLIED {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                private int planned;

                @Override
                void cover(Sequence sequence, int end) {
                    super.cover(sequence, end);
                    planned = end;
                    offer(sequence);
                    planned = 0;
                }

                @Override
                int offerable(Sequence sequence) {
                    return Math.max(planned, super.offerable(sequence));
                }
            };
        }
    },
    /// One token more than the step computed counts as computed.
    COMPUTED_OFF_BY_ONE {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void addSlice(Step step, Sequence sequence, int budget) {
                    if (sequence.computed() > 0 && sequence.uncomputed() > 1) sequence.advance(1);
                    super.addSlice(step, sequence, budget);
                }
            };
        }
    },
    /// A whole prompt is taken from the cache, so that nothing is left to compute.
    LAST_TOKEN_NOT_COMPUTED {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                int reusableMax(Sequence sequence) {
                    return sequence.tokenCount() / limits.blockSize();
                }
            };
        }
    },
    /// Deadlines are looked at only while a request waits.
    EXPIRED_GOES_ON {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                boolean isExpired(Sequence sequence, long nowNs) {
                    return sequence.status() == Sequence.Status.WAITING && super.isExpired(sequence, nowNs);
                }
            };
        }
    },
    /// Cancellation is looked at only while a request runs.
    CANCELLED_SURVIVES {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                boolean isCancelled(Sequence sequence) {
                    return sequence.status() == Sequence.Status.RUNNING && super.isCancelled(sequence);
                }
            };
        }
    },
    /// A stream ends a second time.
    ENDED_TWICE {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void end(Sequence sequence, FinishReason reason, String detail) {
                    super.end(sequence, reason, detail);
                    if (reason == FinishReason.EXPIRED) sequence.stream().end(sequence.ending(reason, detail));
                }
            };
        }
    },
    /// The first token after a preemption is not published.
    TOKEN_LOST_AT_PREEMPTION {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                private final Set<Sequence> preempted = new HashSet<>();

                @Override
                void preempt(Sequence sequence) {
                    super.preempt(sequence);
                    preempted.add(sequence);
                }

                @Override
                void accept(Sequence sequence, StepResult result, int slice) {
                    int token = result.token(slice);
                    boolean lost = preempted.remove(sequence) && token != StepResult.NO_TOKEN;
                    if (!lost || sequence.request().isEndToken(token)) {
                        super.accept(sequence, result, slice);
                        return;
                    }
                    sequence.append(token);
                    sequence.countSampled();
                }
            };
        }
    },
    /// A preempted sequence keeps a token that it believes computed.
    PREEMPTED_KEEPS_COMPUTED {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void preempt(Sequence sequence) {
                    super.preempt(sequence);
                    if (sequence.uncomputed() > 1) sequence.advance(1);
                }
            };
        }
    },
    /// A slice may be one token longer than allowed.
    SLICE_OVER_BOUND {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                int sliceMax() {
                    return super.sliceMax() + 1;
                }
            };
        }
    },
    /// A step may have one token more than its budget.
    BUDGET_EXCEEDED {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                int stepBudget() {
                    return super.stepBudget() + 1;
                }
            };
        }
    },
    /// Choices share the prompt's last, partly filled block and write their own tokens into it.
    PARTIAL_BLOCK_SHARED {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                int reuse(Sequence sequence, @Nullable Sequence sibling) {
                    int reused = super.reuse(sequence, sibling);
                    int count = sequence.table().count();
                    if (sibling != null && sibling.table().count() > count) {
                        pool.retain(sibling.table().block(count));
                        sequence.table().append(sibling.table().block(count));
                    }
                    return reused;
                }
            };
        }
    },
    /// Blocks are given back when the last token is planned, not when it is computed.
    FREED_IN_FLIGHT {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                StepPlan plan(long nowNs) {
                    StepPlan plan = super.plan(nowNs);
                    for (int slice = 0; slice < plan.sliceCount(); slice++) {
                        Sequence sequence = planned(slice);
                        boolean last =
                                sequence.sampled() + 1 == sequence.request().maxNewTokens();
                        if (last && plan.samples(slice)) blocks.release(sequence);
                    }
                    return plan;
                }
            };
        }
    },
    /// All choices draw under the seed of the first.
    ONE_SEED_FOR_ALL_CHOICES {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                SamplingParams samplingOf(Sequence sequence) {
                    return sequence.request().sampling();
                }
            };
        }
    },
    /// A slice's first position is one too high, now and then.
    WRONG_POSITION {
        @Override
        public ModelRunner runner(ShadowRunner shadow) {
            return new ShiftingRunner(shadow);
        }
    },
    /// A result that is not finite is taken for token 0.
    NOT_FINITE_GOES_ON {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice) {
                    if (result.token(slice) == StepResult.NO_TOKEN) result.set(slice, 0, 0f);
                    super.accept(sequence, result, slice);
                }
            };
        }
    },
    /// Blocks that brought nothing finite stay findable.
    NOT_FINITE_CACHED {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                void distrust(Sequence sequence) {}
            };
        }
    },
    /// Cached prefixes are still believed after a step failed.
    CACHE_TRUSTED_AFTER_FAILURE {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                void forgetAll() {}
            };
        }
    },
    /// A failed step ends only the oldest of its sequences.
    FAILED_STEP_FORGOTTEN {
        @Override
        public Scheduler scheduler(
                ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
            return new Scheduler(limits, settings, blocks, admission) {
                @Override
                void failRunning(StepPlan plan, String detail) {
                    end(running().get(0), FinishReason.FAILED, detail);
                    running().removeEnded();
                }
            };
        }
    },
    /// A request gives its permit back twice.
    PERMIT_SETTLED_TWICE {
        @Override
        public AdmissionController admission(ModelLimits limits, EngineSettings settings, long nowNs) {
            return new AdmissionController(limits, settings.waitingMax(), nowNs) {
                @Override
                void settle(Submission submission) {
                    super.settle(submission);
                    if (submission.choiceCount() == 3) super.settle(submission);
                }
            };
        }
    },
    /// A request that ends in the queue keeps its permit.
    PERMIT_LOST_IN_QUEUE {
        @Override
        public AdmissionController admission(ModelLimits limits, EngineSettings settings, long nowNs) {
            return new AdmissionController(limits, settings.waitingMax(), nowNs) {
                @Override
                void settle(Submission submission) {
                    if (submission.hasStarted()) super.settle(submission);
                }
            };
        }
    };

    /// Forgets the salt: hashes every prompt's first block as if all were of one tenant.
    private record SaltlessHash(BlockHash salted) implements BlockHash {
        @Override
        public void compute(long parentHigh, long parentLow, int[] tokens, int from, int length) {
            boolean first = from == 0;
            salted.compute(first ? 0 : parentHigh, first ? 0 : parentLow, tokens, from, length);
        }

        @Override
        public long high() {
            return salted.high();
        }

        @Override
        public long low() {
            return salted.low();
        }
    }

    /// Stands between scheduler and device and moves the last slice of every fifth plan by a position, if it can.
    private static final class ShiftingRunner implements ModelRunner {
        private final ModelRunner device;
        private final StepPlan shifted;
        private int steps;

        ShiftingRunner(ModelRunner device) {
            this.device = device;
            shifted = new StepPlan(device.limits());
        }

        @Override
        public ModelLimits limits() {
            return device.limits();
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            if (++steps % 5 != 0) return device.launch(plan);
            shifted.clear();
            for (int slice = 0; slice < plan.sliceCount(); slice++) copy(plan, slice);
            return device.launch(shifted);
        }

        private void copy(StepPlan plan, int slice) {
            int position = plan.firstPosition(slice) + (slice == plan.sliceCount() - 1 ? 1 : 0);
            int[] tokens = new int[position + plan.length(slice)];
            for (int i = 0; i < plan.length(slice); i++) tokens[position + i] = plan.token(plan.tokenStart(slice) + i);
            int[] blocks = new int[plan.blockCount(slice)];
            for (int i = 0; i < blocks.length; i++) blocks[i] = plan.block(slice, i);
            shifted.add(tokens, position, plan.length(slice), blocks, blocks.length);
            if (!plan.samples(slice)) return;
            // Without a history: the shifted plan is caught before anyone would look at it.
            shifted.sample(plan.sampling(slice), tokens, plan.promptLength(slice), plan.endTokens(slice));
        }

        @Override
        public void close() {
            device.close();
        }
    }
}
