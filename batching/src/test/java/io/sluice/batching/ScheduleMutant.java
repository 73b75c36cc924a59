package io.sluice.batching;

import java.util.HashSet;
import java.util.Set;

/// The engine with one bug each in what is computed, published, ended and counted, of the kind that one line
/// makes. The simulation must find every one of them: they are the test of the test.
enum ScheduleMutant implements SimulatedParts {
    /// A sampled token is published twice.
    DOUBLED_TOKEN {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice, int sample, long nowNs) {
                    super.accept(sequence, result, slice, sample, nowNs);
                    if (sequence.sampled() == 3 && sequence.status() == Sequence.Status.RUNNING) {
                        sequence.stream().append(result.token(slice, sample), result, slice, sample);
                    }
                }
            };
        }
    },
    /// The end token is published.
    END_TOKEN_PUBLISHED {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice, int sample, long nowNs) {
                    int token = result.token(slice, sample);
                    if (sequence.request().isEndToken(token)) sequence.stream().append(token, result, slice, sample);
                    super.accept(sequence, result, slice, sample, nowNs);
                }
            };
        }
    },
    /// One token more than the step computed counts as computed.
    COMPUTED_OFF_BY_ONE {
        @Override
        public StepShares shares(
                EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
            return new StepShares(settings, budget, blocks, speculation) {
                @Override
                int addSlice(Step step, Sequence sequence, int tokensMax) {
                    if (sequence.computed() > 0 && sequence.uncomputed() > 1) sequence.advance(1);
                    return super.addSlice(step, sequence, tokensMax);
                }
            };
        }
    },
    /// Deadlines are looked at only while a request waits.
    EXPIRED_GOES_ON {
        @Override
        public Attendance attendance(EngineSettings settings, SchedulerCounts counts) {
            return new Attendance(settings, counts) {
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
        public Attendance attendance(EngineSettings settings, SchedulerCounts counts) {
            return new Attendance(settings, counts) {
                @Override
                boolean isCancelled(Sequence sequence) {
                    return sequence.status() == Sequence.Status.RUNNING && super.isCancelled(sequence);
                }
            };
        }
    },
    /// A step follows one under way although its mask depends on that one's token.
    FOLLOWED_UNDER_A_GRAMMAR {
        @Override
        public FollowUp followUp(BlockAllocator blocks, Attendance attendance) {
            return new FollowUp(blocks, attendance) {
                @Override
                boolean needsItsToken(Sequence sequence) {
                    return sequence.sampling().usesHistory();
                }
            };
        }
    },
    /// A token past the end of its sequence is taken in.
    TOKEN_PAST_THE_END {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                boolean isForNothing(Sequence sequence) {
                    return false;
                }
            };
        }
    },
    /// What a step that is taken back had covered stays covered.
    TAKEN_BACK_BUT_NOT_GIVEN_BACK {
        @Override
        public FollowUp followUp(BlockAllocator blocks, Attendance attendance) {
            return new FollowUp(blocks, attendance) {
                @Override
                void giveBack(Sequence sequence, int position) {}
            };
        }
    },
    /// A step follows one under way although a reader gave up.
    FOLLOWED_FOR_NOBODY {
        @Override
        public Attendance attendance(EngineSettings settings, SchedulerCounts counts) {
            return new Attendance(settings, counts) {
                @Override
                boolean isUndisturbed(Sequence sequence, long nowNs) {
                    return true;
                }
            };
        }
    },
    /// A stream ends a second time.
    ENDED_TWICE {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void end(Sequence sequence, FinishReason reason, String detail, long nowNs) {
                    super.end(sequence, reason, detail, nowNs);
                    if (reason == FinishReason.EXPIRED) sequence.stream().end(sequence.ending(reason, detail));
                }
            };
        }
    },
    /// The first token after a preemption is not published.
    TOKEN_LOST_AT_PREEMPTION {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                private final Set<Sequence> preempted = new HashSet<>();

                @Override
                void preempt(Sequence sequence, Step step) {
                    super.preempt(sequence, step);
                    preempted.add(sequence);
                }

                @Override
                void accept(Sequence sequence, StepResult result, int slice, int sample, long nowNs) {
                    int token = result.token(slice, sample);
                    boolean lost = preempted.remove(sequence) && token != StepResult.NO_TOKEN;
                    if (!lost || sequence.request().isEndToken(token)) {
                        super.accept(sequence, result, slice, sample, nowNs);
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
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void preempt(Sequence sequence, Step step) {
                    super.preempt(sequence, step);
                    if (sequence.uncomputed() > 1) sequence.advance(1);
                }
            };
        }
    },
    /// A slice may be one token longer than allowed.
    SLICE_OVER_BOUND {
        @Override
        public StepShares shares(
                EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
            return new StepShares(settings, budget, blocks, speculation) {
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
        public StepShares shares(
                EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
            return new StepShares(settings, budget, blocks, speculation) {
                @Override
                int tokensMax() {
                    return super.tokensMax() + 1;
                }
            };
        }
    },
    /// Blocks are given back when the last token is planned, not when it is computed.
    FREED_IN_FLIGHT {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                StepPlan plan(long nowNs) {
                    StepPlan plan = super.plan(nowNs);
                    for (int slice = 0; slice < plan.sliceCount(); slice++) {
                        Sequence sequence = planned(slice);
                        boolean last =
                                sequence.sampled() + 1 == sequence.request().maxNewTokens();
                        if (last && plan.samples(slice)) core.blocks().release(sequence);
                    }
                    return plan;
                }
            };
        }
    },
    /// All choices draw under the seed of the first.
    ONE_SEED_FOR_ALL_CHOICES {
        @Override
        public StepShares shares(
                EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
            return new StepShares(settings, budget, blocks, speculation) {
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
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice, int sample, long nowNs) {
                    if (sample == 0 && result.token(slice, 0) == StepResult.NO_TOKEN) result.set(slice, 0, 0f);
                    super.accept(sequence, result, slice, sample, nowNs);
                }
            };
        }
    },
    /// What could not be computed counts as computed.
    FAILED_SLICE_GOES_ON {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void apply(StepPlan plan, StepResult result, long nowNs, long stepNs) {
                    result.clearFailures();
                    super.apply(plan, result, nowNs, stepNs);
                }
            };
        }
    },
    /// Whoever is first gives way.
    FIRST_GIVES_WAY {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                Sequence victim(Sequence sequence, int index) {
                    return running().get(0);
                }
            };
        }
    },
    /// A guaranteed sequence reserves no more than it has.
    GUARANTEE_NOT_RESERVED {
        @Override
        public Reservations reservations(ModelLimits limits, BlockAllocator blocks) {
            return new Reservations(limits, blocks) {
                @Override
                boolean reservesAll(Sequence sequence) {
                    return false;
                }
            };
        }
    },
    /// A sequence goes on although its reader is far behind.
    LAG_IGNORED {
        @Override
        public Attendance attendance(EngineSettings settings, SchedulerCounts counts) {
            return new Attendance(settings, counts) {
                @Override
                boolean isStalled(Sequence sequence, long nowNs) {
                    return false;
                }
            };
        }
    },
    /// A reader who has caught up is not noticed.
    PAUSED_FOR_EVER {
        @Override
        public Attendance attendance(EngineSettings settings, SchedulerCounts counts) {
            return new Attendance(settings, counts) {
                @Override
                boolean isStalled(Sequence sequence, long nowNs) {
                    return !sequence.isPaused() && super.isStalled(sequence, nowNs);
                }
            };
        }
    },
    /// The device does not look at what constraints allow.
    CONSTRAINT_IGNORED {
        @Override
        public ModelRunner runner(ShadowRunner shadow) {
            shadow.ignoreConstraints();
            return shadow;
        }
    },
    /// A sampled token takes a constraint two steps on.
    CONSTRAINT_ADVANCED_TWICE {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void accept(Sequence sequence, StepResult result, int slice, int sample, long nowNs) {
                    super.accept(sequence, result, slice, sample, nowNs);
                    TokenConstraint.Progress progress = sequence.progress();
                    if (progress != null) progress.accept(result.token(slice, sample));
                }
            };
        }
    },
    /// A guess that was wrong is taken for right.
    GUESSES_BELIEVED {
        @Override
        public ModelRunner runner(ShadowRunner shadow) {
            shadow.believeGuesses();
            return shadow;
        }
    },
    /// What was sampled after a wrong guess is taken in.
    WRONG_GUESS_GOES_ON {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                boolean isRight(Sequence sequence, StepResult result, int slice, int guess) {
                    return sequence.status() == Sequence.Status.RUNNING;
                }
            };
        }
    },
    /// Blocks of wrong guesses are kept.
    WRONG_GUESS_KEEPS_ITS_BLOCK {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void takeBack(Sequence sequence) {}
            };
        }
    },
    /// Blocks of wrong guesses are given back one too many.
    TOO_MUCH_TAKEN_BACK {
        @Override
        public Scheduler scheduler(Core core) {
            return new Scheduler(core) {
                @Override
                void takeBack(Sequence sequence) {
                    core.blocks().uncover(sequence, sequence.computed() - 1);
                }
            };
        }
    },
    /// More is proposed than a sequence may have, or its reader be behind.
    PROPOSED_BEYOND_THE_LIMIT {
        @Override
        public Speculation speculation(
                EngineSettings settings, Proposer proposer, StepTimeModel times, BlockAllocator blocks) {
            return new Speculation(settings, proposer, times, blocks) {
                @Override
                int possible(Sequence sequence) {
                    int possible = super.possible(sequence);
                    boolean hasRoom = blocks.spareRoom(sequence) > possible + 1;
                    return possible > 0 && hasRoom ? possible + 1 : possible;
                }
            };
        }
    },
    /// Every sample of a slice is under the mask of the first.
    ONE_MASK_FOR_ALL_GUESSES {
        @Override
        public StepShares shares(
                EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
            return new StepShares(settings, budget, blocks, speculation) {
                @Override
                void constrainAhead(StepPlan plan, Sequence sequence, Proposal proposal) {
                    TokenConstraint.Progress progress = sequence.progress();
                    for (int i = 0; progress != null && i < proposal.count(); i++) plan.constrain(progress, i + 1);
                }
            };
        }
    },
    /// A step follows one whose guesses are not settled.
    FOLLOWED_A_GUESS {
        @Override
        public Speculation speculation(
                EngineSettings settings, Proposer proposer, StepTimeModel times, BlockAllocator blocks) {
            return new Speculation(settings, proposer, times, blocks) {
                @Override
                boolean isTrying() {
                    return false;
                }
            };
        }
    },
    /// A request gives its permit back twice.
    PERMIT_SETTLED_TWICE {
        @Override
        public AdmissionController admission(
                ModelLimits limits, EngineSettings settings, Accounts accounts, WaitForecast forecast) {
            return new AdmissionController(limits, settings.waitingMax(), accounts, forecast) {
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
        public AdmissionController admission(
                ModelLimits limits, EngineSettings settings, Accounts accounts, WaitForecast forecast) {
            return new AdmissionController(limits, settings.waitingMax(), accounts, forecast) {
                @Override
                void settle(Submission submission) {
                    if (submission.hasStarted()) super.settle(submission);
                }
            };
        }
    };
    /// Stands between scheduler and device and moves the last slice of every fifth plan by a position, if it
    /// can.
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
        public int proposedMax() {
            return device.proposedMax();
        }

        @Override
        public InFlightStep launch(StepPlan plan) {
            if (++steps % 5 != 0 || plan.proposedTokens() > 0) return device.launch(plan);
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
