#!/usr/bin/env python3
"""Writes quantised_rows.json: for each tensor type a few blocks and the float32 numbers that ggml's own Python package
decodes them to. Needs PyPI's gguf 0.19.0 and numpy.
Usage: quantised_rows.py > ../resources/io/sluice/modelstore/quantised_rows.json"""
import base64
import json

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants

rng = np.random.default_rng(20261123)
BLOCKS = 4
# type: numbers per block, bytes per block, where the block's float16 scales are
LAYOUTS = {
    "F16": (1, 2, []),
    "BF16": (1, 2, []),
    "Q8_0": (32, 34, [0]),
    "Q4_0": (32, 18, [0]),
    "Q4_1": (32, 20, [0, 2]),
    "Q5_0": (32, 22, [0]),
    "Q5_1": (32, 24, [0, 2]),
    "IQ4_NL": (32, 18, [0]),
    "Q2_K": (256, 84, [80, 82]),
    "Q3_K": (256, 110, [108]),
    "Q4_K": (256, 144, [0, 2]),
    "Q5_K": (256, 176, [0, 2]),
    "Q6_K": (256, 210, [208]),
    "IQ4_XS": (256, 136, [0]),
}


def encoded(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


fixtures = []
for name, (numbers, size, scales) in LAYOUTS.items():
    blocks = 64 if numbers == 1 else BLOCKS
    stored = rng.integers(0, 256, (blocks, size), dtype=np.uint8)  # every bit pattern of the packed parts
    for at in scales:
        drawn = rng.normal(0, 0.05, blocks).astype(np.float16)
        stored[:, at:at + 2] = drawn.view(np.uint8).reshape(blocks, 2)
    if name == "F16":
        stored = rng.normal(0, 1, blocks).astype(np.float16).view(np.uint8)
        stored[:8] = np.array([0, 0x8000, 1, 0x7BFF], np.uint16).view(np.uint8)  # zeros, the smallest, the largest
    if name == "BF16":
        stored = (rng.normal(0, 1, blocks).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    values = quants.dequantize(stored.reshape(1, -1), Type[name]).astype(np.float32)
    fixtures.append({"type": name, "stored": encoded(stored), "values": encoded(values)})
print(json.dumps(fixtures, indent=1))
