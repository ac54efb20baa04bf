"""Training steps of one configuration in plain PyTorch: the peer of step.mjs, with the same output."""
import json
import random
import re
import sys
import time
from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

run = json.loads(sys.argv[1])
shapes = json.loads(sys.stdin.read())
sizes, device, batch, steps = run["config"], run["device"], run["batch"], run["steps"]
D, H, L, K, N = (sizes[k] for k in ("width", "heads", "tokens", "codebookSize", "classes"))
EPS, DROP = 1e-6, 0.1
torch.set_num_threads(run["threads"])
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(D, 3 * D)
        self.q_norm, self.k_norm = nn.LayerNorm(D // H, EPS), nn.LayerNorm(D // H, EPS)
        self.proj = nn.Linear(D, D)

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.qkv(x).reshape(B, T, 3, H, D // H).permute(2, 0, 3, 1, 4).unbind()
        drop = DROP if self.training else 0.0
        y = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v, dropout_p=drop, is_causal=True)
        return F.dropout(self.proj(y.transpose(1, 2).reshape(B, T, D)), DROP, self.training)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(D, sizes["mlpWidth"]), nn.Linear(sizes["mlpWidth"], D)

    def forward(self, x):
        x = F.dropout(F.gelu(self.fc1(x)), DROP, self.training)
        return F.dropout(self.fc2(x), DROP, self.training)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D, EPS), nn.LayerNorm(D, EPS)
        self.attn, self.mlp = Attention(), Mlp()
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(D, 6 * D))

    def forward(self, x, c):
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.adaLN_modulation(c).chunk(6, -1)
        x = x + gate_a * self.attn(self.norm1(x) * (1 + scale_a) + shift_a)
        return x + gate_m * self.mlp(self.norm2(x) * (1 + scale_m) + shift_m)


class Final(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(D, EPS, elementwise_affine=False)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(D, 2 * D))

    def forward(self, x, c):
        scale, shift = self.adaLN_modulation(c).chunk(2, -1)
        return self.norm(x) * (1 + scale) + shift


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, D))
        self.pos_embed = nn.Parameter(torch.empty(1, L + 1024, D))
        self.target_aware_pos_embed = nn.Parameter(torch.empty(1, L + 1024, D))
        self.timesteps_embeddings = nn.Parameter(torch.empty(1, L + 100, D))
        self.blocks = nn.ModuleList(Block() for _ in range(sizes["depth"]))
        self.embeddings = nn.Embedding(K + N + 2, D)
        self.adaln_before_head = Final()
        self.lm_head = nn.Linear(D, K)

    def forward(self, tokens, condition, order):
        B = len(tokens)
        c = self.embeddings(condition)  # [B, 1, D]
        content = torch.cat([c, self.embeddings(tokens)], 1)
        pos, target = self.pos_embed[0], self.target_aware_pos_embed[0]
        where = torch.cat([pos[1].expand(B, 1, D), pos[2 + order]], 1)
        following = torch.cat([target[2 + order], content.new_zeros(B, 1, D)], 1)
        x = torch.cat([(self.cls_token + pos[0]).expand(B, 1, D), content + where + following], 1)
        c = c + self.timesteps_embeddings[:, : L + 2]
        for block in self.blocks:
            if run["checkpointing"]:
                x = checkpoint(block, x, c, use_reentrant=False)
            else:
                x = block(x, c)
        return self.lm_head(self.adaln_before_head(x[:, 1:], c[:, 1:]))


def memory():
    if device != "cpu":
        return torch.cuda.max_memory_allocated(device) / 1e6
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1e3


def loss_of(logits, tokens):
    return F.cross_entropy(logits[:, :L].reshape(-1, K).float(), tokens.reshape(-1))


def decays(name, p):
    words = ["ln", "bias", "latent_tokens", "mask_token", "embedding", "norm", "gamma", "embed"]
    return p.ndim >= 2 and not any(word in name for word in words)


torch.manual_seed(0)
weights = {entry["name"]: torch.empty(entry["shape"]).normal_(0, 0.02) for entry in shapes}
with torch.device("meta") if hasattr(torch, "device") and torch.__version__ >= "2" else nullcontext():
    model = Generator()
model = model.to_empty(device="cpu")
model.load_state_dict(weights)
del weights
model.to(device)
named = list(model.named_parameters())
groups = [
    {"params": [p for n, p in named if decays(n, p)], "weight_decay": 0.03},
    {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
]
version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
fused = version >= (2, 4) or (device != "cpu" and version >= (2, 0))
optimizer = torch.optim.AdamW(groups, 4e-4, betas=(0.9, 0.96), **({"fused": True} if fused else {"foreach": True}))


def samples(first):
    tokens = [[(37 * i + 11 * p) % K for i in range(L)] for p in range(first, first + batch)]
    return torch.tensor(tokens), torch.tensor([p % N for p in range(first, first + batch)])


def step(tokens, classes):
    tokens, classes = tokens.to(device), classes.to(device)
    dropped = torch.rand(batch, device=device) < 0.1
    condition = torch.where(dropped, K + N + 1, classes + K + 1).unsqueeze(1)
    order = torch.stack([torch.randperm(L, device=device) for _ in range(batch) if random.random() < 1.0])
    ordered = tokens.gather(1, order)
    optimizer.zero_grad(set_to_none=True)
    half = run["precision"] == "bfloat16"
    with torch.autocast(device.split(":")[0], torch.bfloat16) if half else nullcontext():
        logits = model(ordered, condition, order)
    loss = loss_of(logits, ordered)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


model.eval()
with torch.no_grad():
    one = samples(0)[0][:1].to(device)
    raster = torch.arange(L, device=device).unsqueeze(0)
    checked = loss_of(model(one, torch.tensor([[K + 1]], device=device), raster), one).item()
model.train()
times, cpu = [], []
for index in range(steps + 1):
    given = samples(index * batch)
    begin, cpu_begin = time.perf_counter(), time.process_time()
    loss = step(*given)
    if index > 0:
        times.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - cpu_begin)
print(json.dumps({"times": times, "cpu": cpu, "loss": loss, "checked": checked, "peak": memory()}))
