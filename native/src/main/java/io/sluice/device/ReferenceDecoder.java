package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A decoder in plain DJL operations and float32: RMSNorm, rotary positions, grouped-query attention over
/// paged keys and values, a gated MLP or several; Llama, and what other families do otherwise
/// (`DecoderTraits`). Slow and readable; the oracle that faster paths are checked against. Engine thread
/// only.
///
/// **A token's numbers do not depend on what else is in the step.** How a product sums up depends on its shape, so
/// every operation that sums has a shape which the batch and the chunking cannot change. Everything per token (norms,
/// linear layers) runs on tiles of exactly 16 rows. Attention runs per sequence on tiles of 16 positions, aligned to
/// multiples of 16, over keys up to the tile's end: both follow from the position alone. Rows that a tile lacks are
/// zeros. What remains is the row's place in its tile, and libtorch computes the rows of one product alike; the tests
/// hold it to that, bit by bit.
final class ReferenceDecoder implements AutoCloseable {
    private static final int TILE = RowTiles.ROWS;

    /// One layer's weights; matrices as [inputs, outputs] views, so that a linear layer is `x.matMul(w)`.
    /// What is null the model does not have.
    private record Layer(
            NDArray attentionNorm,
            NDArray queriesKeysValues,
            @Nullable NDArray bias,
            @Nullable NDArray queryNorm,
            @Nullable NDArray keyNorm,
            NDArray attentionOutput,
            @Nullable NDArray attentionPostNorm,
            NDArray mlpNorm,
            ReferenceMlp mlp,
            @Nullable NDArray mlpPostNorm) {}

    /// Cosines and sines, [position, width / 2].
    private record Turns(NDArray cos, NDArray sin) {
        private static Turns of(NDManager manager, RotaryTable table, int positions, int width) {
            Shape shape = new Shape(positions, width / 2);
            return new Turns(manager.create(table.cos(), shape), manager.create(table.sin(), shape));
        }

        /// Of a step's positions, in tiles of [16, 1, width / 2].
        private List<Turns> at(NDArray positions) {
            NDList cosTiles = RowTiles.split(take(cos, positions).expandDims(1));
            NDList sinTiles = RowTiles.split(take(sin, positions).expandDims(1));
            List<Turns> tiles = new ArrayList<>();
            for (int i = 0; i < cosTiles.size(); i++) tiles.add(new Turns(cosTiles.get(i), sinTiles.get(i)));
            return tiles;
        }
    }

    /// What all layers need to know of one step; its arrays live as long as the step.
    private record Step(StepPlan plan, List<Turns> global, List<Turns> local, List<NDArray> blockTables) {}

    private final ModelConfig config;
    private final NDManager manager; // owns everything below
    private final NDArray embedding; // [vocab, hidden]
    private final List<Layer> layers = new ArrayList<>();
    private final NDArray finalNorm; // [hidden]
    private final NDArray head; // [hidden, vocab]
    private final Turns global;
    private final Turns local; // the global ones if no layer has others
    private final Map<Integer, NDArray> masks = new HashMap<>(); // by window, as many as kinds of layers: `mask`
    private final ReferenceCache cache;

    /// @param weights float32; used, not copied, so they must stay
    ReferenceDecoder(Torch torch, ModelConfig config, DecodedWeights weights, ModelLimits limits) {
        this.config = config;
        manager = torch.newManager();
        embedding = weights.embedding().toNDArray(manager);
        for (DecodedWeights.Layer layer : weights.layers()) layers.add(layer(layer));
        finalNorm = weights.finalNorm().toNDArray(manager);
        head = weights.head().toNDArray(manager).transpose();
        int positions = limits.contextMax();
        int width = config.traits().rotary().width();
        global = Turns.of(manager, RotaryTable.global(config, positions), positions, width);
        local = config.traits().rotary().localTheta() == 0
                ? global
                : Turns.of(manager, RotaryTable.local(config, positions), positions, width);
        for (DecoderTraits.Layer layer : config.traits().layers()) {
            int columns = Math.ceilDiv(positions, TILE) * TILE;
            masks.computeIfAbsent(layer.window(), window -> mask(manager, columns, window));
        }
        cache = new ReferenceCache(manager, config, limits);
    }

