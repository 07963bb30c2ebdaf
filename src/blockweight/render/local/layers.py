"""The kinds of layers that a LoRA can change: each multiplies its input by a weight, and is linear in it."""

from __future__ import annotations

import torch.nn.functional as F
from diffusers.models.normalization import RMSNorm
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, RMSNorm)

_CONVOLVE = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}


def can_change(layer: nn.Module) -> bool:
    """Whether a layer is of a kind that a LoRA can change, and has a weight."""
    kinds = (nn.Linear, *CONVOLUTIONS, *NORMS)
    return isinstance(layer, kinds) and isinstance(layer.weight, Tensor)


def applied(layer: nn.Module, inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """What the layer would make of `inputs` if these were its weight and bias."""
    if isinstance(layer, CONVOLUTIONS):
        # Stride, padding of every kind, dilation and groups are the layer's own.
        made: Tensor = layer._conv_forward(inputs, weight, bias)
        return made
    if isinstance(layer, nn.LayerNorm):
        return F.layer_norm(inputs, layer.normalized_shape, weight, bias, layer.eps)
    if isinstance(layer, nn.GroupNorm):
        return F.group_norm(inputs, layer.num_groups, weight, bias, layer.eps)
    if isinstance(layer, nn.RMSNorm | RMSNorm):
        scaled = F.rms_norm(inputs, weight.shape, weight, layer.eps)
        return scaled if bias is None else scaled + bias
    return F.linear(inputs, weight, bias)


def pointwise(layer: nn.Module, inputs: Tensor, weight: Tensor) -> Tensor:
    """`inputs` times a matrix: (out, in) over the last dimension, or (out, in, 1, …) over a convolution's channels."""
    if isinstance(layer, CONVOLUTIONS):
        return _CONVOLVE[weight.dim()](inputs, weight)
    return F.linear(inputs, weight)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """(N,) shaped so that it multiplies the samples of `like`, which the layer took or made."""
    return values.view(-1, *[1] * (like.dim() - 1))


def per_output(layer: nn.Module, values: Tensor, like: Tensor) -> Tensor:
    """(out,) shaped so that it adds to the layer's output `like`."""
    channels = isinstance(layer, (*CONVOLUTIONS, nn.GroupNorm))
    return values.view(1, -1, *[1] * (like.dim() - 2)) if channels else values
