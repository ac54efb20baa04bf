"""RAR's generation loop in plain PyTorch, the way the reference runs it.

Every step computes each block's modulation from the condition, appends to a key/value cache by concatenation, and
with guidance runs two rows an image. Written from the description in the paper and from recorded numbers; it is
what rarity's own speed is held against, and `check.py` holds it against those numbers.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

EPS = 1e-6
fused_attention = getattr(F, "scaled_dot_product_attention", None)  # PyTorch 2


@dataclass(frozen=True)
class Sizes:
    width: int
    depth: int
    heads: int
    mlp_width: int
    codes: int = 1024
    tokens: int = 256
    classes: int = 1000

    @property
    def none_id(self):
        return self.codes + self.classes + 1


@dataclass(frozen=True)
class Sampling:
    temperature: float
    guidance_scale: float
    guidance_scale_pow: float


PRESETS = {
    "rar-b": (Sizes(768, 24, 16, 3072), Sampling(1.0, 16.0, 2.75)),
    "rar-l": (Sizes(1024, 24, 16, 4096), Sampling(1.02, 15.5, 2.5)),
    "rar-xl": (Sizes(1280, 32, 16, 5120), Sampling(1.02, 6.9, 1.5)),
    "rar-xxl": (Sizes(1408, 40, 16, 6144), Sampling(1.02, 8.0, 1.2)),
}


def random_weights(s):
    """Tensors of a generator by their names in a state dict; normal numbers where a trained one has others."""
    D, d = s.width, s.width // s.heads
    shapes = {
        "cls_token": (1, 1, D),
        "pos_embed": (1, s.tokens + 1024, D),
        "target_aware_pos_embed": (1, s.tokens + 1024, D),
        "timesteps_embeddings": (1, s.tokens + 100, D),
        "embeddings.weight": (s.codes + s.classes + 2, D),
    }

    def linear(name, outputs, inputs):
        shapes[name + ".weight"], shapes[name + ".bias"] = (outputs, inputs), (outputs,)

    for i in range(s.depth):
        block = f"blocks.{i}."
        for norm, width in (("norm1", D), ("norm2", D), ("attn.q_norm", d), ("attn.k_norm", d)):
            shapes[block + norm + ".weight"] = shapes[block + norm + ".bias"] = (width,)
        linear(block + "attn.qkv", 3 * D, D)
        linear(block + "attn.proj", D, D)
        linear(block + "mlp.fc1", s.mlp_width, D)
        linear(block + "mlp.fc2", D, s.mlp_width)
        linear(block + "adaLN_modulation.1", 6 * D, D)
    linear("adaln_before_head.adaLN_modulation.1", 2 * D, D)
    linear("lm_head", s.codes, D)
    return {name: torch.randn(shape) * 0.02 + (1.0 if is_norm(name) else 0.0) for name, shape in shapes.items()}


def is_norm(name):
    return "norm" in name and name.endswith("weight")


class Linear:
    def __init__(self, w, name):
        self.weight, self.bias = w[name + ".weight"], w[name + ".bias"]

    def __call__(self, x):
        return F.linear(x, self.weight, self.bias)


class LayerNorm:
    def __init__(self, w, name):
        self.weight, self.bias = w[name + ".weight"], w[name + ".bias"]

    def __call__(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, EPS)


class Block:
    def __init__(self, w, name, heads):
        self.heads = heads
        self.norm1, self.norm2 = LayerNorm(w, name + "norm1"), LayerNorm(w, name + "norm2")
        self.q_norm, self.k_norm = LayerNorm(w, name + "attn.q_norm"), LayerNorm(w, name + "attn.k_norm")
        self.qkv, self.proj = Linear(w, name + "attn.qkv"), Linear(w, name + "attn.proj")
        self.fc1, self.fc2 = Linear(w, name + "mlp.fc1"), Linear(w, name + "mlp.fc2")
        self.modulation = Linear(w, name + "adaLN_modulation.1")
        self.cache = None

    def __call__(self, x, c):  # x, c: [B, T, D]
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(F.silu(c)).chunk(6, -1)
        x = x + gate_a * self.attention(self.norm1(x) * (1 + scale_a) + shift_a)
        h = F.gelu(self.fc1(self.norm2(x) * (1 + scale_m) + shift_m))  # [B, T, F]
        return x + gate_m * self.fc2(h)

    def attention(self, x):
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # 3 x [B, H, T, d]
        q, k = self.q_norm(q), self.k_norm(k)
        if self.cache is not None:
            k, v = torch.cat((self.cache[0], k), 2), torch.cat((self.cache[1], v), 2)
        self.cache = (k, v)
        y = attend(q, k, v, causal=T > 1)  # more than one position only in the first call, when nothing is cached
        return self.proj(y.transpose(1, 2).reshape(B, T, D))


def attend(q, k, v, causal):
    if fused_attention is not None:
        return fused_attention(q, k, v, is_causal=causal)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    return scores.softmax(-1) @ v


class Generator:
    def __init__(self, sizes, weights):
        self.sizes, w = sizes, weights
        self.cls, self.embed = w["cls_token"], w["embeddings.weight"]
        self.pos, self.target, self.time = (
            w[name] for name in ("pos_embed", "target_aware_pos_embed", "timesteps_embeddings")
        )
        self.blocks = [Block(w, f"blocks.{i}.", sizes.heads) for i in range(sizes.depth)]
        self.head_modulation = Linear(w, "adaln_before_head.adaLN_modulation.1")
        self.head = Linear(w, "lm_head")

    def reset(self):
        for block in self.blocks:
            block.cache = None

    def logits(self, tokens, condition, step):
        """Logits [R, K] for place `step`, given the `step` tokens before it [R, step] and condition ids [R]."""
        c = self.embed[condition][:, None]  # [R, 1, D]
        if step == 0:
            first = (self.cls + self.pos[:, :1]).expand(len(c), -1, -1)
            x = torch.cat((first, c + self.pos[:, 1:2] + self.target[:, 2:3]), 1)  # [R, 2, D]
            c = c + self.time[:, :2]
        else:
            p = step + 1  # position of the newest token
            x = self.embed[tokens[:, -1]][:, None] + self.pos[:, p : p + 1] + self.target[:, p + 1 : p + 2]
            c = c + self.time[:, p : p + 1]
        for block in self.blocks:
            x = block(x, c)
        scale, shift = self.head_modulation(F.silu(c)).chunk(2, -1)  # the reverse of the blocks' order
        x = F.layer_norm(x, x.shape[-1:], eps=EPS) * (1 + scale) + shift
        return self.head(x)[:, -1]

    @torch.inference_mode()
    def generate(self, classes, sampling, greedy=False, steps=None, on_step=lambda: None):
        """Token ids [B, steps] for class numbers, in raster order; `on_step` is called after each."""
        s, g = self.sizes, sampling.guidance_scale
        condition = torch.as_tensor(classes) + s.codes + 1
        torch.rand(len(classes))  # class dropout with probability 0: changes nothing but PyTorch's random state
        if g != 0:
            condition = torch.cat((condition, torch.full_like(condition, s.none_id)))
        tokens = torch.empty(len(classes), 0, dtype=torch.long)
        self.reset()
        for step in range(s.tokens if steps is None else steps):
            rows = torch.cat((tokens, tokens)) if g != 0 else tokens
            logits = self.logits(rows, condition, step)
            if g != 0:
                conditional, unconditional = logits.chunk(2)
                cfg = guidance(sampling, step, s.tokens)
                logits = unconditional + (conditional - unconditional) * cfg
            if greedy:
                drawn = logits.argmax(-1, keepdim=True)
            else:
                drawn = torch.multinomial((logits / sampling.temperature).softmax(-1), 1)
            tokens = torch.cat((tokens, drawn), 1)
            on_step()
        self.reset()
        return tokens


def guidance(sampling, step, length):
    """Power-cosine ramp from 1 towards the guidance scale, a float32 tensor."""
    progress = torch.tensor(step / length) ** sampling.guidance_scale_pow
    ramp = (1 - torch.cos(progress * torch.pi)) / 2
    return (sampling.guidance_scale - 1) * ramp + 1
