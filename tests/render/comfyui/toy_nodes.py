"""Nodes that draw something at once, of which every input can be seen in the picture."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Files = Callable[[str], bytes]
"""A LoRA's or a picture's file by its name."""


def toy_outputs(kind: str, inputs: dict[str, Any], lora: Files, picture: Files) -> tuple[Any, ...]:
    """The outputs of a node. What is no picture is a tuple that tells how it came about."""
    said = inputs.get
    match kind:
        case "CheckpointLoaderSimple":
            return (("model", said("ckpt_name")), ("clip", said("ckpt_name")), ("vae", said("ckpt_name")))
        case "LoraLoader" | "LoraLoaderModelOnly":
            digest = hashlib.sha256(lora(str(said("lora_name")))).hexdigest()
            model, clip = (said(side) for side in ("model", "clip"))
            strong, texts = said("strength_model"), said("strength_clip", 0.0)
            return (
                (*model, ("lora", digest, strong)) if strong else model,
                (*clip, ("lora", digest, texts)) if clip and texts else clip,
            )
        case "ControlNetApplyAdvanced":
            told = ("control", said("control_net"), _digest(said("image")), said("strength"))
            return ((*said("positive"), told), (*said("negative"), told))
        case "EmptyLatentImage" | "EmptySD3LatentImage":
            return ((int(said("width")), int(said("height")), ("empty",)),)
        case "LatentUpscale" | "LatentCrop":
            width, height, told = said("samples")
            ways = (kind, said("upscale_method"), said("x"), said("y"))
            return ((int(said("width")) or width, int(said("height")) or height, (told, ways)),)
        case "KSampler" | "KSamplerAdvanced":
            width, height, told = said("latent_image")
            own = {key: value for key, value in inputs.items() if key != "latent_image"}
            return ((width, height, (told, tuple(sorted(own.items())))),)
        case "VAEDecode":
            return (_drawn(*said("samples"), said("vae")),)
        case _:
            return _of_pictures(kind, inputs, picture)


def _of_pictures(kind: str, inputs: dict[str, Any], picture: Files) -> tuple[Any, ...]:
    said = inputs.get
    match kind:
        case "VAEEncode":
            pixels = said("pixels")
            return ((pixels.shape[1], pixels.shape[0], ("encoded", _digest(pixels))),)
        case "LoadImage":
            with Image.open(io.BytesIO(picture(str(said("image"))))) as opened:
                return (np.array(opened.convert("RGB")), None)
        case "ImageScale":
            scaled = Image.fromarray(said("image")).resize((said("width"), said("height")), Image.Resampling.LANCZOS)
            return (np.array(scaled),)
        case _:
            return ((kind, *sorted(inputs.items())),)


def _drawn(width: int, height: int, told: object, vae: object) -> np.ndarray:
    """Faint noise of everything, and a stripe for each LoRA file whose brightness is its strength."""
    files: list[tuple[str, float]] = []
    plain = _without_loras(told, files)
    seed = int.from_bytes(hashlib.sha256(repr((plain, vae)).encode()).digest()[:8])
    picture = np.random.default_rng(seed).integers(60, 90, (height, width, 3)).astype(np.float64)
    for digest, strength in sorted(set(files)):
        rng = np.random.default_rng(int(digest[:8], 16))
        left = int(rng.integers(0, max(1, width - 4)))
        picture[:, left : left + 4] += rng.uniform(10, 60, 3) * strength
    return np.clip(picture, 0, 255).astype(np.uint8)


def _without_loras(told: object, files: list[tuple[str, float]]) -> object:
    if isinstance(told, tuple):
        if len(told) == 3 and told[0] == "lora":
            files.append((told[1], told[2]))
            return ()
        return tuple(part for part in (_without_loras(each, files) for each in told) if part != ())
    return told


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def png(picture: np.ndarray, prompt: object) -> bytes:
    """The file that PreviewImage writes."""
    info = PngInfo()
    info.add_text("prompt", json.dumps(prompt))
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG", pnginfo=info)
    return data.getvalue()
