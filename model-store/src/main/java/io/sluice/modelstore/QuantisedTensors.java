package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Puts together what a quantised folder stores in several tensors (numbers, scales, zero points, groups) as matrices
/// named like plain ones, and checks that their shapes fit. Used by the opening thread.
final class QuantisedTensors {
    /// What is left of the stored tensors, and the matrices, by Hugging Face name.
    record Split(Map<String, StoredTensor> plain, Map<String, WeightTensor> matrices) {}

    private final Path folder;
    private final QuantisationMethod method;
    private final int[] blockSize; // rows and columns that share a scale; 0 if none are named
    private final Map<String, StoredTensor> plain;
    private final Map<String, WeightTensor> matrices = new LinkedHashMap<>();

    private QuantisedTensors(
            Path folder, QuantisationMethod method, int[] blockSize, Map<String, StoredTensor> stored) {
        this.folder = folder;
        this.method = method;
        this.blockSize = blockSize;
        plain = new LinkedHashMap<>(stored);
    }

    /// @param blockSize rows and columns that share a scale; 0 if none are named
    static Split read(Path folder, QuantisationMethod method, int[] blockSize, Map<String, StoredTensor> stored) {
        QuantisedTensors tensors = new QuantisedTensors(folder, method, blockSize, stored);
        stored.forEach(tensors::read);
        tensors.plain
                .keySet()
                .removeIf(name -> QuantisationMethod.HARMLESS.stream().anyMatch(name::endsWith));
        return new Split(tensors.plain, tensors.matrices);
    }

    private void read(String name, StoredTensor tensor) {
        String prefix = name.substring(0, name.lastIndexOf('.') + 1);
        if (name.endsWith(".qweight")) {
            put(tensor, prefix, method == QuantisationMethod.AWQ ? awq(prefix) : gptq(prefix));
        } else if (name.endsWith(".weight_packed")) {
            put(tensor, prefix, packed(prefix));
        } else if (name.endsWith(".weight")
                && (tensor.type() == TensorType.I8 || tensor.type() == TensorType.F8_E4M3)) {
            put(tensor, prefix, scaled(prefix));
        }
    }

    private void put(StoredTensor tensor, String prefix, WeightTensor matrix) {
        if (matrices.put(matrix.name(), matrix) != null || plain.containsKey(prefix + "weight")) {
            throw new ModelFileException(
                    tensor.file(), "tensor " + prefix + "weight is there twice, quantised in two ways or not at all");
        }
    }

    private WeightTensor gptq(String prefix) {
        StoredTensor words = matrix(prefix + "qweight", TensorType.I32);
        StoredTensor scales = matrix(prefix + "scales", null);
        int columns = size(words, 0, 8);
        int rows = size(words, 1, 1);
        if (rows % 8 != 0) {
            throw shapeOf(words, "whose outputs do not fill the words of zero points, eight to a word");
        }
        int groups = size(scales, 0, 1);
        StoredTensor zeros = matrix(prefix + "qzeros", TensorType.I32);
        requireShape(scales, groups, rows);
        requireShape(zeros, groups, rows / 8);
        int groupSize = groupSize(scales, columns, groups);
        int[] groupOf = groupOf(prefix + "g_idx", columns, groups, groupSize);
        GroupedInt4.Layout layout = new GroupedInt4.Gptq(
                StoredNumbers.words(words),
                StoredNumbers.words(zeros),
                StoredNumbers.floating(scales),
                rows,
                method == QuantisationMethod.GPTQ ? 1 : 0);
        return new GroupedInt4(prefix + "weight", rows, columns, groupSize, groupOf, layout);
    }

    /// The group of each input, where they are not simply runs ("act order"); else null.
    private int @Nullable [] groupOf(String name, int columns, int groups, int groupSize) {
        StoredTensor tensor = plain.remove(name);
        if (tensor == null) {
            return null;
        }
        requireShape(tensor, columns);
        requireType(tensor, TensorType.I32);
        StoredNumbers numbers = StoredNumbers.words(tensor);
        int[] groupOf = new int[columns];
        boolean runs = true;
        for (int column = 0; column < columns; column++) {
            groupOf[column] = numbers.word(column);
            if (groupOf[column] < 0 || groupOf[column] >= groups) {
                throw new ModelFileException(
                        tensor.file(), "tensor " + name + " names group " + groupOf[column] + " of " + groups);
            }
            runs &= groupOf[column] == column / groupSize;
        }
        return runs ? null : groupOf;
    }

    private WeightTensor awq(String prefix) {
        StoredTensor words = matrix(prefix + "qweight", TensorType.I32);
        StoredTensor scales = matrix(prefix + "scales", null);
        int columns = size(words, 0, 1);
        int rows = size(words, 1, 8);
        int groups = size(scales, 0, 1);
        StoredTensor zeros = matrix(prefix + "qzeros", TensorType.I32);
        requireShape(scales, groups, rows);
        requireShape(zeros, groups, rows / 8);
        GroupedInt4.Layout layout = new GroupedInt4.Awq(
                StoredNumbers.words(words), StoredNumbers.words(zeros), StoredNumbers.floating(scales), rows);
        return new GroupedInt4(prefix + "weight", rows, columns, groupSize(scales, columns, groups), null, layout);
    }

