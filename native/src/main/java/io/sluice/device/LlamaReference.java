package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The Llama graph in plain DJL operations and float32: RMSNorm, rotary positions, grouped-query attention over paged
/// keys and values, SwiGLU. Slow and readable; the oracle that faster paths are checked against. Engine thread only.
///
/// **A token's numbers do not depend on what else is in the step.** How a product sums up depends on its shape, so
/// every operation that sums has a shape which the batch and the chunking cannot change. Everything per token (norms,
/// linear layers) runs on tiles of exactly 16 rows. Attention runs per sequence on tiles of 16 positions, aligned to
/// multiples of 16, over keys up to the tile's end: both follow from the position alone. Rows that a tile lacks are
/// zeros. What remains is the row's place in its tile, and libtorch computes the rows of one product alike; the tests
/// hold it to that, bit by bit.
final class LlamaReference implements AutoCloseable {
    private static final int TILE = RowTiles.ROWS;

    /// One layer's weights; matrices as [inputs, outputs] views, so that a linear layer is `x.matMul(w)`.
    private record Layer(
            NDArray attentionNorm,
            NDArray queriesKeysValues,
            NDArray attentionOutput,
            NDArray mlpNorm,
            NDArray gateUp,
            NDArray down) {}

    /// What all layers need to know of one step; its arrays live as long as the step.
    private record Step(StepPlan plan, NDList cos, NDList sin, List<NDArray> blockTables) {}

    private final ModelConfig config;
    private final NDManager manager; // owns everything below
    private final NDArray embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final NDArray finalNorm; // [hidden]
    private final NDArray head; // [hidden, vocab]
    private final NDArray cos; // [position, headDim / 2]
    private final NDArray sin; // [position, headDim / 2]
    private final NDArray mask; // [16, context]: 0 where a tile's row sees a column, if the columns end with the tile
    private final ReferenceCache cache;

    /// @param weights float32; used, not copied, so they must stay
    LlamaReference(Torch torch, ModelConfig config, LlamaWeights weights, ModelLimits limits) {
        this.config = config;
        manager = torch.newManager();
        embedding = weights.embedding().toNDArray(manager);
        for (LlamaWeights.Layer layer : weights.layers()) {
            layers.add(new Layer(
                    layer.attentionNorm().toNDArray(manager),
                    layer.queriesKeysValues().toNDArray(manager).transpose(),
                    layer.attentionOutput().toNDArray(manager).transpose(),
                    layer.mlpNorm().toNDArray(manager),
                    layer.gateUp().toNDArray(manager).transpose(),
                    layer.down().toNDArray(manager).transpose()));
        }
        finalNorm = weights.finalNorm().toNDArray(manager);
        head = weights.head().toNDArray(manager).transpose();
        RotaryTable rotary = new RotaryTable(limits.contextMax(), config.headDim(), config.ropeTheta());
        Shape angles = new Shape(limits.contextMax(), config.headDim() / 2);
        cos = manager.create(rotary.cos(), angles);
        sin = manager.create(rotary.sin(), angles);
        mask = causalMask(manager, Math.ceilDiv(limits.contextMax(), TILE) * TILE);
        cache = new ReferenceCache(manager, config, limits);
    }

    /// A manager for the arrays of one step, to be closed after it.
    NDManager newStep() {
        return manager.newSubManager();
    }

    /// Copies what the plan parks and brings back; before anything else of the plan.
    void copyBlocks(StepPlan plan) {
        cache.copyBlocks(plan);
    }

