"""Writes the embedded model as an ordinary diffusers folder in fp16, and reads it back for the LoRAs' training."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline
from transformers import CLIPTokenizer

from blockweight.demo.train.denoiser import TextToNoise, noise_schedule


def save_model(folder: Path, vae: AutoencoderTiny, model: TextToNoise, tokenizer: CLIPTokenizer) -> None:
    """Write the StableDiffusionPipeline, replacing what is there."""
    pipeline = StableDiffusionPipeline(
        vae=vae.half(),
        text_encoder=model.text_encoder.half(),
        tokenizer=tokenizer,
        unet=model.unet.half(),
        scheduler=DPMSolverMultistepScheduler.from_config(
            noise_schedule().config, use_karras_sigmas=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.save_pretrained(folder, safe_serialization=True)


def load_parts(folder: Path) -> tuple[AutoencoderTiny, TextToNoise]:
    """The exported weights in fp32: what users get is what the LoRAs are trained on."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, local_files_only=True, safety_checker=None, feature_extractor=None
    )
    model = TextToNoise(pipeline.tokenizer)
    model.unet.load_state_dict(pipeline.unet.state_dict())
    model.text_encoder.load_state_dict(pipeline.text_encoder.state_dict())
    return pipeline.vae, model
