"""What is to be trained, and what a trainer would make of it: the one form that every trainer's arguments are made
from, and the one that they come in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights, format_weight

Fate = Literal["trained", "skipped", "zero"]
"""What becomes of a block: its modules learn; they are not made, so the file lacks them; or they are made and saved but
never learn, so they stay zero."""

TEXT_BLOCKS = ("BASE", "CLIP", "T5")
"""The blocks that stand for text encoders."""

_MOST_RANK = 4096


@dataclass(frozen=True)
class Training:
    """Block weights in a layout that names every block of the model, and the rates and ranks around them.

    `unet_lr` is the learning rate at weight 1 of UNet or transformer, above 0; `text_encoder_lr` that of the text
    encoders, 0 or above. `conv_dim` is the rank of convolutions, None for a LoRA without them. BlockweightError for
    what no trainer can train: weights below 0, rates and ranks out of range.
    """

    weights: BlockWeights
    unet_lr: float
    text_encoder_lr: float
    network_dim: int | None = None
    network_alpha: float | None = None
    conv_dim: int | None = None
    conv_alpha: float = 1.0

    def __post_init__(self) -> None:
        for block, weight in self.weights.items():
            if weight < 0:
                raise BlockweightError(
                    f"{block} is {format_weight(weight)}, but no trainer learns at a rate below 0 (sd-scripts silently "
                    "takes it for 0); write 0 to leave the block out."
                )
        for name, rate, least in (("unet-lr", self.unet_lr, 0.0), ("text-encoder-lr", self.text_encoder_lr, -1.0)):
            if not (math.isfinite(rate) and rate > least and rate >= 0):
                raise BlockweightError(f"--{name} is {rate:g}, which is no learning rate; give one such as 1e-4.")
        for name, rank in (("network-dim", self.network_dim), ("conv-dim", self.conv_dim)):
            if rank is not None and not 1 <= rank <= _MOST_RANK:
                raise BlockweightError(f"--{name} is {rank}, which is no rank; give one from 1 to {_MOST_RANK}.")
        for name, alpha in (("network-alpha", self.network_alpha), ("conv-alpha", self.conv_alpha)):
            if alpha is not None and not (math.isfinite(alpha) and alpha > 0):
                raise BlockweightError(f"--{name} is {alpha:g}; give a number above 0, such as 1.")

    @property
    def family(self) -> str:
        """The family's name."""
        return self.weights.layout.family

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of UNet or transformer, in the layout's order."""
        return tuple(block for block in self.weights.layout.blocks if block not in TEXT_BLOCKS)

    def rate(self, block: str) -> float:
        """The block's learning rate: its weight times the rate of its part of the model, reckoned in decimals.
        BlockweightError if it is beyond the largest number."""
        base = self.text_encoder_lr if block in TEXT_BLOCKS else self.unet_lr
        value = float(Decimal(repr(float(base))) * Decimal(repr(float(self.weights.weight(block)))))
        if not math.isfinite(value):
            raise BlockweightError(f"The learning rate of {block} is beyond the largest number; give smaller ones.")
        return value


@dataclass(frozen=True)
class BlockFate:
    """What becomes of one block. `learning_rate` is 0 unless it is trained; `modules` are the LoRA names of its
    modules, None where they are not known."""

    block: str
    weight: float
    fate: Fate
    learning_rate: float
    modules: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Arguments:
    """A trainer's arguments as text to paste or to save, what each block comes to, and remarks for the person."""

    trainer: str
    text: str
    dry_run: tuple[BlockFate, ...]
    notes: tuple[str, ...]

    def count(self, fate: Fate) -> int | None:
        """How many modules have this fate; None where the modules of one such block are not known."""
        chosen = [each.modules for each in self.dry_run if each.fate == fate]
        return None if None in chosen else sum(len(names) for names in chosen if names is not None)


def number(value: float) -> str:
    """A learning rate or alpha as every trainer, TOML, YAML and JSON read it: the shortest text of the float, with a
    point or an exponent.

    >>> [number(value) for value in (1e-4, 5e-05, 1.0)]
    ['0.0001', '5e-05', '1.0']
    """
    return repr(float(value))


def dry_run(
    training: Training,
    *,
    untrained: Iterable[str] = (),
    zero: Iterable[str] = (),
    modules: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[BlockFate, ...]:
    """Every block's fate in the layout's order. `untrained` blocks are skipped whatever their weight, `zero` ones are
    kept at zero, others trained if their learning rate is above 0. `modules` lists the modules by block, where known.

    BlockweightError if no module would be trained.
    """
    never, kept = frozenset(untrained), frozenset(zero)
    fates = []
    for block, weight in training.weights.items():
        names = None if modules is None else modules.get(block, ())
        rate = 0.0 if block in never or block in kept else training.rate(block)
        fate: Fate = "zero" if block in kept else "trained" if rate > 0 else "skipped"
        fates.append(BlockFate(block, weight, fate, rate, names))
    if not any(each.fate == "trained" and each.modules != () for each in fates):
        raise BlockweightError(
            "With these weights no module would be trained, and trainers stop with an empty list of parameters; give "
            "a weight above 0 to a block that has modules (blocks without attention have them only with --conv-dim)."
        )
    return tuple(fates)


def check_masks(training: Training, trainer: str, blocks: Iterable[str], instead: str) -> None:
    """BlockweightError for a weight of these blocks other than 0 and 1, which `trainer` cannot represent; `instead`
    says what works."""
    for block in blocks:
        weight = training.weights.weight(block)
        if weight not in (0, 1):
            raise BlockweightError(
                f"{block} is {format_weight(weight)}, but {trainer} has no learning rate per block for "
                f"{training.family}: a block is trained or left out; give 0 or 1, {instead}."
            )


def rate_notes(training: Training) -> tuple[str, ...]:
    """What to bear in mind of the weights as learning rates, if they are more than 0 and 1."""
    if all(training.weights.weight(block) in (0, 1) for block in training.blocks):
        return ()
    return (
        "A learning rate is not a block weight: a block trained at half the rate does not come out half as strong.",
        "Prodigy and D-Adaptation take one learning rate for all blocks; use AdamW, Lion or Adafactor.",
    )
