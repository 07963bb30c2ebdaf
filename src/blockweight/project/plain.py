"""Scenes, layouts and weights as the plain values of an event's body, and back.

Reading raises ValueError, KeyError or TypeError for what was not written by these functions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from blockweight.blocks import Layout
from blockweight.plan import Checkpoint, Control, Embedding, Hires, LoraUse, OtherLora, Part, Scene, Start
from blockweight.weights import BlockWeights

Body = Mapping[str, Any]
"""What an event says, as JSON keeps it."""


def text_in(body: Body, key: str) -> str:
    """A text of the body."""
    found = body[key]
    if not isinstance(found, str):
        raise TypeError(f"{key} is no text")
    return found


def words_in(body: Body, key: str) -> str:
    """A text of the body that somebody wrote. A file's name need not be UTF-8, what a person wrote is; ValueError
    for half a letter, with which no picture's key can be made."""
    found = text_in(body, key)
    found.encode()
    return found


def whole_in(body: Body, key: str, least: int = 0) -> int:
    """A whole number of the body, `least` or more."""
    found = body[key]
    if not isinstance(found, int) or isinstance(found, bool) or found < least:
        raise ValueError(f"{key} is no whole number from {least}")
    return found


def number_of(value: object) -> float:
    """A finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)


def texts_in(body: Body, key: str) -> tuple[str, ...]:
    """A list of texts of the body; empty if the body has none."""
    found = body.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise TypeError(f"{key} is no list of texts")
    return tuple(found)


def scene_body(scene: Scene) -> dict[str, object]:
    """A scene, its files by name and digest: where they lie is told apart (`place`)."""
    named = scene.moved(lambda _, path: PurePath(path).name)
    checkpoint = {"name": named.checkpoint.path, "digest": named.checkpoint.digest}
    several = {name: [asdict(each) for each in getattr(named, name)] for name in ("embeddings", "controls")}
    return {**asdict(named), **several, "checkpoint": checkpoint, "loras": [_lora_body(each) for each in named.loras]}


def scene_from(body: Body) -> Scene:
    """The scene; its files' paths are their names alone. Scenes of before clip skip and embeddings have none.
    ValueError for one that names a renderer, which only a plot's do (`plot_scene_from`)."""
    if body.get("renderer"):
        raise ValueError("a scene names a renderer")
    return plot_scene_from(body)


def plot_scene_from(body: Body) -> Scene:
    """The scene of a plot's cell, which may name the renderer that draws it."""
    checkpoint = Checkpoint(text_in(body["checkpoint"], "name"), text_in(body["checkpoint"], "digest"))
    return Scene(
        label=words_in(body, "label"),
        checkpoint=checkpoint,
        prompt=words_in(body, "prompt"),
        negative_prompt=words_in(body, "negative_prompt"),
        seed=whole_in(body, "seed"),
        steps=whole_in(body, "steps", 1),
        cfg_scale=number_of(body["cfg_scale"]),
        sampler=words_in(body, "sampler"),
        width=whole_in(body, "width", 1),
        height=whole_in(body, "height", 1),
        clip_skip=whole_in({"clip_skip": 1, **body}, "clip_skip", 1),
        embeddings=tuple(map(_embedding_from, body.get("embeddings", []))),
        **_later(body),
        **_parts(body),
        guidance=None if body.get("guidance") is None else number_of(body["guidance"]),
        renderer=words_in({"renderer": "", **body}, "renderer"),
    )


def use_from(body: Body) -> LoraUse:
    """The use of a LoRA that `body` holds, its file by name alone."""
    stop, text_strength = body["stop"], body["text_strength"]
    return LoraUse(
        path=PurePath(text_in(body, "path")).name,
        digest=text_in(body, "digest"),
        strength=number_of(body["strength"]),
        text_strength=None if text_strength is None else number_of(text_strength),
        start=whole_in(body, "start", 1),
        stop=None if stop is None else whole_in(body, "stop"),
    )


def _later(body: Body) -> dict[str, Any]:
    """The fields that scenes of older events lack."""
    if "scheduler" not in body:
        return {}
    return {
        "scheduler": text_in(body, "scheduler"),
        "variation_seed": whole_in(body, "variation_seed"),
        "variation_strength": number_of(body["variation_strength"]),
        "eta": None if body["eta"] is None else number_of(body["eta"]),
        "noise_source": text_in(body, "noise_source"),
        "hires": None if body["hires"] is None else _hires_from(body["hires"]),
    }


def _parts(body: Body) -> dict[str, Any]:
    """The fields that scenes of older events lack as well: what they were made with was the model alone."""
    vae, start, preview = body.get("vae"), body.get("start"), body.get("preview", False)
    if not isinstance(preview, bool):
        raise TypeError("preview is neither true nor false")
    return {
        "vae": None if vae is None else _part_from(vae),
        "start": None if start is None else _start_from(start),
        "controls": tuple(map(_control_from, body.get("controls", []))),
        "loras": tuple(map(_lora_from, body.get("loras", []))),
        "preview": preview,
    }


def _part_from(body: Body) -> Part:
    return Part(PurePath(text_in(body, "path")).name, text_in(body, "digest"))


def _start_from(body: Body) -> Start:
    return Start(_part_from(body["picture"]), number_of(body["denoising"]), text_in(body, "resize"))


def _control_from(body: Body) -> Control:
    return Control(
        model=_part_from(body["model"]),
        picture=_part_from(body["picture"]),
        weight=number_of(body["weight"]),
        start=number_of(body["start"]),
        end=number_of(body["end"]),
        mode=text_in(body, "mode"),
        resize=text_in(body, "resize"),
    )


def _lora_body(lora: OtherLora) -> dict[str, object]:
    """With its layout, which need not be that of the LoRA that is tuned."""
    layout = layout_body(lora.weights.layout)
    return {"use": asdict(lora.use), "layout": layout, "weights": weights_body(lora.weights)}


def _lora_from(body: Body) -> OtherLora:
    return OtherLora(use_from(body["use"]), weights_from(body["weights"], layout_from(body["layout"])))


def _hires_from(body: Body) -> Hires:
    return Hires(
        upscaler=text_in(body, "upscaler"),
        scale=number_of(body["scale"]),
        width=whole_in(body, "width"),
        height=whole_in(body, "height"),
        steps=whole_in(body, "steps"),
        denoising=number_of(body["denoising"]),
    )


def _embedding_from(body: Body) -> Embedding:
    return Embedding(text_in(body, "name"), PurePath(text_in(body, "path")).name, text_in(body, "digest"))


def layout_body(layout: Layout) -> dict[str, object]:
    """A family's own layout, which need not be a released one."""
    return {"name": layout.name, "family": layout.family, "blocks": list(layout.blocks), "models": layout.models}


def layout_from(body: Body) -> Layout:
    """The layout."""
    blocks = texts_in(body, "blocks")
    if not blocks or len(set(blocks)) != len(blocks):
        raise ValueError("a layout names every block once")
    return Layout(text_in(body, "name"), text_in(body, "family"), blocks, text_in(body, "models"))


def weights_body(weights: BlockWeights) -> dict[str, object]:
    """Weights of a layout that the project tells once."""
    return {"name": weights.name, "values": list(weights.values), "rest": weights.rest}


def weights_from(body: Body, layout: Layout) -> BlockWeights:
    """The weights, in this layout."""
    values = tuple(map(number_of, body["values"]))
    return BlockWeights(words_in(body, "name"), layout, values, number_of(body["rest"]))
