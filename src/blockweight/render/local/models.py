"""Loading a model: a diffusers folder or a single checkpoint file, from this machine only."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import safe_open
from torch import nn

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import read_header
from blockweight.render.local.architectures import PIPELINES, SD1, SD2, SDXL, Architecture, architecture_of
from blockweight.render.local.library import check_weights, loading
from blockweight.render.local.prediction import predicts_v
from blockweight.render.local.residence import settle
from blockweight.render.local.single_file import SingleFile, read_checkpoint

PREDICTIONS = ("epsilon", "v_prediction", "sample")
"""What a model may predict, by diffusers' words: see `sampling.model`."""


def pick_device() -> torch.device:
    """CUDA where there is one, then Apple's MPS, then the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def dtype_on(device: torch.device) -> torch.dtype:
    """What models calculate in unless somebody chooses: fp16 on CUDA, fp32 elsewhere (half precision is slow or missing
    there)."""
    return torch.float16 if device.type == "cuda" else torch.float32


def load_pipeline(
    path: Path, device: torch.device, config: Path | None = None, dtype: torch.dtype | None = None
) -> Any:
    """The pipeline at `path` (a diffusers folder or a `.safetensors` checkpoint of Stable Diffusion 1.x, 2.x or XL),
    ready on `device` in `dtype`, by default `dtype_on(device)`. Nothing is looked up on a network.

    `config` is a diffusers folder without weights; it tells the sizes of a single checkpoint file, which says nothing
    about itself. Without one they are those that were released. BlockweightError if there is no model, it is broken or
    incomplete, or is of another kind.
    """
    dtype = dtype or dtype_on(device)
    if path.is_dir():
        _check_folder(path)
    single = None if path.is_dir() else read_checkpoint(path)
    title = "Stable Diffusion" if single is None else single.architecture.title
    with loading(path, f"{title} model", device):
        pipeline = _from_folder(path, dtype) if single is None else _from_file(path, single, config, dtype)
        _check_complete(path, pipeline)
        kind = architecture_of(pipeline)
        settle(pipeline, kind.parts, kind.components[1:], device)
        if single is not None:
            _set_prediction(pipeline, single)
    return pipeline


def _from_folder(path: Path, dtype: torch.dtype) -> Any:
    kind = getattr(diffusers, _class_of(path))
    halves = all(file.name.endswith(".fp16.safetensors") for file in (path / "unet").glob("*.safetensors"))
    return kind.from_pretrained(
        str(path),
        torch_dtype=dtype,
        variant="fp16" if halves else None,
        local_files_only=True,
        use_safetensors=True,
        feature_extractor=None,
        **_unused(kind.__name__),
    )


def _from_file(path: Path, single: SingleFile, config: Path | None, dtype: torch.dtype) -> Any:
    kind = single.architecture
    config = config or kind.config
    parts = {"text_encoder": found} if (found := _flat_text_encoder(path, kind, config, dtype)) else {}
    if not (config / "tokenizer").is_dir():
        # One vocabulary is in all of them.
        parts |= {name: _tokenizer(kind, name) for name in kind.tokenizers}
    return getattr(diffusers, kind.pipeline).from_single_file(
        str(path), config=str(config), torch_dtype=dtype, local_files_only=True, **_unused(kind.pipeline), **parts
    )


def _unused(pipeline: str) -> dict[str, Any]:
    """Settings of the pipeline's classes for what is not needed here."""
    return {"safety_checker": None} if pipeline == SD1.pipeline else {"image_encoder": None}


def _tokenizer(kind: Architecture, name: str) -> Any:
    """CLIP's tokenizer. OpenCLIP's, in SD2 and the second of SDXL, are the same but for what chunks are filled with."""
    settings = {"pad_token": "!"} if kind is SD2 or name == "tokenizer_2" else {}
    return transformers.CLIPTokenizer.from_pretrained(
        str(SD1.config), subfolder="tokenizer", local_files_only=True, **settings
    )


def _set_prediction(pipeline: Any, single: SingleFile) -> None:
    """Write into the scheduler's settings what the model of a single file predicts, and whether it ends at pure noise.
    SD2's are asked if they do not say; all others predict the noise then."""
    prediction = single.prediction
    if prediction is None:
        asked = single.architecture is SD2 and predicts_v(pipeline.unet)
        prediction = "v_prediction" if asked else "epsilon"
    said = {"prediction_type": prediction, "rescale_betas_zero_snr": single.zero_terminal_snr}
    pipeline.register_modules(scheduler=diffusers.DDIMScheduler.from_config({**pipeline.scheduler.config, **said}))


