"""Prints nanoseconds a call of small operators, as JSON: the peer of calls.mjs."""
import json
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
one = torch.ones(1)
other = torch.ones(1)
grid = torch.randn(4, 16)
square = torch.randn(16, 16)
bias = torch.randn(16)
several = [torch.ones(1) for _ in range(8)]

calls = {
    "add": lambda: torch.add(one, other),
    "add, with a number": lambda: torch.add(one, 1.5),
    "add_, in place": lambda: one.add_(other),
    "view": lambda: grid.view(8, 8),
    "transpose": lambda: grid.transpose(0, 1),
    "narrow": lambda: grid.narrow(1, 4, 8),
    "sum": lambda: torch.sum(grid),
    "softmax": lambda: torch.softmax(grid, -1),
    "layer_norm": lambda: F.layer_norm(grid, (16,), bias, bias, 1e-6),
    "matmul": lambda: torch.matmul(grid, square),
    "linear": lambda: F.linear(grid, square, bias),
    "cat of 8": lambda: torch.cat(several),
    "chunk in 4": lambda: torch.chunk(grid, 4, 1),
    "_foreach_mul_ of 8": lambda: torch._foreach_mul_(several, 1),
}

CALLS = 100
REPEATS = 500
found = {}
for name, call in calls.items():
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter_ns()
        for _ in range(CALLS):
            call()
        best = min(best, (time.perf_counter_ns() - start) / (CALLS))
    found[name] = best
print(json.dumps(found))
