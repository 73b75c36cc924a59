package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Products by libtorch (oneDNN, MKL), on plain row-major weights, in the weights' type throughout: bfloat16 products
/// are rounded to bfloat16, and our kernels widen them and add them up. Engine thread only.
///
/// libtorch chooses its order of summation by the shape, so a row's product depends on how many rows there are.
/// Where it must not (float32, `deterministic`), every product is one of exactly 16 rows, and a row's neighbours are
/// only other rows: the reference path does the same (`RowTiles`).
final class TorchProducts implements Products {
    private final Kernels kernels;
    private final Dtype dtype;
    private final boolean tiled;
    private final Region scratch; // [row, matrix row], what libtorch writes to
    private final long scratchBytes;

    /// One per buffer and width, of which a model has at most ten; found by looking at all of them.
    private final List<Views> views = new ArrayList<>();

    private final Deque<Tensor> matrices = new ArrayDeque<>();

    /// Starts libtorch.
    ///
    /// @param tiled rows must not depend on each other's number
    /// @param outputsMax the most numbers of one product: rows, in whole tiles, times columns
    /// @throws TorchFailed if libtorch cannot be loaded
    static TorchProducts open(Kernels kernels, Dtype dtype, boolean tiled, long outputsMax, int threads) {
        Torch.start(threads);
        Torch.prepareThread();
        return new TorchProducts(kernels, dtype, tiled, outputsMax);
    }

    private TorchProducts(Kernels kernels, Dtype dtype, boolean tiled, long outputsMax) {
        this.kernels = kernels;
        this.dtype = dtype;
        this.tiled = tiled;
        scratchBytes = Region.aligned(outputsMax * dtype.bytes());
        scratch = new Region(kernels, scratchBytes);
    }

    @Override
    public Format format(FusedWeights.Matrix weights) {
        return Format.of(dtype);
    }

    @Override
    public long bytes(int rows, int columns, Format format) {
        return (long) rows * columns * dtype.bytes();
    }

    @Override
    public long inputBytes(long count, int width) {
        return count * width * dtype.bytes();
    }

    /// Without gaps: libtorch copies activations that are further apart.
    @Override
    public Kernels.Rows input(long address, int width, Format format) {
        return new Kernels.Rows(address, width, format);
    }

    @Override
    public long scratchBytes() {
        return scratchBytes;
    }

    @Override
    public Matrix matrix(long address, int rows, int columns, Format format) {
        try (Tensor weights = Tensor.over(Region.view(address, bytes(rows, columns, format)), dtype, rows, columns)) {
            matrices.push(weights.transposed());
        }
        return new Plain(address, rows, columns, matrices.element());
    }

    @Override
    public void close() {
        views.forEach(Views::close);
        while (!matrices.isEmpty()) matrices.pop().close();
        scratch.close();
    }

    private final class Plain implements Matrix {
        private final Kernels.Rows weights;
        private final int rows;
        private final int columns;
        private final Tensor transposed; // [columns, rows]

        private Plain(long address, int rows, int columns, Tensor transposed) {
            weights = new Kernels.Rows(address, columns, Format.of(dtype));
            this.rows = rows;
            this.columns = columns;
            this.transposed = transposed;
        }

        @Override
        public Format inputs() {
            return Format.of(dtype);
        }

        @Override
        public void put(FusedWeights.Matrix stored, int first, int end) {
            int numbers = Math.multiplyExact(end - first, columns);
            long at = weights.address() + (long) first * columns * dtype.bytes();
            MemorySegment target = Region.view(at, (long) numbers * dtype.bytes());
            switch (dtype) {
                case FLOAT32 -> stored.readRows(first, end, target);
                case BFLOAT16 -> {
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment floats = arena.allocate(JAVA_FLOAT, numbers);
                        stored.readRows(first, end, floats);
                        WeightReader.toBfloat16(floats, target, numbers);
                    }
                }
            }
        }

        @Override
        public void embed(long tokens, Kernels.Rows out, int rowCount) {
            kernels.gather(weights, tokens, out, rowCount, columns);
        }

        @Override
        public void multiply(Kernels.Rows x, Kernels.Rows y, int rowCount) {
            kernels.gather(product(x, rowCount), 0, y, rowCount, rows);
        }

        @Override
        public void multiplyAdd(Kernels.Rows x, Kernels.Rows y, int rowCount) {
            kernels.gatherAdd(product(x, rowCount), 0, y, rowCount, rows);
        }

        /// Rows beyond `rowCount` are computed too, from whatever stands there, and never read.
        private Kernels.Rows product(Kernels.Rows x, int rowCount) {
            Views from = views(x.address(), columns);
            Views to = views(scratch.start(), rows);
            int computed = wholeTiles(rowCount);
            if (!tiled && rowCount < TILE_ROWS) computed = rowCount;
            int step = tiled ? TILE_ROWS : computed;
            for (int first = 0; first < computed; first += step) {
                Tensor.multiply(to.rows(first, step), from.rows(first, step), transposed);
            }
            return to.all;
        }
    }

    /// Rows in whole tiles: libtorch compiles a product for each number of rows and keeps a thousand, so it is given
    /// few different ones.
    static int wholeTiles(int rowCount) {
        return Math.ceilDiv(rowCount, TILE_ROWS) * TILE_ROWS;
    }

    private Views views(long address, int width) {
        for (int i = 0; i < views.size(); i++) {
            Views each = views.get(i);
            if (each.all.address() == address && each.all.stride() == width) return each;
        }
        views.add(new Views(new Kernels.Rows(address, width, Format.of(dtype)), dtype));
        return views.getLast();
    }

    /// A buffer's rows as tensors, each made when it is first needed: up to 15 rows, tiles, whole tiles from the start.
    private static final class Views implements AutoCloseable {
        private final Kernels.Rows all; // contiguous
        private final Dtype dtype;
        private final @Nullable Tensor[] few = new @Nullable Tensor[TILE_ROWS]; // by number of rows
        private @Nullable Tensor[] tiles = {}; // by first row / 16
        private @Nullable Tensor[] many = {}; // by number of rows / 16

        private Views(Kernels.Rows all, Dtype dtype) {
            this.all = all;
            this.dtype = dtype;
        }

        private Tensor rows(int first, int count) {
            if (count < TILE_ROWS) return at(few, count, 0, count);
            if (count > TILE_ROWS) {
                many = grown(many, count / TILE_ROWS);
                return at(many, count / TILE_ROWS, 0, count);
            }
            tiles = grown(tiles, first / TILE_ROWS);
            return at(tiles, first / TILE_ROWS, first, TILE_ROWS);
        }

        private Tensor at(@Nullable Tensor[] made, int index, int first, int count) {
            Tensor tensor = made[index];
            if (tensor == null) {
                long rowBytes = (long) all.stride() * dtype.bytes();
                MemorySegment memory = Region.view(all.address() + first * rowBytes, count * rowBytes);
                tensor = Tensor.over(memory, dtype, count, all.stride());
                made[index] = tensor;
            }
            return tensor;
        }

        private static @Nullable Tensor[] grown(@Nullable Tensor[] made, int index) {
            return index < made.length ? made : java.util.Arrays.copyOf(made, index + 1);
        }

        @Override
        public void close() {
            closeAll(few);
            closeAll(tiles);
            closeAll(many);
        }

        private static void closeAll(@Nullable Tensor[] made) {
            for (Tensor tensor : made) {
                if (tensor != null) tensor.close();
            }
        }
    }
}
