#!/usr/bin/env python3
"""Writes one folder for each architecture that Sluice serves: a tiny model of random weights as Hugging Face transformers
saves it (config.json, safetensors), the same weights as a GGUF file, and the logits that transformers computes from them
in float32 (expected.json). The runners are held to those logits (ArchitecturesTest).

Needs PyPI's transformers 5.24, torch 2.15 (CPU), gguf 0.19, safetensors, numpy.
Usage: architectures.py ../resources/io/sluice/device/architectures [name...]"""
import base64
import copy
import json
import math
import pathlib
import re
import shutil
import sys

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

LENGTH = 40
PROMPT = 24  # the rest is its continuation, far past every window
WINDOW = 8
VOCAB = 200
SHAPE = dict(
    vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=2)


def rope(kind, **more):
    return {"rope_type": kind, "rope_theta": 10000.0, **more}


# name: configuration class, its arguments, and changes each of which must change the logits: else the model does not
# show what it is there for.
CASES = {
    "llama": ("LlamaConfig", dict(tie_word_embeddings=False), [dict(rope_parameters=rope("linear", factor=2.0))]),
    "llama-linear": (
        "LlamaConfig", dict(rope_parameters=rope("linear", factor=4.0), tie_word_embeddings=True),
        [dict(rope_parameters=rope("default"))]),
    "llama31": (
        "LlamaConfig",
        dict(rope_parameters=rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                  original_max_position_embeddings=64), tie_word_embeddings=True),
        [dict(rope_parameters=rope("default")), dict(rope_parameters=rope("linear", factor=8.0))]),
    "mistral": (
        "MistralConfig", dict(sliding_window=WINDOW, head_dim=16, tie_word_embeddings=False),
        [dict(sliding_window=None), dict(sliding_window=WINDOW + 1)]),
    "mixtral": (
        "MixtralConfig", dict(num_local_experts=4, num_experts_per_tok=2, rope_parameters=rope("default"),
                              tie_word_embeddings=False),
        [dict(num_experts_per_tok=1)]),
    "qwen2": (
        "Qwen2Config",
        dict(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=32), tie_word_embeddings=True),
        [dict(rope_parameters=rope("default")), dict(rope_parameters=rope("linear", factor=4.0))]),
    "qwen2-window": (
        "Qwen2Config",
        dict(use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1, tie_word_embeddings=False),
        [dict(layer_types=["full_attention"] * 2), dict(layer_types=["sliding_attention"] * 2)]),
    "qwen3": ("Qwen3Config", dict(head_dim=16, tie_word_embeddings=True), [dict(rms_norm_eps=1e-1)]),
    "qwen3-moe": (
        "Qwen3MoeConfig",
        dict(head_dim=16, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16, norm_topk_prob=True,
             tie_word_embeddings=False),
        [dict(norm_topk_prob=False), dict(num_experts_per_tok=3)]),
    "qwen3-moe-probabilities": (
        "Qwen3MoeConfig",
        dict(head_dim=16, num_experts=4, num_experts_per_tok=3, moe_intermediate_size=16, norm_topk_prob=False,
             tie_word_embeddings=True),
        [dict(norm_topk_prob=True)]),
    "gemma2": (
        "Gemma2Config",
        dict(head_dim=16, query_pre_attn_scalar=24, sliding_window=WINDOW, attn_logit_softcapping=5.0,
             final_logit_softcapping=3.0),
        [dict(layer_types=["full_attention"] * 2), dict(attn_logit_softcapping=None), dict(final_logit_softcapping=None),
         dict(query_pre_attn_scalar=16), dict(layer_types=["full_attention", "sliding_attention"])]),
    "gemma2-head-scaled": (  # as llama.cpp scales all but the largest
        "Gemma2Config",
        dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW, attn_logit_softcapping=5.0,
             final_logit_softcapping=3.0),
        [dict(attn_logit_softcapping=None)]),
    "gemma3": (
        "Gemma3TextConfig",
        dict(num_hidden_layers=6, head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW, num_key_value_heads=1,
             intermediate_size=32,
             rope_parameters={"sliding_attention": rope("default"),
                              "full_attention": {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0}}),
        [dict(sliding_window=WINDOW + 1), dict(layer_types=["sliding_attention"] * 6),
         dict(rope_parameters={"sliding_attention": rope("default"), "full_attention": rope("default")})]),
    "phi3": (
        "Phi3Config",
        dict(sliding_window=12, original_max_position_embeddings=32, tie_word_embeddings=False,
             num_attention_heads=2, num_key_value_heads=1,
             rope_parameters=rope("longrope", partial_rotary_factor=0.75,
                                  short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
                                  long_factor=[1.0, 1.5, 2.0, 3.0, 5.0, 9.0])),
        [dict(sliding_window=None)]),
    "smollm3": (
        "SmolLM3Config", dict(num_hidden_layers=4, tie_word_embeddings=True, intermediate_size=32),
        [dict(no_rope_layers=[1, 1, 1, 1])]),
}

