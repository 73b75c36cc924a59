package io.sluice.device;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.ModelFileException;
import io.sluice.modelstore.WeightTensor;
import java.nio.file.Path;
import java.util.function.Function;

/// What a runner needs of a model's files. A value.
///
/// @param path where the tensors lie, for messages
/// @param config the model's shape
/// @param tensors finds a tensor by its Hugging Face name
record WeightFiles(Path path, ModelConfig config, Function<String, WeightTensor> tensors) {

    /// The tensor, which has this shape.
    ///
    /// @throws ModelFileException if it is missing or of another shape
    WeightTensor tensor(String name, int rows, int columns) {
        WeightTensor tensor = tensors.apply(name);
        if (tensor.rows() != rows || tensor.columns() != columns) {
            throw new ModelFileException(
                    path,
                    "tensor %s is %d x %d, but the model's configuration makes it %d x %d"
                            .formatted(name, tensor.rows(), tensor.columns(), rows, columns));
        }
        return tensor;
    }
}