    private Layer layer(DecodedWeights.Layer layer) {
        return new Layer(
                layer.attentionNorm().toNDArray(manager),
                matrix(layer.queriesKeysValues()),
                vector(layer.bias()),
                vector(layer.queryNorm()),
                vector(layer.keyNorm()),
                matrix(layer.attentionOutput()),
                vector(layer.attentionPostNorm()),
                layer.mlpNorm().toNDArray(manager),
                new ReferenceMlp(manager, config, layer),
                vector(layer.mlpPostNorm()));
    }

    private NDArray matrix(Tensor tensor) {
        return tensor.toNDArray(manager).transpose();
    }

    private @Nullable NDArray vector(@Nullable Tensor tensor) {
        return tensor == null ? null : tensor.toNDArray(manager);
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
        Step step = new Step(plan, global.at(at), local.at(at), blockTables);
        NDArray embedded = take(embedding, stepManager.create(tokens));
        NDList tiles = RowTiles.split(embedded.mul(config.traits().embeddingScale()));
        for (int layer = 0; layer < layers.size(); layer++) {
            try (NDManager layerManager = stepManager.newSubManager()) {
                tiles.attach(layerManager); // an operation's result goes where its first operand is
                tiles = layer(layer, tiles, step);
                tiles.attach(stepManager);
            }
        }
        return RowTiles.join(tiles, plan.tokenCount());
    }

    /// The final norm of rows of `forward`: [rows, hidden].
    NDArray finals(NDArray rows) {
        NDList normed = new NDList();
        for (NDArray tile : RowTiles.split(rows)) normed.add(norm(tile, finalNorm));
        return RowTiles.join(normed, rows.getShape().get(0));
    }

    /// Logits of rows of `forward`: [rows, vocab].
    NDArray logits(NDArray rows) {
        NDList logits = new NDList();
        for (NDArray tile : RowTiles.split(rows))
            logits.add(
                    capped(norm(tile, finalNorm).matMul(head), config.traits().logitSoftcap()));
        return RowTiles.join(logits, rows.getShape().get(0));
    }

    @Override
    public void close() {
        cache.close();
        manager.close();
    }

    private NDList layer(int index, NDList tiles, Step step) {
        Layer weights = layers.get(index);
        DecoderTraits.Rotation rotation = config.traits().layers().get(index).rotation();
        List<Turns> turns = rotation == DecoderTraits.Rotation.LOCAL ? step.local : step.global;
        boolean turned = rotation != DecoderTraits.Rotation.NONE;
        NDList queries = new NDList();
        NDList keys = new NDList();
        NDList values = new NDList();
        for (int i = 0; i < tiles.size(); i++) {
            NDArray all = norm(tiles.get(i), weights.attentionNorm).matMul(weights.queriesKeysValues);
            if (weights.bias != null) all = all.add(weights.bias);
            NDArray query = normHeads(heads(all, 0, config.headCount()), weights.queryNorm);
            NDArray key = normHeads(heads(all, config.headCount(), config.kvHeadCount()), weights.keyNorm);
            queries.add(turned ? rotate(query, turns.get(i)) : query);
            keys.add(turned ? rotate(key, turns.get(i)) : key);
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
            NDArray added = attended.get(i).matMul(weights.attentionOutput);
            NDArray x = tiles.get(i).add(normOrNot(added, weights.attentionPostNorm));
            NDArray mlp = weights.mlp.compute(norm(x, weights.mlpNorm));
            out.add(x.add(normOrNot(mlp, weights.mlpPostNorm)));
        }
        return out;
    }

    /// RMSNorm of each row, arXiv 1910.07467.
    private NDArray norm(NDArray x, NDArray weight) {
        int last = x.getShape().dimension() - 1;
        NDArray meanSquare = x.square().mean(new int[] {last}, true);
        return x.div(meanSquare.add(config.rmsNormEps()).sqrt()).mul(weight);
    }

    private NDArray normOrNot(NDArray x, @Nullable NDArray weight) {
        return weight == null ? x : norm(x, weight);
    }

    /// RMSNorm of each head, arXiv 2302.05442.
    private NDArray normHeads(NDArray heads, @Nullable NDArray weight) {
        return normOrNot(heads, weight);
    }

    /// `cap tanh(x / cap)`, or x if the cap is 0.
    private static NDArray capped(NDArray x, float cap) {
        return cap == 0 ? x : x.div(cap).tanh().mul(cap);
    }

    /// Heads `[first, first + count)` of [16, all heads x headDim] as [16, count, headDim].
    private NDArray heads(NDArray x, int first, int count) {
        int headDim = config.headDim();
        return columns(x, (long) first * headDim, (long) (first + count) * headDim)
                .reshape(TILE, count, headDim);
    }