    /// Runs the plan's tokens through all layers and stores their keys and values. The result, [tokenCount, hidden],
    /// goes to `logits`.
    NDArray forward(StepPlan plan, NDManager stepManager) {
        int[] tokens = new int[plan.tokenCount()];
        int[] positions = new int[plan.tokenCount()];
        List<NDArray> blockTables = new ArrayList<>();
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            for (int i = 0; i < plan.length(slice); i++) {
                tokens[plan.tokenStart(slice) + i] = plan.token(plan.tokenStart(slice) + i);
                positions[plan.tokenStart(slice) + i] = plan.firstPosition(slice) + i;
            }
            int[] blocks = new int[plan.blockCount(slice)];
            for (int i = 0; i < blocks.length; i++) blocks[i] = plan.block(slice, i);
            blockTables.add(stepManager.create(blocks));
        }
        NDArray at = stepManager.create(positions);
        Step step = new Step(
                plan,
                RowTiles.split(take(cos, at).expandDims(1)),
                RowTiles.split(take(sin, at).expandDims(1)),
                blockTables);
        NDList tiles = RowTiles.split(take(embedding, stepManager.create(tokens)));
        for (int layer = 0; layer < layers.size(); layer++) {
            try (NDManager layerManager = stepManager.newSubManager()) {
                tiles.attach(layerManager); // an operation's result goes where its first operand is
                tiles = layer(layer, tiles, step);
                tiles.attach(stepManager);
            }
        }
        return RowTiles.join(tiles, plan.tokenCount());
    }

    /// Logits of rows of `forward`: [rows, vocab].
    NDArray logits(NDArray rows) {
        NDList logits = new NDList();
        for (NDArray tile : RowTiles.split(rows))
            logits.add(norm(tile, finalNorm).matMul(head));
        return RowTiles.join(logits, rows.getShape().get(0));
    }

    @Override
    public void close() {
        cache.close();
        manager.close();
    }

    private NDList layer(int index, NDList tiles, Step step) {
        Layer weights = layers.get(index);
        NDList queries = new NDList();
        NDList keys = new NDList();
        NDList values = new NDList();
        for (int i = 0; i < tiles.size(); i++) {
            NDArray all = norm(tiles.get(i), weights.attentionNorm).matMul(weights.queriesKeysValues);
            queries.add(rotate(heads(all, 0, config.headCount()), step.cos.get(i), step.sin.get(i)));
            keys.add(rotate(heads(all, config.headCount(), config.kvHeadCount()), step.cos.get(i), step.sin.get(i)));
            values.add(heads(all, config.headCount() + config.kvHeadCount(), config.kvHeadCount()));
        }
        int tokenCount = step.plan.tokenCount();
        NDList attended = RowTiles.split(attention(
                index,
                RowTiles.join(queries, tokenCount),
                RowTiles.join(keys, tokenCount),
                RowTiles.join(values, tokenCount),
                step));
        NDList out = new NDList();
        for (int i = 0; i < tiles.size(); i++) {
            NDArray x = tiles.get(i).add(attended.get(i).matMul(weights.attentionOutput));
            out.add(x.add(mlp(norm(x, weights.mlpNorm), weights)));
        }
        return out;
    }

    /// RMSNorm, arXiv 1910.07467.
    private NDArray norm(NDArray x, NDArray weight) {
        NDArray meanSquare = x.square().mean(new int[] {1}, true);
        return x.div(meanSquare.add(config.rmsNormEps()).sqrt()).mul(weight);
    }

    /// SwiGLU, arXiv 2002.05202.
    private NDArray mlp(NDArray x, Layer weights) {
        NDArray gateUp = x.matMul(weights.gateUp);
        NDArray gate = columns(gateUp, 0, config.intermediateSize());
        NDArray up = columns(gateUp, config.intermediateSize(), 2L * config.intermediateSize());
        return Activation.swish(gate, 1f).mul(up).matMul(weights.down);
    }

    /// Heads `[first, first + count)` of [16, all heads x headDim] as [16, count, headDim].
    private NDArray heads(NDArray x, int first, int count) {
        int headDim = config.headDim();
        return columns(x, (long) first * headDim, (long) (first + count) * headDim)
                .reshape(TILE, count, headDim);
    }

    /// Turns each head, [16, heads, headDim], by its token's position; `cos` and `sin` are [16, 1, headDim / 2].
    private NDArray rotate(NDArray x, NDArray cos, NDArray sin) {
        int half = config.headDim() / 2;
        NDArray first = x.get(new NDIndex().addAllDim(2).addSliceDim(0, half));
        NDArray second = x.get(new NDIndex().addAllDim(2).addSliceDim(half, 2L * half));
        NDArray turnedFirst = first.mul(cos).sub(second.mul(sin));
        NDArray turnedSecond = second.mul(cos).add(first.mul(sin));
        return NDArrays.concat(new NDList(turnedFirst, turnedSecond), 2);
    }

    /// Stores the step's keys and values and attends, slice by slice: [tokenCount, heads x headDim].
    private NDArray attention(int layer, NDArray queries, NDArray keys, NDArray values, Step step) {
        StepPlan plan = step.plan;
        NDList attended = new NDList();
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int start = plan.tokenStart(slice);
            int end = plan.tokenStart(slice + 1);
            cache.write(layer, plan, slice, RowTiles.slice(keys, start, end), RowTiles.slice(values, start, end));
            attended.add(attend(layer, plan, slice, RowTiles.slice(queries, start, end), step.blockTables.get(slice)));
        }
        return RowTiles.join(attended, plan.tokenCount());
    }

    /// Attention of one slice's queries, [length, heads, headDim], to all of its sequence so far.
    private NDArray attend(int layer, StepPlan plan, int slice, NDArray queries, NDArray blockTable) {
        int first = plan.firstPosition(slice);
        int end = first + plan.length(slice);
        // The table lives as long as the step, what is read through it only as long as the layer.
        NDArray blocks = blockTable.duplicate();
        blocks.attach(queries.getManager());
        NDArray keys = cache.keys(layer, blocks, end);
        NDArray values = cache.values(layer, blocks, end);
        NDList attended = new NDList();
        for (int tile = first / TILE * TILE; tile < end; tile += TILE) {
            int from = Math.max(first, tile);
            int to = Math.min(end, tile + TILE);
            NDArray rows = RowTiles.slice(queries, from - first, to - first);
            NDArray padded = RowTiles.pad(rows, from - tile, tile + TILE - to);
            NDArray tileKeys = RowTiles.slice(keys, 0, tile + TILE);
            NDArray tileValues = RowTiles.slice(values, 0, tile + TILE);
            NDArray all = isFinite(RowTiles.slice(keys, tile, to)) && isFinite(RowTiles.slice(values, tile, to))
                    ? attendTile(padded, tileKeys, tileValues)
                    : attendRowByRow(padded, tileKeys, tileValues);
            attended.add(RowTiles.slice(all, from - tile, to - tile));
        }
        return RowTiles.join(attended, end - first);
    }

    /// `attendTile` where a key or value of the tile's own positions is not a number. A weight of zero does not
    /// hide one, and the rows before it may be shared with sequences that go on with other tokens. So each row is
    /// computed with zeros in place of what it does not see.
    private NDArray attendRowByRow(NDArray queries, NDArray keys, NDArray values) {
        int before = Math.toIntExact(keys.getShape().get(0)) - TILE;
        NDList attended = new NDList();
        for (int row = 0; row < TILE; row++) {
            int seen = before + row + 1;
            NDArray seenKeys = RowTiles.pad(RowTiles.slice(keys, 0, seen), 0, TILE - row - 1L);
            NDArray seenValues = RowTiles.pad(RowTiles.slice(values, 0, seen), 0, TILE - row - 1L);
            attended.add(RowTiles.slice(attendTile(queries, seenKeys, seenValues), row, row + 1L));
        }
        return RowTiles.join(attended, TILE);
    }

    private static boolean isFinite(NDArray rows) {
        MemorySegment numbers = Tensor.memoryOf(rows);
        for (long i = 0; i < rows.size(); i++) {
            if (!Float.isFinite(numbers.getAtIndex(JAVA_FLOAT, i))) return false;
        }
        return true;
    }

    /// Sixteen consecutive positions attend to all positions up to the last of them.
    ///
    /// @param queries [16, heads, headDim]
    /// @param keys [context, kvHeads, headDim], like `values`
    /// @return [16, heads x headDim]
    private NDArray attendTile(NDArray queries, NDArray keys, NDArray values) {
        int heads = config.headCount();
        int kvHeads = config.kvHeadCount();
        int headDim = config.headDim();
        int groupRows = heads / kvHeads * TILE; // query heads that share keys are treated as more rows
        long context = keys.getShape().get(0);
        NDArray visible =
                columns(mask, mask.getShape().get(1) - context, mask.getShape().get(1));

        NDArray grouped = queries.transpose(1, 0, 2).reshape(kvHeads, groupRows, headDim);
        NDArray scores = grouped.matMul(keys.transpose(1, 2, 0)).mul((float) (1 / Math.sqrt(headDim)));
        NDArray probabilities =
                scores.reshape(heads, TILE, context).add(visible).softmax(2);
        NDArray sums = probabilities.reshape(kvHeads, groupRows, context).matMul(values.transpose(1, 0, 2));
        return sums.reshape(heads, TILE, headDim).transpose(1, 0, 2).reshape(TILE, (long) heads * headDim);
    }

    /// A mask for a tile whose last row is its context's last column: narrower contexts use its last columns.
    private static NDArray causalMask(NDManager manager, int width) {
        float[] mask = new float[TILE * width];
        for (int row = 0; row < TILE; row++) {
            for (int hidden = row + 1; hidden < TILE; hidden++) {
                mask[row * width + width - TILE + hidden] = Float.NEGATIVE_INFINITY;
            }
        }
        return manager.create(mask, new Shape(TILE, width));
    }

    private static NDArray columns(NDArray x, long first, long end) {
        return x.get(new NDIndex().addAllDim().addSliceDim(first, end));
    }

    /// Rows of a table by their numbers, in the numbers' manager.
    private static NDArray take(NDArray table, NDArray numbers) {
        return table.get(numbers.getManager(), new NDIndex().addIndices("{}", numbers));
    }
}
