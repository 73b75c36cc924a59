package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Products of many rows of bfloat16 by libtorch, on memory of ours: which it serves (`CudaGemmChoice`),
/// and the tensors over buffers and weights, each made when it is first needed. Once warm, hot path without
/// allocation, which is also what recording in a graph needs: a step runs once before it is recorded. The
/// device's thread only.
///
/// libtorch gives a product of bfloat16 in bfloat16. Ours give float32, so where a product goes there is
/// room for either; whoever reads it takes both.
final class CudaTorch implements AutoCloseable {

    /// Rows are filled up to whole tiles, with whatever stands there: few different shapes, of which each
    /// has a tensor, and cuBLAS likes multiples of 8.
    static final int TILE_ROWS = 16;

    /// Rows of which the matrix unit reads whole runs.
    private static final int RUN = 8;

    private final TorchDevice torch;
    private final IdentityHashMap<CudaMatrix, Tensor> weights =
            new IdentityHashMap<>(); // [columns, rows], views of the matrices
    private final List<Views> buffers = new ArrayList<>(); // a model has at most ten; found by looking at all of them
    private CudaGemmChoice choice = CudaGemmChoice.NONE;

    CudaTorch(TorchDevice torch) {
        this.torch = torch;
    }

    void choose(CudaGemmChoice chosen) {
        choice = chosen;
    }

    /// True if libtorch can multiply by such a matrix at all.
    static boolean canMultiply(CudaMatrix matrix) {
        return matrix.format() == Format.BFLOAT16 && matrix.columns() % RUN == 0 && matrix.rows() % RUN == 0;
    }

    /// True if it multiplies so many rows by this matrix.
    boolean serves(CudaMatrix matrix, int rows) {
        return canMultiply(matrix) && rows >= choice.fromRows(matrix);
    }

    /// Queues `y = x matrix^T`.
    ///
    /// @param x of bfloat16, without gaps
    /// @param to room for whole tiles of rows of bfloat16
    /// @return the product, at `to`
    Kernels.Rows multiply(Kernels.Rows x, CudaMatrix matrix, long to, int rows) {
        if (x.format() != Format.BFLOAT16 || x.stride() != matrix.columns()) {
            throw new IllegalArgumentException("libtorch multiplies rows of bfloat16 without gaps, not " + x);
        }
        int computed = Math.ceilDiv(rows, TILE_ROWS) * TILE_ROWS;
        Tensor from = views(x.address(), matrix.columns()).rows(computed);
        Tensor product = views(to, matrix.rows()).rows(computed);
        Tensor transposed = weights.get(matrix);
        if (transposed == null) transposed = transposed(matrix);
        if (torch.multiply(product.handle(), from.handle(), transposed.handle()) != 0) {
            throw new TorchFailed("libtorch cannot multiply " + from + " by " + transposed + "; see stderr");
        }
        return new Kernels.Rows(to, matrix.rows(), Format.BFLOAT16);
    }

    private Tensor transposed(CudaMatrix matrix) {
        try (Tensor stored =
                Tensor.at(torch.place(), matrix.numbers(), Dtype.BFLOAT16, matrix.rows(), matrix.columns())) {
            Tensor made = stored.transposed();
            weights.put(matrix, made);
            return made;
        }
    }

    private Views views(long address, int width) {
        for (int i = 0; i < buffers.size(); i++) {
            Views each = buffers.get(i);
            if (each.address == address && each.width == width) return each;
        }
        buffers.add(new Views(torch.place(), address, width));
        return buffers.getLast();
    }

    @Override
    public void close() {
        buffers.forEach(Views::close);
        weights.values().forEach(Tensor::close);
        buffers.clear();
        weights.clear();
        torch.close();
    }

    /// A buffer's first rows as tensors.
    private static final class Views implements AutoCloseable {
        private final TorchAbi.Place place;
        private final long address;
        private final int width;
        private final List<@Nullable Tensor> made = new ArrayList<>(); // by tiles; at most a step's

        private Views(TorchAbi.Place place, long address, int width) {
            this.place = place;
            this.address = address;
            this.width = width;
        }

        private Tensor rows(int count) {
            int tiles = count / TILE_ROWS;
            while (made.size() <= tiles) made.add(null);
            Tensor tensor = made.get(tiles);
            if (tensor == null) {
                tensor = Tensor.at(place, address, Dtype.BFLOAT16, count, width);
                made.set(tiles, tensor);
            }
            return tensor;
        }

        @Override
        public void close() {
            for (Tensor tensor : made) {
                if (tensor != null) tensor.close();
            }
        }
    }
}
