#!/usr/bin/env python3
"""Writes a tiny Llama in every quantised format of Hugging Face folders that Sluice reads, with the logits that transformers
computes in float32 from the weights that the format stands for (as architectures.py does). The numbers of compressed-tensors'
formats are unpacked by its own package, those of the others here, as AutoAWQ and AutoGPTQ define them.

Needs what architectures.py needs, and PyPI's compressed-tensors 0.20.
Usage: quantised_folders.py ../resources/io/sluice/device/quantised"""
import json
import pathlib
import shutil
import sys

import torch
from compressed_tensors.compressors.pack_quantized import pack_to_int32, unpack_from_int32
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig

import architectures

GROUP = 32
SHAPE = dict(
    vocab_size=200, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)
generator = torch.Generator().manual_seed(5)


def integers(low, high, *shape):
    return torch.randint(low, high, shape, generator=generator, dtype=torch.int32)


def scales(deviation, *shape):
    """Scales that bring numbers of this deviation to about 1 / sqrt(64)."""
    return ((0.75 + 0.5 * torch.rand(shape, generator=generator)) / deviation / 8).half()


def words(nibbles, axis):
    """Eight numbers of four bits along an axis in one word, the first lowest."""
    nibbles = nibbles.movedim(axis, -1).reshape(*nibbles.movedim(axis, -1).shape[:-1], -1, 8).long()
    word = (nibbles << (4 * torch.arange(8))).sum(-1)
    return word.to(torch.int64).where(word < 2**31, word - 2**32).to(torch.int32).movedim(-1, axis).contiguous()


def gptq(rows, columns, act_order=False):
    groups = columns // GROUP
    number, zero = integers(0, 16, columns, rows), integers(4, 12, groups, rows)
    scale = scales(4.6, groups, rows)
    group = torch.arange(columns, dtype=torch.int32) // GROUP
    if act_order:
        group = group[torch.randperm(columns, generator=generator)]
    weight = scale.float()[group.long()] * (number - zero[group.long()])
    return weight.T, {"qweight": words(number, 0), "qzeros": words(zero - 1, 1), "scales": scale, "g_idx": group}


def awq(rows, columns):
    groups = columns // GROUP
    number, zero = integers(0, 16, columns, rows), integers(4, 12, groups, rows)
    scale = scales(4.6, groups, rows)
    weight = (number - zero.repeat_interleave(GROUP, 0)) * scale.float().repeat_interleave(GROUP, 0)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    shuffled = lambda x: x.reshape(x.shape[0], -1, 8)[:, :, order].reshape(x.shape)
    return weight.T, {"qweight": words(shuffled(number), 1), "qzeros": words(shuffled(zero), 1), "scales": scale}


def packed(rows, columns, asymmetric=False):
    groups = columns // GROUP
    number = integers(-8, 8, rows, columns).to(torch.int8)
    scale = scales(4.6, rows, groups).bfloat16()
    parts = {"weight_packed": pack_to_int32(number, 4), "weight_scale": scale,
             "weight_shape": torch.tensor([rows, columns])}
    zero = torch.zeros(rows, groups, dtype=torch.int8)
    if asymmetric:
        zero = integers(-4, 4, rows, groups).to(torch.int8)
        parts["weight_zero_point"] = pack_to_int32(zero, 4, packed_dim=0).contiguous()
    unpacked = unpack_from_int32(parts["weight_packed"], 4, torch.Size([rows, columns]))
    assert torch.equal(unpacked, number)
    spread = lambda x: x.float().repeat_interleave(GROUP, 1)
    return (unpacked.float() - spread(zero)) * spread(scale), parts


def int8(rows, columns):
    number, scale = integers(-127, 128, rows, columns).to(torch.int8), scales(73, rows, 1).bfloat16()
    return number.float() * scale.float(), {"weight": number, "weight_scale": scale}


def float8(rows, columns):
    number = torch.randn(rows, columns, generator=generator).mul(100).to(torch.float8_e4m3fn)
    scale = scales(100, rows, 1).float()
    return number.float() * scale, {"weight": number, "weight_scale": scale}


def float8_blocks(rows, columns):
    number = torch.randn(rows, columns, generator=generator).mul(100).to(torch.float8_e4m3fn)
    scale = scales(100, -(-rows // 48), -(-columns // 40)).float()
    spread = scale.repeat_interleave(48, 0)[:rows].repeat_interleave(40, 1)[:, :columns]
    return number.float() * spread, {"weight": number, "weight_scale_inv": scale}


def float8_whole(rows, columns):
    number = torch.randn(rows, columns, generator=generator).mul(100).to(torch.float8_e4m3fn)
    scale = scales(100, 1).float()
    return number.float() * scale, {"weight": number, "weight_scale": scale, "input_scale": torch.ones(1)}


def compressed(format, bits, kind, **more):
    weights = {"num_bits": bits, "type": kind, "symmetric": True, **more}
    return {"quant_method": "compressed-tensors", "format": format,
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}, "ignore": ["lm_head"]}


FORMATS = {
    "gptq": (gptq, {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False, "sym": False}),
    "gptq-act-order": (
        lambda r, c: gptq(r, c, True),
        {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": True, "sym": False}),
    "awq": (awq, {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm", "zero_point": True}),
    "packed-int4": (packed, compressed("pack-quantized", 4, "int", strategy="group", group_size=GROUP)),
    "packed-int4-asymmetric": (
        lambda r, c: packed(r, c, True),
        compressed("pack-quantized", 4, "int", strategy="group", group_size=GROUP, symmetric=False)),
    "int8": (int8, compressed("int-quantized", 8, "int", strategy="channel")),
    "float8": (float8, compressed("float-quantized", 8, "float", strategy="channel")),
    "float8-blocks": (float8_blocks, {"quant_method": "fp8", "weight_block_size": [48, 40]}),
    "float8-whole": (float8_whole, {"quant_method": "fp8", "activation_scheme": "static"}),
}


def write(name, folder):
    quantised, settings = FORMATS[name]
    config = LlamaConfig(**SHAPE, attn_implementation="eager")
    model = architectures.randomised(AutoModelForCausalLM.from_config(config).float().eval(), False, 3)
    tensors = {}
    for key, weight in model.state_dict().items():
        if "_proj.weight" in key:
            decoded, parts = quantised(*weight.shape)
            weight.copy_(decoded)
            tensors.update({key.replace("weight", part): tensor.contiguous() for part, tensor in parts.items()})
        elif key != "lm_head.weight":
            tensors[key] = weight.half()
            weight.copy_(weight.half())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    described = {**config.to_dict(), "architectures": ["LlamaForCausalLM"], "quantization_config": settings}
    (folder / "config.json").write_text(json.dumps(described, indent=1, default=str) + "\n")
    runs = [architectures.run(model, 128, architectures.LENGTH)]
    (folder / "expected.json").write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    print(name, sum(f.stat().st_size for f in folder.iterdir()) // 1024, "KiB")


for name in FORMATS:
    write(name, pathlib.Path(sys.argv[1]) / name)
