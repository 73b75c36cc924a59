package io.sluice.server.settings;

import io.sluice.batching.SpeculationSettings;
import io.sluice.server.settings.Setting.Group;
import java.util.List;
import java.util.Optional;

/// The settings of the model and of the engine that computes it, in the order of the documentation.
final class DeclaredEngine {
    private static final int MANY = 1 << 20;

    static final Setting<String> MODEL = new Setting<>(
            "model",
            Group.MODEL,
            new Kind.Text("PATH"),
            "sluice-demo",
            "The model to serve: a Hugging Face folder, a GGUF file, `org/name` from the"
                    + " [Hugging Face Hub](models.md#getting-models), or `sluice-demo`, the small model that comes with"
                    + " Sluice.");

    static final Setting<Optional<List<String>>> SERVED_MODEL_NAME = new Setting<>(
            "served-model-name",
            Group.MODEL,
            new Kind.Auto<>(new Kind.Names("NAME[,NAME...]")),
            "auto",
            "What clients call the model; several names may be given, the first is the one that `/v1/models` lists"
                    + " first. `auto` is the name of its file or folder.");

    static final Setting<Optional<Integer>> MAX_MODEL_LEN = new Setting<>(
            "max-model-len",
            Group.MODEL,
            new Kind.Auto<>(new Kind.Count(1, 1 << 24)),
            "auto",
            "The most tokens of one request, prompt and output together. `auto` is what the model was trained for.");

    static final Setting<String> DTYPE = new Setting<>(
            "dtype",
            Group.MODEL,
            new Kind.Word(List.of("auto", "float32", "bfloat16")),
            "auto",
            "What the model is computed in. `auto` is float32 for a model stored in float32 and where the CPU kernels cannot"
                    + " be built, else bfloat16.");

    static final Setting<String> QUANTIZED_WEIGHTS = new Setting<>(
            "quantized-weights",
            Group.MODEL,
            new Kind.Word(List.of("auto", "keep", "decode")),
            "auto",
            "What becomes of weights that are stored in 8 or 4 bits: `keep` multiplies them as they are, by activations"
                    + " rounded to bytes; `decode` turns them into `dtype` while loading. `auto` keeps them, but for"
                    + " `dtype` float32 and where libtorch is asked to multiply.");

    static final Setting<String> KV_CACHE_DTYPE = new Setting<>(
            "kv-cache-dtype",
            Group.MODEL,
            new Kind.Word(List.of("auto", "float32", "bfloat16")),
            "auto",
            "What keys and values are stored in. `auto` is the same as `dtype`.");

    static final Setting<String> CACHE_DIR = new Setting<>(
            "cache-dir",
            Group.MODEL,
            new Kind.Text("PATH"),
            "~/.cache/sluice",
            "Where the model that comes with Sluice is unpacked.");

    static final Setting<String> TOOL_CALL_PARSER = new Setting<>(
            "tool-call-parser",
            Group.MODEL,
            new Kind.Word(List.of("auto", "hermes", "llama3_json", "mistral", "json", "none")),
            "auto",
            "How the model writes [calls of tools](api.md#tools). `auto` is what its chat template speaks of, and `json` if"
                    + " it speaks of none.");

    static final Setting<String> REASONING_PARSER = new Setting<>(
            "reasoning-parser",
            Group.MODEL,
            new Kind.Word(List.of("auto", "think", "none")),
            "auto",
            "Whether `<think>...</think>` at the beginning of an answer is told apart as [reasoning](api.md#reasoning)."
                    + " `auto` does so if the chat template speaks of it.");

    static final Setting<String> POOLING = new Setting<>(
            "pooling",
            Group.MODEL,
            new Kind.Word(List.of("last", "mean")),
            "last",
            "What the [embedding](api.md#embeddings) of a text is made of: the last token's hidden state, or the mean of all.");

    static final Setting<DeviceChoice> DEVICE = new Setting<>(
            "device",
            Group.ENGINE,
            new Kind.Devices(),
            "auto",
            "What the model is computed on: `cpu`, a GPU such as `cuda:0`, several such as `cuda:0,1` or all of them as"
                    + " `cuda:all`, each with an engine of its own. A [GPU](cuda.md) that is asked for and cannot be used is an"
                    + " error, and nothing else takes its place. `auto` is the CPU until the kernels for GPUs have run on"
                    + " one; it says at start which GPUs there are.");

    static final Setting<Double> GPU_MEMORY_UTILIZATION = new Setting<>(
            "gpu-memory-utilization",
            Group.ENGINE,
            new Kind.Share(),
            "0.9",
            "How much of a GPU's memory may be in use, what others use of it included. The KV cache gets what is left of"
                    + " it when weights are loaded and the largest steps have run once, unless `kv-cache-memory` says less.");

    static final Setting<Optional<Long>> KV_CACHE_MEMORY = new Setting<>(
            "kv-cache-memory",
            Group.ENGINE,
            new Kind.Auto<>(new Kind.Size()),
            "auto",
            "Memory for keys and values, such as `2GiB`; of each GPU, if there are several. `auto` is enough for"
                    + " `max-num-seqs` requests of full length, but at most 1 GiB and a quarter of the machine's memory, and"
                    + " never less than for one request. On a GPU it is what `gpu-memory-utilization` leaves.");

    static final Setting<Optional<Long>> PARK_MEMORY = new Setting<>(
            "park-memory",
            Group.ENGINE,
            new Kind.Auto<>(new Kind.SizeOrOff()),
            "auto",
            "Memory outside the KV cache where keys and values of sequences that have to make room are kept, so that they"
                    + " go on without being computed again; `off` keeps none. `auto` is as much as the KV cache, but at"
                    + " most an eighth of the machine's memory, of all engines together. A CPU's is taken only when it is used.");

