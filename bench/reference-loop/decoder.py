"""The decoder of the MaskGIT-VQ tokenizer in plain PyTorch: token ids to pixels."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

EPS, GROUPS = 1e-6, 32


@dataclass(frozen=True)
class DecoderSizes:
    channels: int = 128
    multipliers: tuple = (1, 1, 2, 2, 4)
    blocks: int = 2
    z_channels: int = 256
    codes: int = 1024
    image_channels: int = 3

    def level(self, i):
        """Channels of level i (0 is full resolution)."""
        return self.channels * self.multipliers[i]


def random_weights(s):
    """Tensors of a decoder and its codebook by their names in a state dict, scaled to keep activations tame."""
    w = {"quantize.embedding.weight": torch.randn(s.codes, s.z_channels)}

    def conv(name, outputs, inputs, kernel, bias):
        w[name + ".weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        if bias:
            w[name + ".bias"] = torch.zeros(outputs)

    def norm(name, width):
        w[name + ".weight"], w[name + ".bias"] = torch.ones(width), torch.zeros(width)

    def residual(name, outputs, inputs):
        norm(name + "norm1", inputs)
        conv(name + "conv1", outputs, inputs, 3, False)
        norm(name + "norm2", outputs)
        conv(name + "conv2", outputs, outputs, 3, False)
        if inputs != outputs:
            conv(name + "nin_shortcut", outputs, outputs, 1, False)

    top = len(s.multipliers) - 1
    width = s.level(top)
    conv("decoder.conv_in", width, s.z_channels, 3, True)
    for j in range(s.blocks):
        residual(f"decoder.mid.{j}.", width, width)
    for i in range(top, -1, -1):
        for j in range(s.blocks):
            residual(f"decoder.up.{i}.block.{j}.", s.level(i), width)
            width = s.level(i)
        if i > 0:
            conv(f"decoder.up.{i}.upsample_conv", width, width, 3, True)
    norm("decoder.norm_out", width)
    conv("decoder.conv_out", s.image_channels, width, 3, True)
    return w


class Decoder:
    def __init__(self, sizes, weights):
        self.sizes, self.w = sizes, weights

    def conv(self, name, x, padding=1):
        return F.conv2d(x, self.w[name + ".weight"], self.w.get(name + ".bias"), padding=padding)

    def norm_silu(self, name, x):
        return F.silu(F.group_norm(x, GROUPS, self.w[name + ".weight"], self.w[name + ".bias"], EPS))

    def residual(self, name, x):
        h = self.conv(name + "conv1", self.norm_silu(name + "norm1", x))
        h = self.conv(name + "conv2", self.norm_silu(name + "norm2", h))
        if name + "nin_shortcut.weight" in self.w:  # acts on the block's own result: there is no skip path
            return h + self.conv(name + "nin_shortcut", h, padding=0)
        return x + h

    @torch.inference_mode()
    def pixels(self, tokens):
        """Pixels [B, 3, H, W] in 0..1 of square grids of ids [B, n]."""
        side = int(tokens.shape[1] ** 0.5)
        z = self.w["quantize.embedding.weight"][tokens]  # [B, n, z]
        x = self.conv("decoder.conv_in", z.transpose(1, 2).reshape(len(z), -1, side, side))
        for j in range(self.sizes.blocks):
            x = self.residual(f"decoder.mid.{j}.", x)
        for i in reversed(range(len(self.sizes.multipliers))):
            for j in range(self.sizes.blocks):
                x = self.residual(f"decoder.up.{i}.block.{j}.", x)
            if i > 0:
                x = self.conv(f"decoder.up.{i}.upsample_conv", F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.conv("decoder.conv_out", self.norm_silu("decoder.norm_out", x)).clamp(0, 1)

    def images(self, tokens):
        """Bytes [B, H, W, 3], truncated as the reference does."""
        return (self.pixels(tokens).permute(0, 2, 3, 1) * 255).to(torch.uint8)
