"""Low-rank matrices in a model, by peft, and what of them goes into a file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from blockweight.train.local.trainee import DTYPES, Trainee
from blockweight.train.loop_settings import Precision
from blockweight.train.network import Adapter
from blockweight.train.order import seed_of

_NAME = "default"
"""peft's name for the one adapter of a model."""


@dataclass(frozen=True)
class Attached:
    """An adapter with its matrices, fp32: `down` (rank, in, …), `up` (out, rank, …)."""

    adapter: Adapter
    down: nn.Parameter
    up: nn.Parameter


def attach(trainee: Trainee, adapters: Sequence[Adapter], seed: int) -> tuple[Attached, ...]:
    """Give the model's layers their matrices, in place. `up` is zero, `down` kaiming-uniform with a = √5, as sd-scripts
    has it; its numbers depend on the seed and the layer's name alone, so that leaving layers out changes no other."""
    found = []
    for part, module in (("text_encoder", trainee.text_encoder), ("unet", trainee.unet)):
        chosen = [each for each in adapters if each.part == part]
        if not chosen:
            continue
        # transformers 5.6 dropped the level `text_model` from CLIPTextModel.
        root = "text_model." if part == "text_encoder" and hasattr(module, "text_model") else ""
        paths = {f"{root}{each.path}": each for each in chosen}
        keys = {f"^{re.escape(path)}$": each for path, each in paths.items()}
        inject_adapter_in_model(
            LoraConfig(
                r=chosen[0].rank,
                lora_alpha=chosen[0].alpha,
                target_modules=list(paths),
                rank_pattern={key: each.rank for key, each in keys.items()},
                alpha_pattern={key: each.alpha for key, each in keys.items()},
            ),
            module,
            adapter_name=_NAME,
        )
        layers = dict(module.named_modules())
        for path, each in paths.items():
            down, up = (getattr(layers[path], side)[_NAME] for side in ("lora_A", "lora_B"))
            _begin(down, up, seed_of("layer", seed, each.lora_name))
            found.append(Attached(each, down.weight, up.weight))
    return tuple(found)


def _begin(down: nn.Module, up: nn.Module, seed: int) -> None:
    for layer in (down, up):
        layer.float().requires_grad_(requires_grad=True)
    weight = down.weight
    assert isinstance(weight, nn.Parameter)
    # By the CPU, whatever trains: the numbers are the same then.
    drawn = torch.empty(weight.shape)
    nn.init.kaiming_uniform_(drawn, a=math.sqrt(5), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        weight.copy_(drawn)
        assert isinstance(up.weight, nn.Parameter)
        up.weight.zero_()


def file_tensors(attached: Sequence[Attached], precision: Precision) -> Mapping[str, NDArray[np.generic]]:
    """A file's tensors under kohya's keys: the matrices in this precision, and each layer's own alpha, fp32."""
    found: dict[str, NDArray[np.generic]] = {}
    for each in attached:
        name = each.adapter.lora_name
        found[f"{name}.lora_down.weight"] = _array(each.down, precision)
        found[f"{name}.lora_up.weight"] = _array(each.up, precision)
        found[f"{name}.alpha"] = np.array(each.adapter.alpha, dtype=np.float32)
    return found


def _array(value: Tensor, precision: Precision) -> NDArray[np.generic]:
    plain = value.detach().to("cpu", DTYPES[precision]).contiguous()
    if precision == "bf16":
        return plain.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    array: NDArray[np.generic] = plain.numpy()
    return array