_FLAT = {SD1: "cond_stage_model.transformer.", SDXL: "conditioner.embedders.0.transformer."}


def _flat_text_encoder(path: Path, kind: Architecture, config: Path, dtype: torch.dtype) -> Any:
    """The CLIP of a checkpoint that names it without the level `text_model`, as those of 2022 and their merges do;
    diffusers does not find it there. None for all others."""
    prefix = _FLAT.get(kind)
    if prefix is None:
        return None
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


def _class_of(path: Path) -> str:
    """The pipeline class of a diffusers folder."""
    try:
        index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
        found: str = index["_class_name"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BlockweightError(
            f"The folder '{path}' has no readable model_index.json, so it is not a diffusers model; give the folder "
            "that holds this file, or a .safetensors checkpoint."
        ) from error
    return found


def _check_folder(path: Path) -> None:
    """Refuse a folder of another architecture, and one whose weights are damaged, by what its files say."""
    kind = _class_of(path)
    if kind not in PIPELINES:
        raise BlockweightError(
            f"'{path}' is a model for {kind}; give one for Stable Diffusion 1.x, 2.x or XL ({' or '.join(PIPELINES)})."
        )
    check_weights(path, (SDXL if kind == SDXL.pipeline else SD1).parts)


def _check_complete(path: Path, pipeline: Any) -> None:
    """Refuse weights with holes: the libraries fill them with random numbers or nothing, and say so only in a log."""
    kind = architecture_of(pipeline)
    for part in kind.parts:
        component: nn.Module = getattr(pipeline, part)
        wanted = [name for name, value in component.named_parameters() if value.is_meta]
        if part in kind.text_encoders and path.is_dir():
            found = {_flat(info.name) for f in (path / part).glob("*.safetensors") for info in read_header(f).tensors}
            wanted += [name for name, _ in component.named_parameters() if _flat(name) not in found]
        if wanted:
            raise BlockweightError(
                f"'{path}' is incomplete: {len(wanted)} weights of its {part} are missing, such as '{wanted[0]}'; "
                "get the model again."
            )
    for tokenizer, encoder in zip(kind.tokenizers, kind.text_encoders, strict=True):
        known, taken = len(getattr(pipeline, tokenizer)), getattr(pipeline, encoder).config.vocab_size
        if not taken // 2 <= known <= taken:
            # Without its files, transformers makes a tokenizer that knows nothing.
            raise BlockweightError(
                f"The {tokenizer} of '{path}' knows {known} tokens, but its {encoder} has {taken}: files of the "
                "tokenizer are missing or belong to another model; get the model again."
            )
    _check_settings(path, pipeline, kind)


def _check_settings(path: Path, pipeline: Any, kind: Architecture) -> None:
    """Refuse a model that is told to have been trained in a way that is not known here, or that draws over pictures."""
    said = pipeline.scheduler.config
    if "beta_schedule" not in said:
        scheduler = type(pipeline.scheduler).__name__
        raise BlockweightError(
            f"'{path}' was trained with other noise levels than Stable Diffusion's ({scheduler}); give another model."
        )
    if "beta_schedule" in said.get("_use_default_values", ()):
        raise BlockweightError(
            f"The scheduler_config.json of '{path}' does not say with which noise the model was trained "
            "(beta_schedule); get the model again."
        )
    prediction, scale = said.get("prediction_type", "epsilon"), pipeline.vae.config.scaling_factor
    if prediction not in PREDICTIONS:
        raise BlockweightError(
            f"'{path}' predicts {quoted(str(prediction))} by its scheduler_config.json, which is not known here (known "
            f"are {', '.join(PREDICTIONS)}); give another model."
        )
    if not (isinstance(scale, int | float) and 0 < scale < math.inf):
        raise BlockweightError(
            f"The scaling_factor in vae/config.json of '{path}' must be a number above 0, not {quoted(str(scale))}; "
            "get the model again."
        )
    channels = pipeline.unet.config.in_channels
    if channels != 4 or (pipeline.unet.config.addition_embed_type == "text_time") != (kind is SDXL):
        raise BlockweightError(
            f"'{path}' is not a {kind.title} model that draws from noise alone (its UNet takes {channels} channels); "
            "inpainting, editing and upscaling models cannot be used here."
        )


def _flat(name: str) -> str:
    # transformers 5.6 dropped this level from CLIPTextModel; files may have it or not.
    return name.removeprefix("text_model.")
