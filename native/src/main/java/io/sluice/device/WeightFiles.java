package io.sluice.device;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.WeightTensor;
import java.nio.file.Path;
import java.util.function.Function;

/// What a runner needs of a model's files. A value.
///
/// @param path where the tensors lie, for messages
/// @param config the model's shape
/// @param tensors finds a tensor by its Hugging Face name
record WeightFiles(Path path, ModelConfig config, Function<String, WeightTensor> tensors) {}
