"""How a LoRA is trained: everything about the loop that is no matter of the network or of the pictures' sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.train.captions import Norm
from blockweight.train.network import Adapter

Optimizer = Literal["adamw", "adamw8bit", "prodigy"]
Scheduler = Literal["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class LoopSettings:
    """`batch` pictures are seen at once, `accumulate` batches make a step. The learning rate follows `scheduler`, by
    diffusers' names, after `warmup` steps; `cycles` are those of `cosine_with_restarts`. `min_snr_gamma` weights the
    timesteps (Hang et al. 2023), `noise_offset` shifts each channel's noise. `clip_skip` 1 reads the text encoder's
    last layer. `norm` reads weights in captions, None takes brackets for text; captions are cut after `max_tokens`, 75,
    150 or 225. Only what is calculated on the way is in `precision`; what is trained is in fp32."""

    batch: int = 1
    accumulate: int = 1
    seed: int = 42
    optimizer: Optimizer = "adamw"
    scheduler: Scheduler = "constant"
    warmup: int = 0
    cycles: int = 1
    min_snr_gamma: float | None = None
    noise_offset: float = 0.0
    clip_skip: int = 1
    norm: Norm | None = None
    max_tokens: int = 75
    shuffle: bool = False
    keep_tokens: int = 0
    precision: Precision = "fp32"
    checkpointing: bool = False

    def check_rates(self, adapters: Sequence[Adapter]) -> None:
        """BlockweightError if the optimizer cannot learn at these layers' rates."""
        rates = sorted({each.rate for each in adapters})
        if self.optimizer == "prodigy" and len(rates) > 1:
            raise BlockweightError(
                "Prodigy finds one learning rate for everything that it trains and stops at several, but these go from "
                f"{rates[0]:g} to {rates[-1]:g}; give block weights of 0 and 1 alone and --text-encoder-lr as "
                "--unet-lr, or take --optimizer adamw."
            )
