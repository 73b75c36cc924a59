package io.sluice.demomodel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// The upper half of a float32. Stateless.
final class Bfloat16 {
    private Bfloat16() {}

    /// The nearest value that bfloat16 holds, ties to even.
    static float round(float value) {
        int bits = Float.floatToIntBits(value);
        int rounded = bits + 0x7FFF + ((bits >>> 16) & 1);
        return Float.intBitsToFloat(rounded & 0xFFFF0000);
    }

    /// Little-endian bytes of values, each rounded.
    static byte[] bytes(float[] values) {
        ByteBuffer out = ByteBuffer.allocate(Short.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            out.putShort((short) (Float.floatToIntBits(round(value)) >>> 16));
        }
        return out.array();
    }

    /// The values of little-endian bytes.
    static float[] values(ByteBuffer bytes) {
        ByteBuffer in = bytes.order(ByteOrder.LITTLE_ENDIAN);
        var values = new float[in.remaining() / Short.BYTES];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat(in.getShort() << 16);
        }
        return values;
    }
}
