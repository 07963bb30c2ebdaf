"""The layers of Stable Diffusion's UNet and CLIP text encoders by all their names: diffusers', the original code's
(which checkpoints have), and kohya's underscored form of either.

Numbering: with i the level and j the layer in it, `down_blocks.i` holds `input_blocks.(1+3i+j)` and, as its
downsampler, `input_blocks.(3+3i)`; `up_blocks.i` holds `output_blocks.(3i+j)`, and the upsampler stands in that of
layer 2, behind all else (CompVis' and Stability's `openaimodel.py` beside diffusers' `unet_2d_condition.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blockweight.blocks import Module

FAMILIES = ("sd1", "sd2", "sdxl")
"""The families whose layers are known by name; they differ in the number of levels and in where attention is."""

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_PLAIN_INSIDE = {
    "resnets": tuple(_RESNET),
    "attentions": ("norm", "proj_in", "proj_out"),
    "downsamplers": ("conv",),
    "upsamplers": ("conv",),
}
_ONLY_IN = {"downsamplers": "down", "upsamplers": "up"}
_ORIGINAL_RESNET = {original.replace(".", "_"): name for name, original in _RESNET.items()}

_OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
_ORIGINAL_OUTSIDE = {original.replace(".", "_"): name for name, original in _OUTSIDE.items()}
_OUTSIDE_FLAT = {name.replace(".", "_"): name for name in _OUTSIDE}

_DIFFUSERS = re.compile(
    r"(?:(?P<side>down|up)_blocks_(?P<level>\d)|mid_block)_"
    r"(?P<part>resnets|attentions|downsamplers|upsamplers)_(?P<index>\d)_(?P<rest>\w+)",
    re.ASCII,
)
_ORIGINAL = re.compile(
    r"(?:(?P<side>input|output)_blocks_(?P<number>\d\d?)|middle_block)_(?P<place>\d)_(?P<rest>\w+)", re.ASCII
)
_TRANSFORMER = re.compile(
    r"transformer_blocks_(?P<number>\d+)_(?:(?P<norm>norm[123])|(?P<attention>attn[12])_(?P<layer>to_[qkv]|to_out_0)"
    r"|ff_net_(?P<ff>0_proj|2))",
    re.ASCII,
)
_TEXT = re.compile(
    r"(?:text_model_)?(?:encoder_layers_(?P<number>\d+)_"
    r"(?:self_attn_(?P<attention>[qkv]|out)_proj|mlp_(?P<mlp>fc[12])|(?P<norm>layer_norm[12]))"
    r"|(?P<last>final_layer_norm)|embeddings_(?P<embedding>token_embedding|position_embedding))",
    re.ASCII,
)


@dataclass(frozen=True)
class Layer:
    """One layer of a component: `name` is diffusers' (transformers' for a text encoder), with dots."""

    component: str
    name: str

    @property
    def flat(self) -> str:
        """The name with underscores for dots."""
        return self.name.replace(".", "_")


def layer_of(module: Module) -> Layer | None:
    """The layer that a module of SD1, SD2 or SDXL stands for, whichever naming its path is in; None for a path that is
    none of theirs.

    >>> layer_of(Module("unet", "input_blocks_4_1_transformer_blocks_0_attn1_to_q")).name
    'down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q'
    """
    name: str | None = None
    if module.component == "unet":
        name = _from_diffusers(module.path) or _from_original(module.path)
    elif module.component in ("text_encoder", "text_encoder_2"):
        name = _text_name(module.path)
    return None if name is None else Layer(module.component, name)


def original_name(name: str, family: str) -> str:
    """The original code's name of a UNet layer that has this name in diffusers.

    >>> original_name("up_blocks.0.upsamplers.0.conv", "sd1")
    'output_blocks.2.1.conv'
    """
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    if name.startswith("mid_block."):
        _, part, index, rest = name.split(".", 3)
        place = 1 if part == "attentions" else 2 * int(index)
        return f"middle_block.{place}.{_RESNET.get(rest, rest)}"
    side, level, part, index, rest = name.split(".", 4)
    i, j = int(level), int(index)
    if part == "downsamplers":
        return f"input_blocks.{3 + 3 * i}.0.op"
    if part == "upsamplers":
        # It stands behind the attention where the level has any; SD1's and SD2's first level has none.
        return f"output_blocks.{2 + 3 * i}.{1 if i == 0 and family != 'sdxl' else 2}.{rest}"
    block = f"input_blocks.{1 + 3 * i + j}" if side == "down_blocks" else f"output_blocks.{3 * i + j}"
    return f"{block}.{0 if part == 'resnets' else 1}.{_RESNET.get(rest, rest)}"


def kohya_name(layer: Layer, family: str) -> str:
    """The module name in kohya's sd-scripts: SDXL's UNet by its original names, SD1's and SD2's by diffusers'."""
    if layer.component == "unet":
        path = original_name(layer.name, family).replace(".", "_") if family == "sdxl" else layer.flat
        return f"lora_unet_{path}"
    number = "" if family != "sdxl" else "1" if layer.component == "text_encoder" else "2"
    return f"lora_te{number}_{layer.flat}"


