"""Where a layer stands in a single-file checkpoint of Stable Diffusion 1, 2 or XL, and which layers a tensor of one
holds.

The names are those of the original code: CompVis' latent-diffusion for the UNet and SD1's text encoder (transformers'
CLIP), Stability's stablediffusion for SD2's text encoder (OpenCLIP's ViT-H), and its generative-models for SDXL's two,
the second of which is OpenCLIP's too. OpenCLIP has query, key and value in one matrix, one above the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.layer_names import Layer, layer_of, original_name

Kind = Literal["weight", "bias"]

_UNET = "model.diffusion_model."
_CLIP = {"sd1": "cond_stage_model.transformer.", "sdxl": "conditioner.embedders.0.transformer."}
_OPENCLIP = {
    "sd2": ("text_encoder", "cond_stage_model.model."),
    "sdxl": ("text_encoder_2", "conditioner.embedders.1.model."),
}
"""Family → the component that is OpenCLIP's, and where it stands."""

_OPENCLIP_LAYER = {
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
}
_FROM_OPENCLIP = {theirs: ours for ours, theirs in _OPENCLIP_LAYER.items()}
_RESBLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)", re.ASCII)
_TEXT_LAYER = re.compile(r"text_model\.encoder\.layers\.(\d+)\.(.+)", re.ASCII)

_OTHERS = (
    ("model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 checkpoint"),
    ("model.diffusion_model.double_blocks.", "a Flux checkpoint"),
    ("double_blocks.", "a Flux checkpoint"),
    ("lora_", "a LoRA"),
    ("down_blocks.", "the UNet of a diffusers folder"),
)


@dataclass(frozen=True)
class Place:
    """A tensor of a checkpoint, or one of the `of` equal parts of its rows, counted from 0."""

    key: str
    part: int = 0
    of: int = 1

    def rows(self, shape: tuple[int, ...]) -> slice:
        """Its rows in a tensor of this shape."""
        size = shape[0] // self.of
        return slice(self.part * size, (self.part + 1) * size)


@dataclass(frozen=True, eq=False)
class CheckpointFile:
    """A single-file checkpoint, of which only the header is in memory."""

    path: Path
    header: Header
    family: str
    tensors: Mapping[str, TensorInfo]

    def place(self, layer: Layer, kind: Kind) -> Place | None:
        """Where the layer's weight or bias is; None if the checkpoint has no such tensor."""
        return next((place for place in _places(layer, kind, self.family) if place.key in self.tensors), None)


def open_checkpoint(path: Path) -> CheckpointFile:
    """Read a checkpoint's header and tell SD1, SD2 and SDXL apart by their text encoders. BlockweightError for a file
    that `read_header` refuses, and for anything else than a whole checkpoint of the three."""
    header = read_header(path)
    tensors = {info.name: info for info in header.tensors}
    if not _has(tensors, f"{_UNET}input_blocks."):
        what = next((what for start, what in _OTHERS if _has(tensors, start)), "no checkpoint that is known here")
        raise _refused(path, what)
    starts = {"sdxl": _OPENCLIP["sdxl"][1], "sd2": _OPENCLIP["sd2"][1], "sd1": _CLIP["sd1"]}
    family = next((family for family, start in starts.items() if _has(tensors, start)), None)
    if family is None:
        refiner = _has(tensors, "conditioner.embedders.0.model.")
        raise _refused(path, "the refiner of Stable Diffusion XL" if refiner else "a UNet alone")
    return CheckpointFile(path, header, family, tensors)


def layers_in(key: str, family: str) -> tuple[tuple[Layer, Place], ...]:
    """The layers whose weights a checkpoint's tensor holds: one, OpenCLIP's three in one, or none."""
    name = key.removesuffix(".weight")
    if name.startswith(_UNET) and name != key:
        layer = layer_of(Module("unet", name.removeprefix(_UNET).replace(".", "_")))
        return () if layer is None else ((layer, Place(key)),)
    clip = _CLIP.get(family)
    if clip is not None and name.startswith(clip) and name != key:
        layer = layer_of(Module("text_encoder", name.removeprefix(clip).replace(".", "_")))
        return () if layer is None else ((layer, Place(key)),)
    component, openclip = _OPENCLIP.get(family, ("", ""))
    found = _RESBLOCK.fullmatch(key.removeprefix(openclip)) if openclip and key.startswith(openclip) else None
    if found is None:
        return ()
    start = f"text_model.encoder.layers.{found[1]}"
    if found[2] == "attn.in_proj_weight":
        return tuple(
            (Layer(component, f"{start}.self_attn.{which}_proj"), Place(key, part, 3))
            for part, which in enumerate("qkv")
        )
    ours = _FROM_OPENCLIP.get(found[2].removesuffix(".weight"))
    if ours is None or not found[2].endswith(".weight"):
        return ()
    return ((Layer(component, f"{start}.{ours}"), Place(key)),)


def _places(layer: Layer, kind: Kind, family: str) -> tuple[Place, ...]:
    if layer.component == "unet":
        return (Place(f"{_UNET}{original_name(layer.name, family)}.{kind}"),)
    component, openclip = _OPENCLIP.get(family, ("", ""))
    if layer.component == component:
        return _openclip_places(layer, kind, openclip)
    if layer.component == "text_encoder":
        # Checkpoints that newer transformers saved lack the level text_model.
        names = (layer.name, layer.name.removeprefix("text_model."))
        return tuple(Place(f"{_CLIP[family]}{name}.{kind}") for name in names)
    return ()


def _openclip_places(layer: Layer, kind: Kind, prefix: str) -> tuple[Place, ...]:
    if layer.name == "text_model.final_layer_norm":
        return (Place(f"{prefix}ln_final.{kind}"),)
    found = _TEXT_LAYER.fullmatch(layer.name)
    if found is None:
        return ()
    start, rest = f"{prefix}transformer.resblocks.{found[1]}", found[2]
    if rest in _OPENCLIP_LAYER:
        return (Place(f"{start}.{_OPENCLIP_LAYER[rest]}.{kind}"),)
    which = "qkv".find(rest.removeprefix("self_attn.").removesuffix("_proj"))
    return (Place(f"{start}.attn.in_proj_{kind}", which, 3),) if which >= 0 else ()


def _has(tensors: Collection[str], start: str) -> bool:
    return any(name.startswith(start) for name in tensors)


def _refused(path: Path, what: str) -> BlockweightError:
    return BlockweightError(
        f"'{path}' is {what}; give a whole single-file checkpoint of Stable Diffusion 1.x, 2.x or XL (.safetensors)."
    )
