"""What a person asks of a training, as typed, and what that comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.train import Training, trainer_by_name
from blockweight.train.buckets import Buckets
from blockweight.train.captions import TagWeight
from blockweight.train.dataset import Dataset, read_dataset
from blockweight.train.loop_settings import LoopSettings
from blockweight.train.network import Network
from blockweight.weights import BlockWeights, uniform
from blockweight.workflow.train_arguments import whole_weights

MAX_TOKENS = (75, 150, 225)

USUAL_STEPS = 1600
"""As many as sd-scripts makes when nobody says."""


@dataclass(frozen=True)
class SampleAsk:
    """Pictures on the way: a prompt each, drawn with the LoRA before the training and every so many epochs."""

    prompts: tuple[str, ...] = ()
    every: int = 1
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "DPM++ 2M"
    seed: int = 1


@dataclass(frozen=True)
class TrainingAsk:
    """The options of `blockweight train`, which says what they mean. None where the usual is wanted. `tag_weight` is
    written into the captions, whose own brackets are text then."""

    dataset: Path
    model: Path
    out: Path
    block_lr: str | None = None
    block_rank: str | None = None
    fill: float | None = None
    unet_lr: float = 1e-4
    text_encoder_lr: float = 5e-5
    network_dim: int = 4
    network_alpha: float = 1.0
    conv_dim: int | None = None
    conv_alpha: float = 1.0
    conv_in: bool = False
    steps: int | None = None
    epochs: int | None = None
    batch: int = 1
    accumulate: int = 1
    resolution: int = 512
    bucket: bool = True
    bucket_step: int = 64
    bucket_min: int | None = None
    bucket_max: int | None = None
    bucket_no_upscale: bool = False
    shuffle: bool = False
    keep_tokens: int = 0
    weighted_captions: Literal["mean", "none"] | None = None
    tag_weight: TagWeight | None = None
    max_tokens: int = 75
    noise_offset: float = 0.0
    min_snr_gamma: float | None = None
    clip_skip: int = 1
    optimizer: Literal["adamw", "adamw8bit", "prodigy"] = "adamw"
    scheduler: Literal["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial"] = (
        "constant"
    )
    warmup: int = 0
    cycles: int = 1
    precision: Literal["fp32", "bf16", "fp16"] | None = None
    checkpointing: bool = False
    seed: int = 42
    save_precision: Literal["fp16", "bf16", "fp32"] = "fp16"
    save_every: int | None = None
    samples: SampleAsk = field(default_factory=SampleAsk)
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.steps is not None and self.epochs is not None:
            raise BlockweightError("Give either --steps or --epochs; leave out one of them.")
        if self.max_tokens not in MAX_TOKENS:
            raise BlockweightError(f"--max-token-length is {self.max_tokens}; give 75, 150 or 225.")

    @property
    def wanted_steps(self) -> int | None:
        """How many steps; None where epochs are counted."""
        return USUAL_STEPS if self.steps is None and self.epochs is None else self.steps

    def pictures(self) -> Dataset:
        """The dataset with its captions as they are trained on. BlockweightError for what cannot be read."""
        found = read_dataset(self.dataset)
        return found if self.tag_weight is None else found.weighing(self.tag_weight)

    def network(self, family: str) -> Network:
        """The LoRA for a model of this family. BlockweightError for weights that cannot be read or trained."""
        training = Training(
            self._weights(self.block_lr, family, self.fill, 1.0),
            self.unet_lr,
            self.text_encoder_lr,
            self.network_dim,
            self.network_alpha,
            self.conv_dim,
            self.conv_alpha,
        )
        usual = self.network_dim
        ranks = None if self.block_rank is None else self._weights(self.block_rank, family, usual, usual)
        return Network(training, ranks, self.conv_in)

    def buckets(self) -> Buckets:
        """The sizes that pictures are brought to. BlockweightError for some that do not go together."""
        return Buckets(
            self.resolution,
            self.bucket_step,
            min(256, self.resolution) if self.bucket_min is None else self.bucket_min,
            max(1024, self.resolution) if self.bucket_max is None else self.bucket_max,
            several=self.bucket,
            no_upscale=self.bucket_no_upscale,
        )

    def loop(self, device: str) -> LoopSettings:
        """The loop's settings on a device of this type: in fp16 on CUDA, in fp32 elsewhere, unless something else is
        said."""
        return LoopSettings(
            self.batch,
            self.accumulate,
            self.seed,
            self.optimizer,
            self.scheduler,
            self.warmup,
            self.cycles,
            self.min_snr_gamma,
            self.noise_offset,
            self.clip_skip,
            self.weighted_captions,
            self.max_tokens,
            self.shuffle,
            self.keep_tokens,
            self.precision or ("fp16" if device == "cuda" else "fp32"),
            self.checkpointing,
        )

    def _weights(self, text: str | None, family: str, fill: float | None, usual: float) -> BlockWeights:
        known = family_by_name(family)
        if text is None:
            return uniform("all", known.layout, usual)
        # The blocks that have modules are sd-scripts'.
        return whole_weights(text, known, fill, trainer_by_name("sd-scripts"), conv=self.conv_dim is not None).weights