def peft_name(layer: Layer) -> str:
    """The module name in files that diffusers writes: component and layer, with dots."""
    return f"{layer.component}.{layer.name}"


def _from_diffusers(path: str) -> str | None:
    if path in _OUTSIDE_FLAT:
        return _OUTSIDE_FLAT[path]
    found = _DIFFUSERS.fullmatch(path)
    if found is None:
        return None
    part, rest = found["part"], found["rest"]
    inside = _inside(part, rest)
    if inside is None or _ONLY_IN.get(part, found["side"]) != found["side"]:
        return None
    top = "mid_block" if found["side"] is None else f"{found['side']}_blocks.{found['level']}"
    return f"{top}.{part}.{found['index']}.{inside}"


def _from_original(path: str) -> str | None:
    if path in _ORIGINAL_OUTSIDE:
        return _ORIGINAL_OUTSIDE[path]
    found = _ORIGINAL.fullmatch(path)
    if found is None:
        return None
    place, rest = int(found["place"]), found["rest"]
    if found["side"] is None:
        part, index = ("attentions", 0) if place == 1 else ("resnets", place // 2)
        inside = _inside(part, _ORIGINAL_RESNET.get(rest, rest))
        return None if inside is None or place > 2 else f"mid_block.{part}.{index}.{inside}"
    number = int(found["number"])
    if found["side"] == "input":
        i, j = divmod(number - 1, 3)
        if number and j == 2:
            return f"down_blocks.{i}.downsamplers.0.conv" if (place, rest) == (0, "op") else None
    else:
        i, j = divmod(number, 3)
        if j == 2 and place in (1, 2) and rest == "conv":
            return f"up_blocks.{i}.upsamplers.0.conv"
    part = ("resnets", "attentions")[place] if place < 2 and i >= 0 else ""
    inside = _inside(part, _ORIGINAL_RESNET.get(rest, "") if part == "resnets" else rest)
    side = "down" if found["side"] == "input" else "up"
    return None if inside is None else f"{side}_blocks.{i}.{part}.{j}.{inside}"


def _inside(part: str, rest: str) -> str | None:
    """A layer within a resnet, a sampler or an attention, from its underscored name to its dotted one."""
    if rest in _PLAIN_INSIDE.get(part, ()):
        return rest
    found = _TRANSFORMER.fullmatch(rest) if part == "attentions" else None
    if found is None:
        return None
    block = f"transformer_blocks.{found['number']}"
    if found["norm"]:
        return f"{block}.{found['norm']}"
    if found["ff"]:
        return f"{block}.ff.net.{found['ff'].replace('_', '.')}"
    return f"{block}.{found['attention']}.{found['layer'].replace('_0', '.0')}"


def _text_name(path: str) -> str | None:
    """transformers' name, with the level `text_model` that its newest releases leave out."""
    if path == "text_projection":
        return path
    found = _TEXT.fullmatch(path)
    if found is None:
        return None
    if found["last"]:
        return f"text_model.{found['last']}"
    if found["embedding"]:
        return f"text_model.embeddings.{found['embedding']}"
    layer = f"text_model.encoder.layers.{found['number']}"
    if found["attention"]:
        return f"{layer}.self_attn.{found['attention']}_proj"
    return f"{layer}.mlp.{found['mlp']}" if found["mlp"] else f"{layer}.{found['norm']}"
