"""Loading a model: a diffusers folder or a single checkpoint file, from this machine only."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from blockweight.errors import BlockweightError

COMPONENTS = ("unet", "text_encoder")
"""The components that a LoRA can change."""


def pick_device() -> torch.device:
    """CUDA where there is one, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def load_pipeline(path: Path, device: torch.device) -> Any:
    """The StableDiffusionPipeline at `path` (a diffusers folder or a `.safetensors` checkpoint), ready on `device`:
    fp16 on CUDA, fp32 elsewhere. BlockweightError if there is none or it is not a Stable Diffusion 1.x model."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    with _quiet_and_offline():
        try:
            if path.is_dir():
                pipeline = StableDiffusionPipeline.from_pretrained(
                    str(path), torch_dtype=dtype, local_files_only=True, safety_checker=None, feature_extractor=None
                )
            else:
                with resources.as_file(resources.files("blockweight.render.local") / "sd1-config") as config:
                    pipeline = StableDiffusionPipeline.from_single_file(
                        str(path), config=str(config), torch_dtype=dtype, local_files_only=True, safety_checker=None
                    )
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise BlockweightError(
                f"'{path}' could not be loaded as a Stable Diffusion 1.x model: {first[:200]} "
                "Give a diffusers folder (with model_index.json) or a whole .safetensors checkpoint."
            ) from error
    for name in (*COMPONENTS, "vae"):
        getattr(pipeline, name).eval().requires_grad_(requires_grad=False).to(device)
    return pipeline


@contextmanager
def _quiet_and_offline() -> Iterator[None]:
    """Keep the libraries from looking for a network, and from chatting on the terminal while they load."""
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    offline = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if offline is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = offline
