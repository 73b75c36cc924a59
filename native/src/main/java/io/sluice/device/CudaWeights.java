package io.sluice.device;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The weights of a Llama-family model on a CUDA device. Rows pass through pinned memory, as they are stored where the
/// device can lay them out, else decoded. Never written after the constructor. One runner owns and closes it; the
/// device's thread.
final class CudaWeights implements AutoCloseable {

    /// One transformer layer. Norms are addresses of float32 vectors.
    record Layer(
            long attentionNorm, // [hidden]
            CudaMatrix queriesKeysValues, // [(heads + 2 kvHeads) headDim, hidden]: queries, then keys, then values
            CudaMatrix attentionOutput, // [hidden, heads headDim]
            long mlpNorm, // [hidden]
            CudaMatrix gateUp, // [2 intermediate, hidden]: the gate, then what it gates
            CudaMatrix down) {} // [hidden, intermediate]

    /// Pinned memory that rows pass through: large enough for the bus to be the limit.
    private static final long STAGING_BYTES = 16L << 20;

    private final CudaDevice device;
    private final CudaKernels kernels;
    private final CudaProducts products;
    private final Arena descriptions = Arena.ofConfined();
    private final CudaRegion memory;

    private final CudaMatrix embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final long finalNorm; // [hidden]
    private final CudaMatrix head; // [vocab, hidden]; the embedding itself if tied

    /// @throws ModelFileException if a tensor is missing or of another shape
    CudaWeights(CudaDevice device, CudaKernels kernels, CudaProducts products, WeightFiles files) {
        this.device = device;
        this.kernels = kernels;
        this.products = products;
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        memory = new CudaRegion(device, bytes(files, products));
        try (Staging staging = Staging.on(device)) {
            embedding = matrix(fused.embedding(), staging);
            for (int i = 0; i < config.layerCount(); i++) layers.add(layer(fused.layer(i), staging));
            finalNorm = vector(fused.finalNorm(), staging);
            head = config.tiedHead() ? embedding : matrix(fused.head(), staging);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /// Where rows are on their way.
    ///
    /// @param onDevice as many bytes as pinned
    private record Staging(CudaDevice device, MemorySegment pinned, long onDevice) implements AutoCloseable {
        static Staging on(CudaDevice device) {
            MemorySegment pinned = device.allocPinned(STAGING_BYTES);
            try {
                return new Staging(device, pinned, device.alloc(STAGING_BYTES));
            } catch (RuntimeException | Error e) {
                device.freePinned(pinned);
                throw e;
            }
        }

        @Override
        public void close() {
            device.free(onDevice);
            device.freePinned(pinned);
        }
    }

    /// Device memory that the weights of such a model take.
    static long bytes(WeightFiles files, CudaProducts products) {
        FusedWeights fused = new FusedWeights(files);
        ModelConfig config = files.config();
        long vector = CudaRegion.aligned((long) config.hiddenSize() * Float.BYTES);
        long bytes = vector + matrixBytes(fused.embedding(), products);
        for (int i = 0; i < config.layerCount(); i++) {
            FusedWeights.Layer layer = fused.layer(i);
            bytes += 2 * vector
                    + matrixBytes(layer.queriesKeysValues(), products)
                    + matrixBytes(layer.attentionOutput(), products)
                    + matrixBytes(layer.gateUp(), products)
                    + matrixBytes(layer.down(), products);
        }
        return config.tiedHead() ? bytes : bytes + matrixBytes(fused.head(), products);
    }

    private static long matrixBytes(FusedWeights.Matrix fused, CudaProducts products) {
        Format format = products.format(fused);
        return CudaRegion.aligned(CudaMatrix.numberBytes(fused.rows(), fused.columns(), format))
                + CudaRegion.aligned(CudaMatrix.scaleBytes(fused.rows(), fused.columns(), format));
    }

    CudaMatrix embedding() {
        return embedding;
    }

    List<Layer> layers() {
        return layers;
    }

    long finalNorm() {
        return finalNorm;
    }

    CudaMatrix head() {
        return head;
    }

    @Override
    public void close() {
        memory.close();
        descriptions.close();
    }

    private Layer layer(FusedWeights.Layer fused, Staging staging) {
        return new Layer(
                vector(fused.attentionNorm(), staging),
                matrix(fused.queriesKeysValues(), staging),
                matrix(fused.attentionOutput(), staging),
                vector(fused.mlpNorm(), staging),
                matrix(fused.gateUp(), staging),
                matrix(fused.down(), staging));
    }

    private long vector(WeightTensor tensor, Staging staging) {
        long bytes = (long) tensor.columns() * Float.BYTES;
        long address = memory.take(bytes);
        tensor.readRows(0, 1, staging.pinned.asSlice(0, bytes));
        device.copy(address, staging.pinned.address(), bytes);
        device.await();
        return address;
    }

    private CudaMatrix matrix(FusedWeights.Matrix fused, Staging staging) {
        Format format = products.format(fused);
        int rows = fused.rows();
        int columns = fused.columns();
        long numbers = memory.take(CudaMatrix.numberBytes(rows, columns, format));
        long scales = memory.take(CudaMatrix.scaleBytes(rows, columns, format));
        TensorType type = fused.parts().getFirst().type();
        boolean stored = format.isQuantised()
                || (format == Format.BFLOAT16
                        && fused.parts().stream().allMatch(part -> part.type() == TensorType.BF16));
        long rowBytes = stored ? type.bytes(columns) : (long) columns * Float.BYTES;
        int atOnce = Math.toIntExact(Math.min(rows, STAGING_BYTES / rowBytes));
        if (atOnce == 0) throw new IllegalArgumentException("rows of " + rowBytes + " bytes do not fit the staging");
        for (int first = 0; first < rows; first += atOnce) {
            int end = Math.min(rows, first + atOnce);
            long bytes = (end - first) * rowBytes;
            if (stored) fused.copyRows(first, end, staging.pinned);
            else fused.readRows(first, end, staging.pinned.asSlice(0, bytes));
            long target = numbers + CudaMatrix.numberBytes(first, columns, format);
            long targetScales = scales + CudaMatrix.scaleBytes(first, columns, format);
            boolean asItIs = format == Format.FLOAT32 || (stored && format == Format.BFLOAT16);
            device.copy(asItIs ? target : staging.onDevice, staging.pinned.address(), bytes);
            if (!asItIs) layOut(type, staging.onDevice, target, targetScales, end - first, columns, format);
            device.await(); // the staging is free again
        }
        return CudaMatrix.describe(descriptions, numbers, scales, rows, columns, format);
    }

    private void layOut(TensorType type, long from, long numbers, long scales, int rows, int columns, Format format) {
        if (format == Format.BFLOAT16) {
            kernels.narrow(from, numbers, (long) rows * columns);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            CudaMatrix part = CudaMatrix.describe(arena, numbers, scales, rows, columns, format);
            if (format == Format.INT8) kernels.packQ8(from, part);
            else kernels.packQ4(from, type == TensorType.Q4_1, part);
        }
    }
}
