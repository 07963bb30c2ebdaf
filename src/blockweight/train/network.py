"""The LoRA that is trained: which layers get low-rank matrices, of what rank, and how fast they learn.

Without `conv_dim` it is sd-scripts' LoRA-LierLa, with it LoRA-C3Lier (LoCon): the same modules by the same names. A
block with a learning rate of 0 has none, and the file lacks it. Source: sd-scripts `networks/lora.py` at 48d368fa.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.train.training import Training
from blockweight.train.unet_modules import UnetModule, text_modules, unet_modules
from blockweight.weights import BLOCK_ORDER, BlockWeights, format_weight, lr_weights

FAMILIES = ("sd1", "sd2")
"""The families that are trained here."""

_WIDE = ("conv1", "conv2", "conv", "conv_in")
"""Layers that are convolutions of 3×3: those of resnets, downsamplers and upsamplers, and the first of all;
`conv_shortcut` is one of 1×1."""

_FIRST = UnetModule("conv_in", "IN00", standard=False)
"""The UNet's first convolution."""

_MOST_RANK = 4096


@dataclass(frozen=True)
class Adapter:
    """A layer with low-rank matrices: in which part of the model, its dotted name there and its name in the file, its
    block, and `rate`, its learning rate. Its change is alpha / rank × up × down."""

    part: Literal["unet", "text_encoder"]
    path: str
    lora_name: str
    block: str
    rank: int
    alpha: float
    rate: float


@dataclass(frozen=True)
class Network:
    """What is trained at which rates, and the ranks of single blocks, if any (BASE's are the text encoder's; 0 leaves a
    block out). `conv_in` takes the UNet's first convolution too, block IN00, which sd-scripts' LoRA never has and
    LyCORIS' can have; it needs `training.conv_dim`. `training.network_dim` and `network_alpha` must be given."""

    training: Training
    ranks: BlockWeights | None = None
    conv_in: bool = False

    def __post_init__(self) -> None:
        if self.training.network_dim is None or self.training.network_alpha is None:
            raise ValueError("a network needs a rank and an alpha")
        if self.conv_in and self.training.conv_dim is None:
            raise BlockweightError("--conv-in is for a LoRA with convolutions; add their rank, such as --conv-dim 4.")
        for block, rank in () if self.ranks is None else self.ranks.items():
            if not 0 <= rank <= _MOST_RANK or rank != int(rank):
                raise BlockweightError(
                    f"The rank of {block} is {format_weight(rank)}; give whole numbers from 1 to {_MOST_RANK}, or 0 to "
                    "leave the block out."
                )

    def adapters(self, text_layers: int, present: Collection[str] | None = None) -> tuple[Adapter, ...]:
        """The layers, in the model's order, for a text encoder of so many layers. `present` are the dotted names that
        the UNet has, None for all: in models of other widths some lack `conv_shortcut`. BlockweightError if there are
        none."""
        found = [
            Adapter("text_encoder", path, name, "BASE", self._rank("BASE"), self._alpha, self.training.rate("BASE"))
            for path, name in text_modules("lora_te", text_layers)
        ]
        first = (_FIRST,) if self.conv_in else ()
        for module in first + unet_modules(self.training.family):
            if not (module.standard or self.training.conv_dim) or (present is not None and module.path not in present):
                continue
            wide = module.path.rpartition(".")[2] in _WIDE
            rank, alpha = self._rank(module.block), self._alpha
            if wide and rank:
                rank, alpha = self.training.conv_dim or 0, self.training.conv_alpha
            rate = self.training.rate(module.block)
            found.append(Adapter("unet", module.path, module.lora_name, module.block, rank, alpha, rate))
        kept = tuple(each for each in found if each.rank and each.rate > 0)
        if not kept:
            raise BlockweightError(
                "With these weights no module would be trained; give a weight above 0 to a block that has modules "
                "(blocks without attention have them only with --conv-dim)."
            )
        return kept

    def arguments(self) -> dict[str, str]:
        """What sd-scripts' `--network_args` would be, as `ss_network_args` records it: everything that is not its
        default, and `conv_in`, which it does not know."""
        found: dict[str, str] = {}
        training = self.training
        if any(weight != 1 for block, weight in training.weights.items() if block != "BASE"):
            lists = lr_weights(training.weights)
            if lists is None:
                raise ValueError(training.family)
            for name, values in (("down", lists.down), ("mid", lists.mid), ("up", lists.up)):
                found[f"{name}_lr_weight"] = ",".join(map(format_weight, values))
        if training.conv_dim is not None:
            found |= {"conv_dim": str(training.conv_dim), "conv_alpha": format_weight(training.conv_alpha)}
        if self.conv_in:
            found["conv_in"] = "True"
        if self.ranks is not None:
            order = BLOCK_ORDER[training.family]
            found["block_dims"] = ",".join(str(self._rank(block)) for block in order)
            found["block_alphas"] = ",".join([format_weight(self._alpha)] * len(order))
            if training.conv_dim is not None:
                dims = (training.conv_dim if self._rank(block) else 0 for block in order)
                found["conv_block_dims"] = ",".join(map(str, dims))
                found["conv_block_alphas"] = ",".join([format_weight(training.conv_alpha)] * len(order))
        return found

    @property
    def _alpha(self) -> float:
        return self.training.network_alpha or 0.0

    def _rank(self, block: str) -> int:
        return (self.training.network_dim or 0) if self.ranks is None else int(self.ranks.weight(block))


def network_metadata(network: Network, *, v_prediction: bool) -> dict[str, str]:
    """sd-scripts' metadata of the network and its rates, all texts."""
    training = network.training
    second = training.family == "sd2"
    return {
        "ss_v2": str(second),
        "ss_base_model_version": "sd_v1" if not second else "sd_v2_v" if v_prediction else "sd_v2",
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(training.network_dim),
        "ss_network_alpha": format_weight(training.network_alpha or 0.0),
        "ss_network_args": json.dumps(network.arguments()),
        "ss_learning_rate": str(training.unet_lr),
        "ss_unet_lr": str(training.unet_lr),
        "ss_text_encoder_lr": str(training.rate("BASE")),
    }


def by_rate(adapters: tuple[Adapter, ...]) -> Mapping[float, tuple[Adapter, ...]]:
    """Learning rate → the layers that learn at it, in their order."""
    groups: dict[float, list[Adapter]] = {}
    for each in adapters:
        groups.setdefault(each.rate, []).append(each)
    return {rate: tuple(found) for rate, found in groups.items()}