    static final Setting<Integer> BLOCK_SIZE = new Setting<>(
            "block-size",
            Group.ENGINE,
            new Kind.Count(1, 1024),
            "16",
            "Tokens per block of the KV cache; a power of two. Prefixes are reused in whole blocks.");

    static final Setting<Optional<Integer>> MAX_NUM_SEQS = new Setting<>(
            "max-num-seqs",
            Group.ENGINE,
            new Kind.Auto<>(new Kind.Count(1, 4096)),
            "auto",
            "The most sequences that are computed at once; further requests wait. `auto` is 32, and 256 on each GPU.");

    static final Setting<Optional<Integer>> MAX_NUM_BATCHED_TOKENS = new Setting<>(
            "max-num-batched-tokens",
            Group.ENGINE,
            new Kind.Auto<>(new Kind.Count(1, MANY)),
            "auto",
            "The most tokens of one step, over all sequences. More makes long prompts quicker, and everybody's next"
                    + " token slower while they last. `auto` is 512, and 4096 on a GPU.");

    static final Setting<Optional<Integer>> LONG_PREFILL_TOKEN_THRESHOLD = new Setting<>(
            "long-prefill-token-threshold",
            Group.ENGINE,
            new Kind.Auto<>(new Kind.Count(1, MANY)),
            "auto",
            "The most prompt tokens of one sequence in one step, so that a long prompt holds up nobody. `auto` is half"
                    + " of `max-num-batched-tokens`.");

    static final Setting<Integer> MAX_WAITING_REQUESTS = new Setting<>(
            "max-waiting-requests",
            Group.ENGINE,
            new Kind.Count(1, MANY),
            "256",
            "How many admitted requests may wait to be computed; beyond it requests are answered with 503 `queue_full`"
                    + " and a `Retry-After`. One tenant has at most four fifths of these places.");

    static final Setting<Integer> MAX_TOKENS_DEFAULT = new Setting<>(
            "max-tokens-default",
            Group.ENGINE,
            new Kind.Count(1, 1 << 24),
            "2048",
            "The most output tokens of a request that names no limit. The rest of the context is the limit if that is"
                    + " less.");

    static final Setting<Boolean> ENABLE_PREFIX_CACHING = new Setting<>(
            "enable-prefix-caching",
            Group.ENGINE,
            new Kind.Flag(),
            "true",
            "Keep the computed beginnings of prompts, and reuse them when another prompt begins alike.");

    static final Setting<Boolean> DETERMINISTIC = new Setting<>(
            "deterministic",
            Group.ENGINE,
            new Kind.Flag(),
            "false",
            "A request's tokens do not depend on what else is computed at the same time, also below float32.");

    static final Setting<String> GEMM = new Setting<>(
            "gemm",
            Group.ENGINE,
            new Kind.Word(List.of("auto", "kernels", "libtorch")),
            "auto",
            "Who multiplies matrices: Sluice's own kernels or libtorch. `auto` is libtorch for bfloat16 on processors"
                    + " with AMX, unless `deterministic`, and the kernels everywhere else. On a GPU libtorch multiplies"
                    + " more than 16 rows of bfloat16; `auto` measures at start whether it is faster, if there is"
                    + " [one for CUDA](cuda.md#libtorch).");

    static final Setting<Optional<Integer>> THREADS = new Setting<>(
            "threads",
            Group.ENGINE,
            new Kind.Auto<>(new Kind.Count(1, 256)),
            "auto",
            "CPU threads that compute a step. `auto` is one per processor.");

    static final Setting<String> SPECULATION = new Setting<>(
            "speculation",
            Group.ENGINE,
            new Kind.Word(List.of("off", "ngram", "draft")),
            "off",
            "Who guesses what comes next, so that one step can bring an answer forward by several tokens"
                    + " ([speculative decoding](speculation.md)): `ngram` the answer and its prompt, where they repeat"
                    + " themselves; `draft` a second, smaller model. No token changes. On a GPU there is none yet.");

    static final Setting<Integer> SPECULATION_TOKENS = new Setting<>(
            "speculation-tokens",
            Group.ENGINE,
            new Kind.Count(1, SpeculationSettings.TOKENS_MAX),
            "4",
            "The most tokens that are guessed at once for one answer. Fewer are, or none, where that would cost more than"
                    + " it brings.");

    static final Setting<Optional<String>> SPECULATION_DRAFT_MODEL = new Setting<>(
            "speculation-draft-model",
            Group.ENGINE,
            new Kind.None<>(new Kind.Text("PATH")),
            "none",
            "The model that guesses if `speculation` is `draft`: a folder, file or name as for `model`, with the same"
                    + " tokenizer.");

    static final List<Setting<?>> ALL = List.of(
            MODEL,
            SERVED_MODEL_NAME,
            MAX_MODEL_LEN,
            DTYPE,
            QUANTIZED_WEIGHTS,
            KV_CACHE_DTYPE,
            CACHE_DIR,
            TOOL_CALL_PARSER,
            REASONING_PARSER,
            POOLING,
            DEVICE,
            GPU_MEMORY_UTILIZATION,
            KV_CACHE_MEMORY,
            PARK_MEMORY,
            BLOCK_SIZE,
            MAX_NUM_SEQS,
            MAX_NUM_BATCHED_TOKENS,
            LONG_PREFILL_TOKEN_THRESHOLD,
            MAX_WAITING_REQUESTS,
            MAX_TOKENS_DEFAULT,
            ENABLE_PREFIX_CACHING,
            DETERMINISTIC,
            GEMM,
            THREADS,
            SPECULATION,
            SPECULATION_TOKENS,
            SPECULATION_DRAFT_MODEL);

    private DeclaredEngine() {}
}