    private WeightTensor packed(String prefix) {
        StoredTensor words = matrix(prefix + "weight_packed", TensorType.I32);
        StoredTensor scales = matrix(prefix + "weight_scale", null);
        int rows = size(words, 0, 1);
        int columns = size(words, 1, 8);
        int groups = size(scales, 1, 1);
        requireShape(scales, rows, groups);
        if (plain.containsKey(prefix + "weight_g_idx")) {
            throw new ModelFileException(words.file(), "tensor " + prefix + "weight_g_idx is not supported");
        }
        StoredTensor zeros = plain.remove(prefix + "weight_zero_point");
        if (zeros != null) {
            requireType(zeros, TensorType.I32);
            requireShape(zeros, Math.ceilDiv(rows, 8), groups);
        }
        GroupedInt4.Layout layout = new GroupedInt4.Packed(
                StoredNumbers.words(words),
                zeros == null ? null : StoredNumbers.words(zeros),
                StoredNumbers.floating(scales),
                size(words, 1, 1),
                groups);
        return new GroupedInt4(prefix + "weight", rows, columns, groupSize(scales, columns, groups), null, layout);
    }

    private WeightTensor scaled(String prefix) {
        StoredTensor numbers = matrix(prefix + "weight", null);
        int rows = size(numbers, 0, 1);
        int columns = size(numbers, 1, 1);
        StoredTensor scales = plain.remove(prefix + "weight_scale_inv");
        if (scales == null) {
            scales = plain.remove(prefix + "weight_scale");
        }
        if (scales == null) {
            throw new ModelFileException(folder, "tensor " + prefix + "weight_scale is missing");
        }
        StoredTensor zeros = plain.remove(prefix + "weight_zero_point");
        if (zeros != null && !zeros.isZero()) {
            throw new ModelFileException(
                    zeros.file(),
                    "tensor " + zeros.name() + " is not zero: asymmetric weights of 8" + " bits are not supported");
        }
        long scaleRows = scales.shape().length == 0 ? 1 : scales.shape()[0];
        long scaleColumns = scales.shape().length < 2 ? 1 : scales.shape()[1];
        boolean fits = scaleRows >= 1
                && scaleColumns >= 1
                && scaleRows <= rows
                && scaleColumns <= columns
                && scales.shape().length <= 2;
        if (!fits) {
            throw shapeOf(scales, "which does not divide " + rows + " x " + columns + " weights");
        }
        return new ScaledTensor(
                prefix + "weight",
                numbers,
                StoredNumbers.floating(scales),
                (int) scaleColumns,
                share(scales, rows, (int) scaleRows, blockSize[0]),
                share(scales, columns, (int) scaleColumns, blockSize[1]));
    }

    /// Rows, or columns, that share a scale; of blocks the last one may be cut.
    private static int share(StoredTensor scales, int length, int scaleCount, int block) {
        if (scaleCount == 1) {
            return length;
        }
        if (block > 0 && Math.ceilDiv(length, block) == scaleCount) {
            return block;
        }
        if (length % scaleCount != 0) {
            throw shapeOf(scales, "which does not divide " + length + " rows or columns of weights");
        }
        return length / scaleCount;
    }

    private static int groupSize(StoredTensor scales, int columns, int groups) {
        if (columns % groups != 0) {
            throw shapeOf(scales, "whose groups do not divide " + columns + " inputs");
        }
        return columns / groups;
    }

    /// A matrix that the plain tensors are rid of.
    private StoredTensor matrix(String name, @Nullable TensorType type) {
        StoredTensor tensor = plain.remove(name);
        if (tensor == null) {
            throw new ModelFileException(folder, "tensor " + name + " is missing");
        }
        if (type != null) {
            requireType(tensor, type);
        }
        if (tensor.shape().length != 2) {
            throw shapeOf(tensor, "which is no matrix");
        }
        return tensor;
    }

    private static void requireType(StoredTensor tensor, TensorType type) {
        if (tensor.type() != type) {
            throw new ModelFileException(
                    tensor.file(), "tensor " + tensor.name() + " is stored as " + tensor.type() + ", not " + type);
        }
    }

    private static int size(StoredTensor tensor, int dimension, int times) {
        long size = tensor.shape()[dimension] * times;
        if (tensor.shape()[dimension] < 1 || size > ModelConfig.VOCAB_MAX) {
            throw shapeOf(tensor, "which is impossible");
        }
        return (int) size;
    }

    private static void requireShape(StoredTensor tensor, long... shape) {
        if (!tensor.hasShape(shape)) {
            throw shapeOf(tensor, "where " + Arrays.toString(shape) + " would fit the others");
        }
    }

    private static ModelFileException shapeOf(StoredTensor tensor, String problem) {
        return new ModelFileException(
                tensor.file(), "tensor " + tensor.name() + " has shape " + tensor.shapeInWords() + ", " + problem);
    }
}
