package io.sluice.modelstore;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// How a Hugging Face folder's matrices are quantised, by the `quantization_config` of its `config.json`. What is not
/// known is refused by name.
enum QuantisationMethod {
    /// Four bits along the inputs, zero points stored less one.
    GPTQ,
    /// The same with zero points as they are.
    GPTQ_V2,
    /// Four bits along the outputs, in an order of their own.
    AWQ,
    /// A matrix of small numbers beside its scales: fp8, and compressed-tensors' int8, fp8 and packed int4.
    SCALED;

    private static final Set<String> FORMATS =
            Set.of("pack-quantized", "int-quantized", "float-quantized", "naive-quantized");

    /// Empty if the matrices are not quantised.
    static Optional<QuantisationMethod> of(JsonFile config) {
        return config.object("quantization_config").map(QuantisationMethod::read);
    }

    private static QuantisationMethod read(JsonFile json) {
        String method = json.string("quant_method").orElse("(none named)");
        return switch (method) {
            case "gptq" -> {
                requireBits(json, json.integer("bits").orElse(0), 4);
                yield json.string("checkpoint_format").orElse("gptq").equals("gptq_v2") ? GPTQ_V2 : GPTQ;
            }
            case "awq" -> {
                requireBits(
                        json,
                        json.integer("bits").or(() -> json.integer("w_bit")).orElse(0),
                        4);
                String version = json.string("version").orElse("gemm");
                if (!version.equalsIgnoreCase("gemm")) {
                    throw refused(json, "AWQ version " + version + " is not supported; supported is gemm");
                }
                yield AWQ;
            }
            case "fp8", "fbgemm_fp8" -> SCALED;
            case "compressed-tensors" -> compressed(json);
            default ->
                throw refused(
                        json,
                        "quantization_config with quant_method " + method
                                + " is not supported; supported are gptq, awq, fp8, fbgemm_fp8 and compressed-tensors");
        };
    }

    private static QuantisationMethod compressed(JsonFile json) {
        String format = json.string("format").orElse("(none named)");
        if (!FORMATS.contains(format)) {
            throw refused(
                    json,
                    "compressed-tensors format " + format + " is not supported; supported are "
                            + String.join(", ", FORMATS.stream().sorted().toList()));
        }
        JsonFile groups = json.object("config_groups")
                .orElseThrow(() -> refused(json, "quantization_config has no config_groups"));
        for (String name : groups.keys()) {
            JsonFile weights = groups.object(name)
                    .flatMap(group -> group.object("weights"))
                    .orElseThrow(() -> refused(json, "config group " + name + " has no weights"));
            int bits = weights.integer("num_bits").orElse(0);
            boolean packed = format.equals("pack-quantized");
            requireBits(json, bits, packed ? 4 : 8);
            if (!packed && !weights.bool("symmetric").orElse(true)) {
                throw refused(json, "asymmetric weights of 8 bits are not supported");
            }
        }
        return SCALED;
    }

    private static void requireBits(JsonFile json, int bits, int supported) {
        if (bits != supported) {
            throw refused(json, "weights of " + bits + " bits are not supported here; supported are " + supported);
        }
    }

    private static ModelFileException refused(JsonFile json, String problem) {
        return new ModelFileException(json.file(), problem);
    }

    /// Rows and columns of the blocks that share a scale; 0 if none are named.
    static int[] blockSize(JsonFile config) {
        List<Integer> size = config.object("quantization_config")
                .map(json -> json.integers("weight_block_size"))
                .orElse(List.of());
        boolean named = size.size() == 2 && size.get(0) > 0 && size.get(1) > 0;
        return named ? new int[] {size.get(0), size.get(1)} : new int[2];
    }

    /// What beside the weights only speeds up or describes them.
    static final List<String> HARMLESS =
            List.of(".input_scale", ".k_scale", ".v_scale", ".output_scale", ".weight_shape", ".input_scale_ub");
}
