"""Every kind of change of a layer that is fused in the original and split here, against the textbook."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers.models.normalization import AdaLayerNormContinuous
from torch import nn

from blockweight.blocks import family_by_name
from blockweight.lora import open_lora, write_lora
from blockweight.plan import Variant
from blockweight.render.local import LiveLora
from blockweight.render.local.names import FLUX1
from blockweight.weights import BlockWeights

WIDTH = 4
RNG = np.random.default_rng(3)
EPSILON = np.finfo(np.float32).eps


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(WIDTH, WIDTH) for _ in "qkv")


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = Attention()


class Model(nn.Module):
    """The attention of a double block of Flux.1, and its last norm."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer_blocks = nn.ModuleList([Block()])
        self.norm_out = AdaLayerNormContinuous(WIDTH, WIDTH, elementwise_affine=False)


def _numbers(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def _change(kind: str, weight: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Tensors of a module, and ΔW by the definitions."""
    out, inputs = weight.shape
    up, down = _numbers(out, 2), _numbers(2, inputs)
    if kind == "lora":
        return {"lora_up.weight": up, "lora_down.weight": down}, up @ down
    if kind == "dora":
        magnitude = np.abs(_numbers(1, inputs))
        merged = weight + up @ down
        norm = np.linalg.norm(merged, axis=0, keepdims=True) + EPSILON
        tensors = {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": magnitude}
        return tensors, magnitude * merged / norm - weight
    if kind == "loha":
        other = _numbers(out, 2), _numbers(2, inputs)
        names = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
        return dict(zip(names, (up, down, *other), strict=True)), (up @ down) * (other[0] @ other[1])
    if kind == "lokr":
        first, second = _numbers(2, 2), _numbers(out // 2, inputs // 2)
        return {"lokr_w1": first, "lokr_w2": second}, np.kron(first, second)
    whole = _numbers(out, inputs)
    return {"diff": whole}, whole


@pytest.mark.parametrize("kind", ["lora", "dora", "loha", "lokr", "full"])
@pytest.mark.parametrize("fused", [True, False])
def test_a_fused_layers_change_is_shared_out_by_rows_whatever_its_kind(kind, fused, tmp_path):
    torch.manual_seed(0)
    model = Model().double().requires_grad_(requires_grad=False)
    attention = model.transformer_blocks[0].attn
    layers = [attention.to_q, attention.to_k, attention.to_v] if fused else [model.norm_out.linear]
    parts = [layer.weight.numpy() for layer in layers]
    # The original has shift before scale.
    own = np.concatenate(parts if fused else np.split(parts[0], 2)[::-1])
    tensors, delta = _change(kind, own)
    bias = _numbers(len(own))
    name = "double_blocks_0_img_attn_qkv" if fused else "final_layer_adaLN_modulation_1"
    named = {f"lora_unet_{name}.{role}": values for role, values in (tensors | {"diff_b": bias}).items()}
    write_lora(tmp_path / "lora.safetensors", named, {})
    family = family_by_name("flux1")
    layout = family.layouts[0]
    live = LiveLora(open_lora(tmp_path / "lora.safetensors", family), {"transformer": model}, FLUX1)
    scales = (0.5, -1.0, 0.0)
    weights = [BlockWeights("w", layout, (scale,) * len(layout)) for scale in scales]
    inputs = torch.randn(len(scales), 3, WIDTH, dtype=torch.float64)
    wanted = [
        F.linear(
            inputs[sample],
            torch.from_numpy(own + scale * delta),
            _biases(layers, fused) + scale * torch.from_numpy(bias),
        )
        for sample, scale in enumerate(scales)
    ]
    live.set_samples([Variant("v", each) for each in weights], 1.0)
    made = torch.cat([layer(inputs) for layer in layers], dim=-1)
    found = made if fused else torch.cat(made.chunk(2, dim=-1)[::-1], dim=-1)
    torch.testing.assert_close(found, torch.stack(wanted), rtol=1e-5, atol=1e-5)
    live.detach()


def _biases(layers: list[nn.Module], fused: bool) -> torch.Tensor:
    whole = torch.cat([layer.bias for layer in layers])
    return whole if fused else torch.cat(whole.chunk(2)[::-1])
