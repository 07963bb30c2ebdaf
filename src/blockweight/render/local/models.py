"""Loading a model: a diffusers folder or a single checkpoint file, from this machine only."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import SingleFileComponentError
from safetensors import SafetensorError, safe_open
from torch import nn

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.local.single_file import check_checkpoint

COMPONENTS = ("unet", "text_encoder")
"""The components that a LoRA can change."""

PARTS = (*COMPONENTS, "vae")
"""The components with weights."""

SD1_CONFIG = Path(__file__).parent / "sd1-config"
"""A diffusers folder of Stable Diffusion 1.5 without its weights: sizes, noise schedule and CLIP's vocabulary."""


def pick_device() -> torch.device:
    """CUDA where there is one, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def dtype_on(device: torch.device) -> torch.dtype:
    """What models calculate in: fp16 on CUDA, fp32 elsewhere (half precision is slow or missing there)."""
    return torch.float16 if device.type == "cuda" else torch.float32


def load_pipeline(path: Path, device: torch.device, config: Path = SD1_CONFIG) -> Any:
    """The StableDiffusionPipeline at `path` (a diffusers folder or a `.safetensors` checkpoint), ready on `device` in
    `dtype_on(device)`. Nothing is looked up on a network.

    `config` is a diffusers folder without weights; it tells the architecture of a single checkpoint file, which says
    nothing about itself. BlockweightError if there is no model, it is broken or incomplete, or is no Stable Diffusion
    1.x model.
    """
    dtype = dtype_on(device)
    if path.is_dir():
        _check_folder(path)
    else:
        check_checkpoint(path)
    try:
        with quiet():
            pipeline = _from_folder(path, dtype) if path.is_dir() else _from_file(path, config, dtype)
            _check_complete(path, pipeline)
            for name in PARTS:
                getattr(pipeline, name).eval().requires_grad_(requires_grad=False).to(device)
    except NotImplementedError as error:
        # diffusers makes the model without numbers and moves it when all have come: "Cannot copy out of meta tensor".
        raise BlockweightError(
            f"'{path}' is incomplete: some of its weights are missing; get the model again."
        ) from error
    except LIBRARY_ERRORS as error:
        if ran_out_of_memory(error):
            raise BlockweightError(
                f"'{path}' does not fit into the memory of {device}; close other programs that use it."
            ) from error
        lines = str(error).strip().splitlines()
        cause = lines[0][:200].rstrip(". ") if lines else type(error).__name__
        raise BlockweightError(
            f"'{path}' could not be loaded as a Stable Diffusion 1.x model ({cause}); get the model again, or give a "
            "diffusers folder or a whole .safetensors checkpoint."
        ) from error
    return pipeline


LIBRARY_ERRORS = (
    OSError,
    ValueError,
    LookupError,
    RuntimeError,
    MemoryError,
    TypeError,
    AttributeError,
    ImportError,
    SafetensorError,
    SingleFileComponentError,
)
"""What diffusers, transformers and safetensors raise about a file that is not as they expect."""


def _from_folder(path: Path, dtype: torch.dtype) -> Any:
    halves = all(file.name.endswith(".fp16.safetensors") for file in (path / "unet").glob("*.safetensors"))
    return diffusers.StableDiffusionPipeline.from_pretrained(
        str(path),
        torch_dtype=dtype,
        variant="fp16" if halves else None,
        local_files_only=True,
        use_safetensors=True,
        safety_checker=None,
        feature_extractor=None,
    )


def _from_file(path: Path, config: Path, dtype: torch.dtype) -> Any:
    parts = {"text_encoder": found} if (found := _flat_text_encoder(path, config, dtype)) else {}
    return diffusers.StableDiffusionPipeline.from_single_file(
        str(path), config=str(config), torch_dtype=dtype, local_files_only=True, safety_checker=None, **parts
    )


def _flat_text_encoder(path: Path, config: Path, dtype: torch.dtype) -> Any:
    """The text encoder of a checkpoint that names it without the level `text_model`, as those of 2022 and their merges
    do; diffusers does not find it there. None for all others."""
    prefix = "cond_stage_model.transformer."
    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - no mapping
        if any(name.startswith(f"{prefix}text_model.") for name in names):
            return None
        state = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    settings = transformers.CLIPTextConfig.from_pretrained(str(config / "text_encoder"), local_files_only=True)
    model = transformers.CLIPTextModel(settings)
    wanted = {name: _flat(name) for name in model.state_dict()}
    model.load_state_dict({name: state[flat] for name, flat in wanted.items() if flat in state})
    return model.to(dtype)


def _check_folder(path: Path) -> None:
    """Refuse a folder of another architecture, and one whose weights are damaged, by what its files say."""
    try:
        index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
        kind = index["_class_name"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BlockweightError(
            f"The folder '{path}' has no readable model_index.json, so it is not a diffusers model; give the folder "
            "that holds this file, or a .safetensors checkpoint."
        ) from error
    if kind != "StableDiffusionPipeline":
        raise BlockweightError(
            f"'{path}' is a model for {kind}; give one for Stable Diffusion 1.x (StableDiffusionPipeline)."
        )
    for part in PARTS:
        files = sorted((path / part).glob("*.safetensors"))
        if not files:
            raise BlockweightError(
                f"The model '{path}' has no .safetensors weights in its folder '{part}' (pickled .bin weights can run "
                "code when opened and are not read); get the model in .safetensors."
            )
        for file in files:
            read_header(file)


def _check_complete(path: Path, pipeline: Any) -> None:
    """Refuse weights with holes: the libraries fill them with random numbers or nothing, and say so only in a log."""
    for part in PARTS:
        component: nn.Module = getattr(pipeline, part)
        wanted = [name for name, value in component.named_parameters() if value.is_meta]
        if part == "text_encoder" and path.is_dir():
            found = {_flat(info.name) for f in (path / part).glob("*.safetensors") for info in read_header(f).tensors}
            wanted += [name for name, _ in component.named_parameters() if _flat(name) not in found]
        if wanted:
            raise BlockweightError(
                f"'{path}' is incomplete: {len(wanted)} weights of its {part} are missing, such as '{wanted[0]}'; "
                "get the model again."
            )
    known, taken = len(pipeline.tokenizer), pipeline.text_encoder.config.vocab_size
    if not taken // 2 <= known <= taken:
        # Without its files, transformers makes a tokenizer that knows nothing.
        raise BlockweightError(
            f"The tokenizer of '{path}' knows {known} tokens, but its text encoder has {taken}: files of the tokenizer "
            "are missing or belong to another model; get the model again."
        )
    if "beta_schedule" in pipeline.scheduler.config.get("_use_default_values", ()):
        raise BlockweightError(
            f"The scheduler_config.json of '{path}' does not say with which noise the model was trained "
            "(beta_schedule); get the model again."
        )
    channels = pipeline.unet.config.in_channels
    if channels != 4 or pipeline.unet.config.addition_embed_type is not None:
        raise BlockweightError(
            f"'{path}' is not a Stable Diffusion 1.x model that draws from noise alone (its UNet takes {channels} "
            "channels); inpainting, editing and XL models cannot be used here."
        )


def _flat(name: str) -> str:
    # transformers 5.6 dropped this level from CLIPTextModel; files may have it or not.
    return name.removeprefix("text_model.")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries from chatting on the terminal while they load: log lines, progress bars, deprecations."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    bars = [library.is_progress_bar_enabled() for library in libraries]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    for library in libraries:
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for library, shown in zip(libraries, bars, strict=True):
            if shown:
                library.enable_progress_bar()
