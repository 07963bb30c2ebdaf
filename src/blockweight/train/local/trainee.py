"""The model that a LoRA is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import nn

from blockweight.errors import BlockweightError
from blockweight.render.local.architectures import architecture_of
from blockweight.render.local.encoder import Encoder
from blockweight.render.local.models import load_pipeline
from blockweight.render.local.sampling import NOISE_SETTINGS
from blockweight.train.loop_settings import Precision
from blockweight.train.network import FAMILIES, Adapter, Network

DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Trainee:
    """A model's parts on `device`, frozen, and its noise schedule. `precision` is that of the UNet and the text
    encoder; the VAE is in fp32."""

    family: str
    unet: Any
    text_encoder: Any
    tokenizer: Any
    vae: Any
    schedule: Any
    precision: Precision
    device: torch.device

    @property
    def v_prediction(self) -> bool:
        """Whether the model predicts v and not the noise."""
        return bool(self.schedule.config.prediction_type == "v_prediction")

    @property
    def text_layers(self) -> int:
        """How many layers its text encoder has."""
        return int(self.text_encoder.config.num_hidden_layers)

    def adapters(self, network: Network) -> tuple[Adapter, ...]:
        """The layers of this model that the network gives matrices to. BlockweightError if there are none."""
        return network.adapters(self.text_layers, dict(self.unet.named_modules()).keys())

    def encoder(self, clip_skip: int) -> Encoder:
        """Its text encoder, ended `clip_skip` − 1 layers early. BlockweightError for a clip skip that it has not."""
        most = self.text_layers if self.family == "sd1" else 1
        if not 1 <= clip_skip <= most:
            raise BlockweightError(f"The clip skip must be 1 to {most} for this model's text encoder, not {clip_skip}.")
        return Encoder(self.tokenizer, self.text_encoder, clip_skip, openclip=self.family == "sd2")


def load_trainee(path: Path, device: torch.device, precision: Precision, config: Path | None = None) -> Trainee:
    """The model at `path`, as `render.local.load_pipeline` finds it. BlockweightError for what that refuses, for
    another family than sd1 and sd2, and for fp16 without a graphics card."""
    if precision == "fp16" and device.type != "cuda":
        raise BlockweightError(
            f"fp16 is trained in by a graphics card of CUDA alone, not by {device}; take bf16 or fp32."
        )
    pipeline = load_pipeline(path, device, config, torch.float32)
    family = architecture_of(pipeline).family
    prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
    if family not in FAMILIES or prediction == "sample":
        raise BlockweightError(
            f"'{path}' is no model that is trained here: those are Stable Diffusion 1.x and 2.x that predict the noise "
            "or v; for others, blockweight train-args gives a trainer's arguments."
        )
    for part in (pipeline.unet, pipeline.text_encoder):
        # Not part.to(): diffusers warns of every change of a number format.
        nn.Module.to(part, DTYPES[precision])
    schedule = DDPMScheduler.from_config(
        {
            **{key: pipeline.scheduler.config[key] for key in NOISE_SETTINGS if key in pipeline.scheduler.config},
            "prediction_type": prediction,
            "clip_sample": False,
        }
    )
    return Trainee(
        family,
        pipeline.unet,
        pipeline.text_encoder,
        pipeline.tokenizer,
        pipeline.vae,
        schedule,
        precision,
        device,
    )