    /// Turns the first numbers of each head, [16, heads, headDim], by its token's position.
    private NDArray rotate(NDArray x, Turns turns) {
        long width = config.traits().rotary().width();
        NDArray first = x.get(new NDIndex().addAllDim(2).addSliceDim(0, width / 2));
        NDArray second = x.get(new NDIndex().addAllDim(2).addSliceDim(width / 2, width));
        NDList parts = new NDList(
                first.mul(turns.cos).sub(second.mul(turns.sin)),
                second.mul(turns.cos).add(first.mul(turns.sin)));
        if (width < config.headDim()) {
            parts.add(x.get(new NDIndex().addAllDim(2).addSliceDim(width, config.headDim())));
        }
        return NDArrays.concat(parts, 2);
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
                    ? attendTile(layer, padded, tileKeys, tileValues)
                    : attendRowByRow(layer, padded, tileKeys, tileValues);
            attended.add(RowTiles.slice(all, from - tile, to - tile));
        }
        return RowTiles.join(attended, end - first);
    }

    /// `attendTile` where a key or value of the tile's own positions is not a number. A weight of zero does not
    /// hide one, and the rows before it may be shared with sequences that go on with other tokens. So each row is
    /// computed with zeros in place of what it does not see.
    private NDArray attendRowByRow(int layer, NDArray queries, NDArray keys, NDArray values) {
        int before = Math.toIntExact(keys.getShape().get(0)) - TILE;
        NDList attended = new NDList();
        for (int row = 0; row < TILE; row++) {
            int seen = before + row + 1;
            NDArray seenKeys = RowTiles.pad(RowTiles.slice(keys, 0, seen), 0, TILE - row - 1L);
            NDArray seenValues = RowTiles.pad(RowTiles.slice(values, 0, seen), 0, TILE - row - 1L);
            attended.add(RowTiles.slice(attendTile(layer, queries, seenKeys, seenValues), row, row + 1L));
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

    /// Sixteen consecutive positions attend to all positions up to the last of them, or to those in their
    /// windows.
    ///
    /// @param queries [16, heads, headDim]
    /// @param keys [context, kvHeads, headDim], like `values`
    /// @return [16, heads x headDim]
    private NDArray attendTile(int layer, NDArray queries, NDArray keys, NDArray values) {
        int heads = config.headCount();
        int kvHeads = config.kvHeadCount();
        int headDim = config.headDim();
        int groupRows = heads / kvHeads * TILE; // query heads that share keys are treated as more rows
        long context = keys.getShape().get(0);
        NDArray mask = Objects.requireNonNull(
                masks.get(config.traits().layers().get(layer).window()));
        NDArray visible =
                columns(mask, mask.getShape().get(1) - context, mask.getShape().get(1));

        NDArray grouped = queries.transpose(1, 0, 2).reshape(kvHeads, groupRows, headDim);
        DecoderTraits traits = config.traits();
        NDArray scores = grouped.matMul(keys.transpose(1, 2, 0)).mul(traits.attentionScale());
        NDArray probabilities = capped(scores, traits.attentionSoftcap())
                .reshape(heads, TILE, context)
                .add(visible)
                .softmax(2);
        NDArray sums = probabilities.reshape(kvHeads, groupRows, context).matMul(values.transpose(1, 0, 2));
        return sums.reshape(heads, TILE, headDim).transpose(1, 0, 2).reshape(TILE, (long) heads * headDim);
    }

    /// A mask for a tile whose last row is its context's last column, 0 where a row sees a column: narrower
    /// contexts use its last columns.
    private static NDArray mask(NDManager manager, int width, int window) {
        float[] mask = new float[TILE * width];
        for (int row = 0; row < TILE; row++) {
            int own = width - TILE + row;
            for (int column = 0; column < width; column++) {
                boolean seen = column <= own && (window == 0 || column > own - window);
                mask[row * width + column] = seen ? 0 : Float.NEGATIVE_INFINITY;
            }
        }
        return manager.create(mask, new Shape(TILE, width));
    }

    /// Columns `[first, end)` of a matrix.
    static NDArray columns(NDArray x, long first, long end) {
        return x.get(new NDIndex().addAllDim().addSliceDim(first, end));
    }

    /// Rows of a table by their numbers, in the numbers' manager.
    private static NDArray take(NDArray table, NDArray numbers) {
        return table.get(numbers.getManager(), new NDIndex().addIndices("{}", numbers));
    }
}