# Those that are saved in the keys of transformers 4, as most published models are; the others as transformers 5 does.
OLD_KEYS = {"llama31", "mistral", "gemma3", "phi3", "qwen2", "smollm3"}
SHARDED = {"qwen2", "mixtral"}
NO_GGUF = {"mistral", "qwen2-window", "qwen3-moe-probabilities", "llama", "gemma2"}  # the format has no key for what they show


def randomised(model, gemma, seed):
    """Activations near 1 in every layer, logits of some units, everything exact in bfloat16."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            drawn = torch.randn(weight.shape, generator=generator)
            if "norm" in name:
                drawn = drawn * 0.3 + (0 if gemma else 1)
            elif name.endswith("bias"):
                drawn = drawn * 0.5
            elif "embed_tokens" not in name:
                drawn = drawn * (1.3 / math.sqrt(weight.shape[-1]))
            weight.copy_(drawn.bfloat16().float())
    return model


def logits(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens]), use_cache=False).logits[0].float()


def with_old_keys(config):
    """The configuration as transformers 4 wrote it."""
    rope_parameters = config.pop("rope_parameters")
    if "full_attention" in rope_parameters:
        config["rope_local_base_freq"] = rope_parameters["sliding_attention"]["rope_theta"]
        rope_parameters = rope_parameters["full_attention"]
    config["rope_theta"] = rope_parameters.pop("rope_theta")
    if "partial_rotary_factor" in rope_parameters:
        config["partial_rotary_factor"] = rope_parameters.pop("partial_rotary_factor")
    if config["model_type"] == "phi3":
        rope_parameters.pop("original_max_position_embeddings", None)  # stands beside it
        rope_parameters["type"] = rope_parameters.pop("rope_type")
    plain = rope_parameters.get("rope_type") == "default"
    config["rope_scaling"] = None if plain else rope_parameters
    for derived in ("layer_types", "dtype", "transformers_version"):
        config.pop(derived, None)
    return config


def encoded(rows):
    return base64.b64encode(rows.numpy().astype("<f4").tobytes()).decode()


def run(model, context, length):
    """Logits at some positions of one sequence, computed in one pass without a cache."""
    tokens = np.random.default_rng(7).integers(3, VOCAB, LENGTH)[:length].tolist()
    positions = sorted({p for p in (0, 1, 2, 6, 7, 8, 9, 12, 23, 24, 25, 31, 32, 38, 39) if p < length})
    rows = logits(model, tokens)[positions]
    assert rows.std() > 0.5, "logits too small to show anything"
    return {"context": context, "tokens": tokens, "prompt": min(PROMPT, length - 4), "positions": positions,
            "logits": encoded(rows)}


def write(name, folder):
    kind, arguments, changes = CASES[name]
    config_class = getattr(transformers, kind)
    torch.manual_seed(1)
    config = config_class(**{**SHAPE, **arguments}, attn_implementation="eager")
    model = randomised(AutoModelForCausalLM.from_config(config).float().eval(), name.startswith("gemma"), len(name))
    shutil.rmtree(folder, ignore_errors=True)
    size = "30KB" if name in SHARDED else "10MB"
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder, max_shard_size=size)
    (folder / "generation_config.json").unlink(missing_ok=True)
    saved = json.loads((folder / "config.json").read_text())
    if name in OLD_KEYS:
        saved = with_old_keys(saved)
    (folder / "config.json").write_text(json.dumps(saved, indent=1) + "\n")

    load = lambda **changed: AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **changed).eval()
    model = load()
    runs = [run(model, 128, LENGTH)]
    if name == "phi3":
        runs.append(run(model, 32, 28))  # within the original context the other divisors hold
    (folder / "expected.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n")

    tokens = runs[0]["tokens"]
    before = logits(model, tokens)
    for change in changes:
        changed = AutoConfig.from_pretrained(folder)
        for key, value in change.items():
            setattr(changed, key, value)
        after = logits(load(config=changed), tokens)
        difference = (before - after).abs().max().item()
        assert difference > 1e-2, f"{name}: {change} changes nothing ({difference})"
    if "moe" in name or name == "mixtral":
        require_clear_choices(name, model, tokens)
    if name not in NO_GGUF:
        write_gguf(name, folder, model.config)
    print(name, sum(f.stat().st_size for f in folder.iterdir()) // 1024, "KiB")


def require_clear_choices(name, model, tokens):
    """No two experts so close that rounding decides between them."""
    with torch.no_grad():
        routed = model(torch.tensor([tokens]), use_cache=False, output_router_logits=True).router_logits
    taken = model.config.num_experts_per_tok
    for layer in routed:
        best = layer.softmax(-1).sort(-1, descending=True).values
        assert (best[:, taken - 1] - best[:, taken]).min() > 1e-4, f"{name}: experts too close, take another seed"


# --- GGUF, as llama.cpp's converter writes it

ARCHITECTURES = {
    "llama": gguf.MODEL_ARCH.LLAMA, "mixtral": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3, "qwen3_moe": gguf.MODEL_ARCH.QWEN3MOE, "gemma2": gguf.MODEL_ARCH.GEMMA2,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3, "phi3": gguf.MODEL_ARCH.PHI3, "smollm3": gguf.MODEL_ARCH.SMOLLM3}


def interleaved(weight, heads):
    """Rows of each head pair by pair, as llama.cpp turns them for Llama."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(name, folder, config):
    architecture = ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(folder / "model.gguf", gguf.MODEL_ARCH_NAMES[architecture])
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    add_rope(name, writer, config, head_dim)
    if config.model_type == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type in ("gemma2", "gemma3_text", "phi3"):
        writer.add_sliding_window(config.sliding_window)
    experts = getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
        if config.model_type == "qwen3_moe":
            writer.add_expert_feed_forward_length(config.moe_intermediate_size)
    add_vocabulary(writer, config)
    add_tensors(folder, writer, config, gguf.get_tensor_name_map(architecture, config.num_hidden_layers))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_rope(name, writer, config, head_dim):
    parameters = config.rope_parameters
    if "full_attention" in parameters:
        parameters = parameters["full_attention"]
    writer.add_rope_freq_base(parameters["rope_theta"])
    width = int(head_dim * parameters.get("partial_rotary_factor", 1.0))
    writer.add_rope_dimension_count(width)
    kind = parameters["rope_type"]
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(parameters["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(parameters["factor"])
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])
    elif kind == "llama3":
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
        plain = 1.0 / parameters["rope_theta"] ** (torch.arange(0, width, 2).float() / width)
        writer.add_tensor("rope_freqs.weight", (plain / scaled).numpy())
    elif kind == "longrope":
        original = config.original_max_position_embeddings
        scale = config.max_position_embeddings / original
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        writer.add_tensor("rope_factors_long.weight", np.array(parameters["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(parameters["short_factor"], np.float32))


def add_vocabulary(writer, config):
    """Words that nobody tokenises with: the logits are all that is looked at."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(["a", "b", "ab", *(f"t{i}" for i in range(3, config.vocab_size))])
    writer.add_token_types([1] * config.vocab_size)
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(2)


def add_tensors(folder, writer, config, names):
    tensors = {}
    for file in sorted(folder.glob("*.safetensors")):
        tensors.update(load_file(file))
    stacks = {}
    for name, tensor in tensors.items():
        weight = tensor.float().numpy()
        expert = re.fullmatch(r"(model\.layers\.\d+\.)(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)\.weight", name)
        if expert:
            part = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}.get(expert[3], expert[3])
            stacks.setdefault(f"{expert[1]}mlp.experts.{part}", {})[int(expert[2])] = weight
            continue
        if config.model_type in ("llama", "mixtral", "smollm3"):
            if name.endswith("q_proj.weight"):
                weight = interleaved(weight, config.num_attention_heads)
            if name.endswith("k_proj.weight"):
                weight = interleaved(weight, config.num_key_value_heads)
        if config.model_type.startswith("gemma") and "norm" in name:
            weight = weight + 1
        add_tensor(writer, names, name, weight)
    for stack, experts in stacks.items():
        add_tensor(writer, names, stack + ".weight", np.stack([experts[e] for e in sorted(experts)]))


def add_tensor(writer, names, name, weight):
    new = names.get_name(name, try_suffixes=(".weight", ".bias"))
    assert new, name
    if weight.ndim == 1 or "ffn_gate_inp" in new:
        writer.add_tensor(new, weight.astype(np.float32))
    else:
        kind = gguf.GGMLQuantizationType.BF16
        writer.add_tensor(new, gguf.quants.quantize(weight.astype(np.float32), kind), raw_dtype=kind)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or CASES:
        write(name, target / name)
