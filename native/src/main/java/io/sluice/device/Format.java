package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;

/// How the kernels keep numbers: the rows that enter and leave products, and packed weights. A value.
enum Format {
    FLOAT32(4, 0),
    BFLOAT16(2, 1),

    /// Bytes in blocks of 32 along a row, with a scale each (`quant.h`); a row's stride counts blocks.
    INT8(44, 2),

    /// Weights only: half bytes in blocks of 32, with a scale and a minimum each.
    INT4(0, -1);

    /// Numbers of a quantised block.
    static final int BLOCK = 32;

    private final int unitBytes;
    private final int code;

    Format(int unitBytes, int code) {
        this.unitBytes = unitBytes;
        this.code = code;
    }

    static Format of(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> FLOAT32;
            case BFLOAT16 -> BFLOAT16;
        };
    }

    /// Bytes of what a row's stride counts: a number, or a block.
    int unitBytes() {
        return unitBytes;
    }

    /// What `out.h` calls rows of this format.
    int code() {
        return code;
    }

    boolean isQuantised() {
        return this == INT8 || this == INT4;
    }
}
