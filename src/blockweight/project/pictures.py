"""Pictures on disk: PNG files named by job key, each carrying its own parameters."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Hires, Job, Scene, quote_setting
from blockweight.render import Picture, Rendering
from blockweight.weights import format_weight

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)

_ABANDONED = 3600
"""Seconds after which an unfinished file is one that a killed process left."""


class PictureStore:
    """The folder of finished pictures, made if it is missing. A picture is there whole or not at all, whoever else
    writes to the folder; what killed processes left is removed in time. OSError if the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for partial in folder.glob("*.partial"):
            with suppress(FileNotFoundError):
                if time.time() - partial.stat().st_mtime > _ABANDONED:
                    partial.unlink()

    def path(self, job: Job) -> Path:
        """Where the job's picture is, or will be."""
        return self.folder / f"{job.key}.png"

    def find(self, key: str) -> Path | None:
        """The file of a finished picture; None for what is no job key, not there, or a link to somewhere else."""
        path = self.folder / f"{key}.png"
        return path if _KEY.fullmatch(key) and is_own_file(path) else None

    def load(self, job: Job) -> Picture | None:
        """The job's picture, (H, W, 3) uint8; None if it is not there or cannot be read, so that it is rendered
        again."""
        try:
            return read_picture(self.folder, job.key)
        except BlockweightError:
            return None

    def save(self, rendering: Rendering) -> None:
        """Write the picture, with the job's facts as text chunks `blockweight` (JSON) and `parameters` (the form that
        the WebUI writes)."""
        info = PngImagePlugin.PngInfo()
        info.add_itxt("blockweight", json.dumps(rendering.job.facts(), ensure_ascii=False, sort_keys=True))
        info.add_itxt("parameters", parameters_text(rendering.job))
        path = self.path(rendering.job)
        partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
        try:
            with partial.open("xb") as stream:
                Image.fromarray(rendering.picture).save(stream, "PNG", pnginfo=info)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def read_picture(folder: Path, key: str) -> Picture:
    """The picture with this job key in a folder of pictures, (H, W, 3) uint8. BlockweightError for what is no key (32
    hex digits), and a picture that is not there or cannot be read."""
    path = folder / f"{checked_key(key)}.png"
    try:
        if not is_own_file(path):
            raise FileNotFoundError
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise BlockweightError(f"There is no picture {key} yet; render it first.") from None
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"The picture '{path}' cannot be read ({type(error).__name__}); delete it and render it anew."
        ) from error


def is_own_file(path: Path) -> bool:
    """Whether there is a file, and no link to one of another folder: a project that somebody else made could show what
    is none of it."""
    try:
        return path.is_file() and path.resolve(strict=True).parent == path.parent.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return False


def checked_key(key: str) -> str:
    """The key; BlockweightError for what is none."""
    if not _KEY.fullmatch(key):
        raise BlockweightError(f"{quoted(key)} is no picture's key; keys are 32 hexadecimal digits.")
    return key


def parameters_text(job: Job) -> str:
    """The job as the WebUI's infotext: prompt with its LoRA tag, negative prompt, settings. `plan.read_infotext` reads
    it back."""
    scene, weights = job.scene, job.variant.weights
    tag = ""
    if weights is not None:
        tag = f" <lora:{_name(job.lora.path)}:{format_weight(job.lora.strength)}:lbw={weights.vector()}>"
    settings = {
        "Steps": str(scene.steps),
        "Sampler": scene.sampler,
        **({"Schedule type": scene.scheduler} if scene.scheduler else {}),
        "CFG scale": format_weight(scene.cfg_scale),
        **({} if scene.guidance is None else {"Distilled CFG Scale": format_weight(scene.guidance)}),
        "Seed": str(scene.seed),
        "Size": f"{scene.width}x{scene.height}",
        "Model hash": scene.checkpoint.digest[:10],
        "Model": _name(scene.checkpoint.path),
        **_noise_settings(scene),
        **({} if scene.hires is None else _hires_settings(scene.hires)),
        **_part_settings(scene),
    }
    if scene.clip_skip != 1:
        settings["Clip skip"] = str(scene.clip_skip)
    line = ", ".join(f"{name}: {quote_setting(value)}" for name, value in settings.items())
    return f"{scene.prompt}{tag}\nNegative prompt: {scene.negative_prompt}\n{line}"


def _noise_settings(scene: Scene) -> dict[str, str]:
    settings = {"RNG": scene.noise_source}
    if scene.eta is not None:
        settings["Eta DDIM" if scene.sampler == "DDIM" else "Eta"] = format_weight(scene.eta)
    if scene.variation_strength:
        settings["Variation seed"] = str(scene.variation_seed)
        settings["Variation seed strength"] = format_weight(scene.variation_strength)
    return settings


def _hires_settings(hires: Hires) -> dict[str, str]:
    sized = hires.width or hires.height
    return {
        "Denoising strength": format_weight(hires.denoising),
        **(
            {"Hires resize": f"{hires.width}x{hires.height}"}
            if sized
            else {"Hires upscale": format_weight(hires.scale)}
        ),
        **({"Hires steps": str(hires.steps)} if hires.steps else {}),
        "Hires upscaler": hires.upscaler,
    }


def _part_settings(scene: Scene) -> dict[str, str]:
    settings: dict[str, str] = {"Preview": "yes"} if scene.preview else {}
    if scene.vae is not None:
        settings |= {"VAE hash": scene.vae.digest[:10], "VAE": _name(scene.vae.path)}
    if scene.start is not None:
        settings["Denoising strength"] = format_weight(scene.start.denoising)
    for number, control in enumerate(scene.controls):
        unit = {
            "Module": "none",
            "Model": _name(control.model.path),
            "Weight": format_weight(control.weight),
            "Resize Mode": control.resize,
            "Guidance Start": format_weight(control.start),
            "Guidance End": format_weight(control.end),
            "Control Mode": control.mode,
        }
        # The form has no way to write these in a name.
        settings[f"ControlNet {number}"] = ", ".join(
            f"{name}: {re.sub('[,:]', ' ', text)}" for name, text in unit.items()
        )
    return settings


def _name(path: str) -> str:
    """The file's or folder's name, without the ending of a file of tensors.

    It need not be text: on Linux it is bytes, and old archives bring names that are not UTF-8.
    """
    return Path(path).name.removesuffix(".safetensors").encode("utf-8", "replace").decode()
