package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// The engine with one bug each in who owns which block and what is found in it, of the kind that one line
/// makes. The simulation must find every one of them: they are the test of the test.
enum MemoryMutant implements SimulatedParts {
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
                int take(int block, @Nullable TenantAccount owner) {
                    boolean repeat = ++count % 7 == 0 && references(latest) == 1;
                    if (!repeat) latest = super.take(block, owner);
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
    /// The prefix index does not look at whose prompt it is.
    HIT_ACROSS_SALTS {
        @Override
        public PrefixIndex index(ModelLimits limits, BlockHash hash) {
            return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash) {
                @Override
                long saltOf(PrefixChain chain) {
                    return 0;
                }
            };
        }
    },
    /// Behind a prefix that tenants share, everything is shared.
    SHARED_PREFIX_HAS_NO_END {
        @Override
        public PrefixIndex index(ModelLimits limits, BlockHash hash) {
            return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash) {
                @Override
                long saltOf(PrefixChain chain) {
                    return chain.salt(Math.min(1, chain.length() + 1) * limits.blockSize());
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
    /// A prompt that is to be reported on takes over what others have computed of it.
    REPORT_WITHOUT_COMPUTING {
        @Override
        public BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
            return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index) {
                @Override
                int reusableMax(Sequence sequence) {
                    return (sequence.tokenCount() - 1) / limits.blockSize();
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
    /// What comes back from host memory lacks its last block.
    PARKED_BLOCK_LOST {
        @Override
        public Starter starter(BlockAllocator blocks, HostBlocks host, Reservations reservations) {
            return new Starter(blocks, host, reservations) {
                @Override
                void bringBack(Sequence sequence, StepPlan plan) {
                    BlockTable lost = sequence.hostTable();
                    if (lost.count() > 1 && plan.copiesInCount() == 0) {
                        blocks.cover(sequence, sequence.computed());
                        int last = sequence.table().count() - 1;
                        int swapped = lost.array()[last];
                        lost.array()[last] = lost.array()[0];
                        lost.array()[0] = swapped;
                    }
                    super.bringBack(sequence, plan);
                }
            };
        }
    },
    /// A parked sequence believes one token more computed than it moved.
    PARKED_MIDWAY {
        @Override
        public Starter starter(BlockAllocator blocks, HostBlocks host, Reservations reservations) {
            return new Starter(blocks, host, reservations) {
                @Override
                boolean takeAway(Sequence sequence, StepPlan plan) {
                    boolean parks = super.takeAway(sequence, plan);
                    if (parks && sequence.uncomputed() > 1) sequence.advance(1);
                    return parks;
                }
            };
        }
    };
}
