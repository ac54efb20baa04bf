"""Inception's features in plain PyTorch: the peer of bench/inception.mjs, with the same weights by formula, resize and outputs.

Reads {"shapes": [[name, shape], ...], "batch", "batches", "threads", "device", "side", "form"} from stdin and prints JSON. Form "plain" keeps
batch norms and the usual memory layout, as the field's evaluators do; "tuned" folds batch norms and keeps channels last.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

run = json.load(sys.stdin)
device, batch, side, tuned = run["device"], run["batch"], run["side"], run["form"] == "tuned"
torch.set_num_threads(run["threads"])
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
MASK = 2**32 - 1


def scramble(x):
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = (x ^ (x >> shift)) & MASK
        # Products of two 32-bit numbers overflow 64 bits: by halves.
        low, high = x & 0xFFFF, x >> 16
        x = (low * factor + (((high * factor) & 0xFFFF) << 16)) & MASK
    return x


def formula(t, name, shape):
    i = torch.arange(math.prod(shape), dtype=torch.int64)
    low, high = i & 0xFFFF, i >> 16
    x = (low * 0x9E3779B1 + (((high * 0x9E3779B1) & 0xFFFF) << 16) + t * 0x7F4A7C15 + 0x165667B1) & MASK
    u = scramble(x).double() / 2**32
    rules = {
        "conv.weight": lambda: (u - 0.5) * math.sqrt(24 / math.prod(shape[1:])),
        "bn.weight": lambda: 0.75 + 0.5 * u,
        "bn.bias": lambda: (u - 0.5) * 0.5,
        "bn.running_mean": lambda: (u - 0.5) * 0.25,
        "bn.running_var": lambda: 0.5 + u,
        "fc.weight": lambda: (u - 0.5) * 0.03125,
        "fc.bias": lambda: (u - 0.5) * 2,
    }
    value = next(rule() for ending, rule in rules.items() if name.endswith(ending))
    return value.float().reshape(shape).to(device)


weights = {name: formula(t, name, shape) for t, (name, shape) in enumerate(run["shapes"])}
folded = {}
if tuned:
    for unit in {name[: -len(".conv.weight")] for name in weights if name.endswith(".conv.weight")}:
        bn = {part: weights[f"{unit}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
        gain = bn["weight"] / torch.sqrt(bn["running_var"] + 1e-3)
        kernel = (weights[f"{unit}.conv.weight"] * gain[:, None, None, None]).contiguous(memory_format=torch.channels_last)
        folded[unit] = kernel, bn["bias"] - bn["running_mean"] * gain


def unit(name, x, stride=1, padding=0):
    if tuned:
        return F.relu_(F.conv2d(x, *folded[name], stride, padding))
    bn = [weights[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    x = F.conv2d(x, weights[f"{name}.conv.weight"], None, stride, padding)
    return F.relu_(F.batch_norm(x, *bn, False, 0.0, 1e-3))


def average(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def block_a(m, x):
    five = unit(f"{m}.branch5x5_2", unit(f"{m}.branch5x5_1", x), padding=2)
    three = unit(f"{m}.branch3x3dbl_2", unit(f"{m}.branch3x3dbl_1", x), padding=1)
    three = unit(f"{m}.branch3x3dbl_3", three, padding=1)
    return torch.cat([unit(f"{m}.branch1x1", x), five, three, unit(f"{m}.branch_pool", average(x))], 1)


def reduce_a(m, x):
    three = unit(f"{m}.branch3x3dbl_2", unit(f"{m}.branch3x3dbl_1", x), padding=1)
    return torch.cat([unit(f"{m}.branch3x3", x, 2), unit(f"{m}.branch3x3dbl_3", three, 2), F.max_pool2d(x, 3, 2)], 1)


def block_b(m, x):
    across, down = (0, 3), (3, 0)
    first = unit(f"{m}.branch1x1", x)
    seven = unit(f"{m}.branch7x7_1", x)
    seven = unit(f"{m}.branch7x7_3", unit(f"{m}.branch7x7_2", seven, padding=across), padding=down)
    double = unit(f"{m}.branch7x7dbl_1", x)
    for n, padding in ((2, down), (3, across), (4, down), (5, across)):
        double = unit(f"{m}.branch7x7dbl_{n}", double, padding=padding)
    return first, torch.cat([first, seven, double, unit(f"{m}.branch_pool", average(x))], 1)


def reduce_b(m, x):
    three = unit(f"{m}.branch3x3_2", unit(f"{m}.branch3x3_1", x), 2)
    seven = unit(f"{m}.branch7x7x3_2", unit(f"{m}.branch7x7x3_1", x), padding=(0, 3))
    seven = unit(f"{m}.branch7x7x3_4", unit(f"{m}.branch7x7x3_3", seven, padding=(3, 0)), 2)
    return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)


def block_c(m, x, pool):
    def both(name, y):
        return torch.cat([unit(f"{name}a", y, padding=(0, 1)), unit(f"{name}b", y, padding=(1, 0))], 1)

    three = both(f"{m}.branch3x3_2", unit(f"{m}.branch3x3_1", x))
    deep = both(f"{m}.branch3x3dbl_3", unit(f"{m}.branch3x3dbl_2", unit(f"{m}.branch3x3dbl_1", x), padding=1))
    return torch.cat([unit(f"{m}.branch1x1", x), three, deep, unit(f"{m}.branch_pool", pool(x))], 1)


def network(x):
    x = unit("Conv2d_2a_3x3", unit("Conv2d_1a_3x3", x, 2))
    x = F.max_pool2d(unit("Conv2d_2b_3x3", x, padding=1), 3, 2)
    x = F.max_pool2d(unit("Conv2d_4a_3x3", unit("Conv2d_3b_1x1", x)), 3, 2)
    for m in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = block_a(m, x)
    x = reduce_a("Mixed_6a", x)
    for m in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        branch, x = block_b(m, x)
        if m == "Mixed_6d":
            spatial = branch[:, :7].permute(0, 2, 3, 1).reshape(len(x), -1)
    x = block_c("Mixed_7b", reduce_b("Mixed_7a", x), average)
    x = block_c("Mixed_7c", x, lambda y: F.max_pool2d(y, 3, 1, 1))
    pooled = x.mean((2, 3))
    return pooled, spatial, torch.softmax(F.linear(pooled, weights["fc.weight"]), -1)


def resize(x, axis):
    """TensorFlow 1's bilinear resize along one axis."""
    n = x.shape[axis]
    if n == 299:
        return x
    place = torch.arange(299, dtype=torch.float32, device=device) * torch.tensor(n / 299, dtype=torch.float32, device=device)
    low = place.long()
    first, second = x.index_select(axis, low), x.index_select(axis, (low + 1).clamp(max=n - 1))
    d = (place - low).reshape([299 if a == axis else 1 for a in range(4)])
    return first + (second - first) * d


def features(images):
    x = images.to(device).permute(0, 3, 1, 2).float().contiguous()
    x = (resize(resize(x, 3), 2) - 128) / 128
    if tuned:
        x = x.contiguous(memory_format=torch.channels_last)
    return [y.cpu() for y in network(x)]


total = batch * side * side * 3
images = (torch.arange(total, dtype=torch.int64) * 2654435761 % 4294967296 // 16777216).to(torch.uint8).reshape(batch, side, side, 3)
with torch.no_grad():
    pooled, spatial, _ = features(images)  # warm-up
    times, before = [], time.process_time()
    for _ in range(run["batches"]):
        start = time.perf_counter()
        features(images)
        times.append(time.perf_counter() - start)
cpu = (time.process_time() - before) / run["batches"]
check = [pooled[:, :16].flatten().tolist(), spatial[:, :16].flatten().tolist()]
print(json.dumps({"times": times, "cpu": cpu, "check": check, "version": torch.__version__}))
