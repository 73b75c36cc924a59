package io.sluice.device;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;

/// Cuts arrays into tiles of 16 rows, the last filled up with rows of zeros, and puts them together again.
final class RowTiles {
    static final int ROWS = 16;

    private RowTiles() {}

    /// `rows` along its first dimension; each tile is a view, or a copy where it had to be filled up.
    static NDList split(NDArray rows) {
        NDList tiles = new NDList();
        long count = rows.getShape().get(0);
        for (long first = 0; first < count; first += ROWS) {
            long end = Math.min(count, first + ROWS);
            tiles.add(pad(slice(rows, first, end), 0, first + ROWS - end));
        }
        return tiles;
    }

    /// The first `rowCount` rows of the tiles.
    static NDArray join(NDList tiles, long rowCount) {
        return slice(tiles.size() == 1 ? tiles.head() : NDArrays.concat(tiles), 0, rowCount);
    }

    /// Rows `[first, end)` of an array, as a view.
    static NDArray slice(NDArray rows, long first, long end) {
        return rows.get(new NDIndex().addSliceDim(first, end));
    }

    /// The array with rows of zeros before and after it.
    static NDArray pad(NDArray rows, long before, long after) {
        if (before == 0 && after == 0) return rows;
        NDList parts = new NDList();
        if (before > 0) parts.add(zeros(rows, before));
        parts.add(rows);
        if (after > 0) parts.add(zeros(rows, after));
        return NDArrays.concat(parts);
    }

    private static NDArray zeros(NDArray like, long rowCount) {
        Shape shape = like.getShape();
        return like.getManager().zeros(new Shape(rowCount).addAll(shape.slice(1)));
    }
}
