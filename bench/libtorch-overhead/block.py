"""One RAR-B block, forward and backward: the peer of block.mjs, with the same output."""
import json
import re
import sys
import time

import torch
import torch.nn.functional as F

attention_kind, runs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
B, T, C, H = 8, 258, 768, 16
torch.set_num_threads(threads)
torch.manual_seed(0)


def resident(field):
    with open("/proc/self/status") as status:
        return int(re.search(rf"{field}:\s+(\d+)", status.read())[1]) / 1e3


def weight(*shape):
    return torch.randn(shape).mul_(0.02).requires_grad_()


w = {
    "adaLN": (weight(6 * C, C), weight(6 * C)),
    "norm1": (weight(C), weight(C)),
    "qkv": (weight(3 * C, C), weight(3 * C)),
    "qNorm": (weight(C // H), weight(C // H)),
    "kNorm": (weight(C // H), weight(C // H)),
    "proj": (weight(C, C), weight(C)),
    "norm2": (weight(C), weight(C)),
    "fc1": (weight(4 * C, C), weight(4 * C)),
    "fc2": (weight(C, 4 * C), weight(C)),
}
parameters = [p for pair in w.values() for p in pair]
x = torch.randn(B, T, C)
c = torch.randn(B, T, C)
x.requires_grad_()
c.requires_grad_()
future = torch.full((T, T), float("-inf")).triu(1)


def norm(x, affine):
    return F.layer_norm(x, x.shape[-1:], *affine, 1e-6)


def modulate(x, affine, shift, scale):
    return norm(x, affine) * (1 + scale) + shift


def attention(x):
    q, k, v = F.linear(x, *w["qkv"]).reshape(B, T, 3, H, C // H).permute(2, 0, 3, 1, 4).unbind()
    out = weigh(norm(q, w["qNorm"]), norm(k, w["kNorm"]), v)
    return F.linear(out.transpose(1, 2).reshape(B, T, C), *w["proj"])


def weigh(q, k, v):
    if attention_kind == "fused":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = q @ k.transpose(-2, -1) * (C // H) ** -0.5
    return (scores + future).softmax(-1) @ v


def mlp(x):
    return F.linear(F.gelu(F.linear(x, *w["fc1"])), *w["fc2"])


def block(x, c):
    shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = F.linear(F.silu(c), *w["adaLN"]).chunk(6, -1)
    x = x + gate_a * attention(modulate(x, w["norm1"], shift_a, scale_a))
    return x + gate_m * mlp(modulate(x, w["norm2"], shift_m, scale_m))


start = resident("VmRSS")
times = []
for _ in range(runs):
    for p in (x, c, *parameters):
        p.grad = None
    began = time.perf_counter()
    block(x, c).sum().backward()
    times.append((time.perf_counter() - began) * 1e3)
    checksum = (x.grad * x.grad).sum().item()
print(json.dumps({"times": times, "peak": resident("VmHWM") - start, "start": start, "checksum": checksum}))
