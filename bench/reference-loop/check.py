"""Holds the plain PyTorch loop against recorded numbers: greedy and sampled ids of a tiny model, decoded pixels.

Works on any folder with `config.yaml` and either `generator.bin` with `generate.json`, or `tokenizer.bin` with
`decode.safetensors`. One line a check; returns the number of checks that failed.
"""

import json
import os
import struct

import torch

from decoder import Decoder, DecoderSizes
from generator import Generator, Sampling, Sizes

PIXEL_TOLERANCE = 2e-5


def check(folder):
    import yaml

    with open(os.path.join(folder, "config.yaml")) as file:
        model = yaml.safe_load(file)["model"]

    def at(name):
        return os.path.join(folder, name)

    if os.path.exists(at("generate.json")):
        results = check_generator(model, load(at("generator.bin")), at("generate.json"))
    elif os.path.exists(at("decode.safetensors")):
        results = check_decoder(model["vq_model"], load(at("tokenizer.bin")), at("decode.safetensors"))
    else:
        raise SystemExit(f"Cannot check {folder}: it holds neither generate.json nor decode.safetensors.")
    outcomes = []
    for name, ok in results:
        print(f"{'ok    ' if ok else 'WRONG '} {name}")
        outcomes.append(bool(ok))
    print(f"{sum(outcomes)} of {len(outcomes)} checks ok, PyTorch {torch.__version__}")
    return len(outcomes) - sum(outcomes)


def load(path):
    return {name: tensor.float() for name, tensor in torch.load(path, map_location="cpu").items()}


def check_generator(model, weights, path):
    g = model["generator"]
    sizes = Sizes(
        *(g[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")),
        model["vq_model"]["codebook_size"],
        g["image_seq_len"],
        g["condition_num_classes"],
    )
    generator = Generator(sizes, weights)
    with open(path) as file:
        recorded = json.load(file)
    for kind in ("greedy", "sampled"):
        for entry in recorded[kind]:
            scale, power = entry["guidance_scale"], entry["guidance_scale_pow"]
            temperature = entry.get("temperature", 1.0)
            torch.manual_seed(0)
            sampling = Sampling(temperature, scale, power)
            ids = generator.generate(entry["classes"], sampling, greedy=kind == "greedy")
            name = f"{kind} ids: guidance {scale}, {power}, temperature {temperature}, classes {entry['classes']}"
            yield name, ids.tolist() == entry["ids"]


def check_decoder(v, weights, path):
    sizes = DecoderSizes(
        v["hidden_channels"], tuple(v["channel_mult"]), v["num_res_blocks"], v["z_channels"], v["codebook_size"]
    )
    decoder, recorded = Decoder(sizes, weights), read_safetensors(path)
    ids = recorded["indices"].reshape(len(recorded["pixels"]), -1)
    worst = (decoder.pixels(ids) - recorded["pixels"]).abs().max().item()
    yield f"pixels: largest deviation {worst:.1e}, allowed {PIXEL_TOLERANCE:.0e}", worst <= PIXEL_TOLERANCE
    difference = (decoder.images(ids).int() - recorded["uint8"].int()).abs()
    yield f"bytes: {(difference > 0).sum()} of {difference.numel()} differ", difference.max() <= 1


def read_safetensors(path):
    kinds = {"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), bytearray(file.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(
            data, dtype=kinds[t["dtype"]], offset=t["data_offsets"][0], count=max(1, torch.Size(t["shape"]).numel())
        ).reshape(t["shape"])
        for name, t in header.items()
        if t["dtype"] in kinds
    }
