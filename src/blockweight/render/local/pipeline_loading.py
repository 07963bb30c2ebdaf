"""Loading a model that diffusers' own pipeline draws: always a diffusers folder, from this machine only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from blockweight.blocks import DENOISERS, TEXT_ENCODERS
from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.render.local.library import check_weights, loading
from blockweight.render.local.pipeline_checks import samplers_of
from blockweight.render.local.pipeline_kinds import KINDS, Kind
from blockweight.render.model_families import pipeline_class

PARTS = (*DENOISERS[1:], *TEXT_ENCODERS, "vae")
"""The components with weights, of those that a pipeline has."""

_TRANSFORMERS = (
    "joint_blocks.", "double_blocks.", "single_blocks.", "transformer_blocks.", "single_transformer_blocks.",
    "noise_refiner.", "layers.0.attention", "blocks.0.",
)  # fmt: skip
"""What the tensors of a transformer without its text encoders and VAE begin with."""


def refuse_transformer(path: Path) -> None:
    """Raise BlockweightError for a `.safetensors` file that holds a transformer, which cannot draw alone."""
    for info in read_header(path).tensors:
        if info.name.removeprefix("model.diffusion_model.").startswith(_TRANSFORMERS):
            raise BlockweightError(
                f"'{path}' holds a transformer such as Flux's, whose text encoders and VAE are in other files; give "
                "the diffusers folder of the whole model."
            )


def flow_dtype(device: torch.device) -> torch.dtype:
    """What these models calculate in: bf16 on CUDA, which they were trained in (fp16 overflows in T5), fp32
    elsewhere."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def load_flow_pipeline(path: Path, device: torch.device, dtype: torch.dtype | None = None) -> tuple[Any, Kind]:
    """The pipeline of the diffusers folder `path`, one of KINDS, ready on `device` in `dtype`, by default
    `flow_dtype(device)`. Nothing is looked up on a network.

    BlockweightError if weights are missing or damaged, or the model is drawn with a scheduler that is not known here.
    """
    name = pipeline_class(path)
    assert name in KINDS
    kind = KINDS[name]
    index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
    parts = [part for part in PARTS if _is_there(index.get(part))]
    _check_files(path, kind, parts)
    with loading(path, f"{kind.family} model", device):
        dtype = dtype or flow_dtype(device)
        encoders = {part: _text_encoder(path, part, index[part], dtype) for part in parts if part in TEXT_ENCODERS}
        pipeline = getattr(diffusers, name).from_pretrained(
            str(path), torch_dtype=dtype, local_files_only=True, use_safetensors=True, **encoders,
            **_variant(path, parts),
        )  # fmt: skip
        for part in parts:
            component = getattr(pipeline, part)
            component.eval().requires_grad_(requires_grad=False).to(device)
        pipeline.set_progress_bar_config(disable=True)
    _check_tokenizers(path, pipeline)
    if samplers_of(pipeline, kind) is None:
        raise BlockweightError(
            f"'{path}' is drawn with {type(pipeline.scheduler).__name__}, a scheduler that is not known here; use the "
            "one that the model was released with."
        )
    return pipeline, kind


def _is_there(entry: Any) -> bool:
    """Whether an entry of model_index.json names a class: `[null, null]` is a part that was left out."""
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(word, str) for word in entry)


def _check_files(path: Path, kind: Kind, parts: list[str]) -> None:
    if "vae" not in parts or "transformer" not in parts or "text_encoder" not in parts:
        raise BlockweightError(
            f"'{path}' is no whole {kind.family} model: its model_index.json must name a transformer, a text encoder "
            "and a VAE; get the model again."
        )
    check_weights(path, parts)


def _variant(path: Path, parts: list[str]) -> dict[str, str]:
    """The variant that all of a folder's weights are, `fp16` or `bf16`, as from_pretrained is told of it."""
    names = [file.name for part in parts for file in (path / part).glob("*.safetensors")]
    found = [variant for variant in ("fp16", "bf16") if all(f".{variant}" in name for name in names)]
    return {"variant": found[0]} if found else {}


def _text_encoder(path: Path, part: str, entry: list[str], dtype: torch.dtype) -> Any:
    """A text encoder with all of its weights: transformers fills missing ones with random numbers."""
    model = getattr(transformers, entry[1])
    loaded, report = model.from_pretrained(
        str(path), subfolder=part, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True,
        **_variant(path, [part]),
    )  # fmt: skip
    if missing := sorted(report["missing_keys"]):
        raise BlockweightError(
            f"'{path}' is incomplete: {len(missing)} weights of its {part} are missing, such as '{missing[0]}'; "
            "get the model again."
        )
    return loaded


def _check_tokenizers(path: Path, pipeline: Any) -> None:
    """Refuse a tokenizer without its files, which transformers makes up as one that knows nothing."""
    for part in TEXT_ENCODERS:
        encoder, tokenizer = (
            getattr(pipeline, name, None) for name in (part, part.replace("text_encoder", "tokenizer"))
        )
        if encoder is None or tokenizer is None:
            continue
        known = len(getattr(tokenizer, "tokenizer", tokenizer))
        taken = encoder.get_input_embeddings().num_embeddings
        if not taken // 2 <= known <= taken:
            raise BlockweightError(
                f"A tokenizer of '{path}' knows {known} tokens, but its {part} has {taken}: files of the tokenizer are "
                "missing or belong to another model; get the model again."
            )
