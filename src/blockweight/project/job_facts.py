"""A job from the facts that its picture carries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from blockweight.blocks import Layout, all_layouts
from blockweight.errors import BlockweightError
from blockweight.plan import (
    MOST_PIXELS,
    Checkpoint,
    Control,
    Embedding,
    Hires,
    Job,
    LoraUse,
    OtherLora,
    Part,
    Scene,
    Start,
    Variant,
)
from blockweight.project.plain import Body, number_of, text_in, whole_in, words_in
from blockweight.weights import BlockWeights

MOST_BLOCKS = 10_000
"""Of a LoRA, and of LoRAs, in a picture's facts."""

_MOST_STEPS = 1000


def job_from_facts(text: str) -> Job:
    """The job whose `facts()` this JSON holds. Its files are known by their digests alone: their paths are empty, and
    so are labels.

    BlockweightError for what is no such JSON, and for facts of a later version, of which a part would be lost.
    """
    try:
        facts = json.loads(text)
        job = _job_from(facts)
        same = job.facts() == facts
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BlockweightError) as error:
        raise BlockweightError(
            f"The picture's facts cannot be read ({type(error).__name__}); they were changed after it was made."
        ) from None
    if not same:
        raise BlockweightError(
            "The picture's facts say more than this version of the program knows; take the version that made it."
        )
    return job


def _job_from(facts: Body) -> Job:
    lora = facts["lora"]
    if lora is None:
        use, weights = LoraUse("", ""), None
    else:
        use, weights = _use_from(lora), _weights_from(lora)
    return Job(_scene_from(facts["scene"]), use, Variant("", weights))


def _scene_from(body: Body) -> Scene:
    variation = body.get("variation", {"seed": 0, "strength": 0.0})
    return Scene(
        label="",
        checkpoint=Checkpoint("", text_in(body, "checkpoint")),
        prompt=words_in(body, "prompt"),
        negative_prompt=words_in(body, "negative_prompt"),
        seed=_among(body, "seed", 0, 2**64 - 1),
        steps=_among(body, "steps", 1, _MOST_STEPS),
        cfg_scale=number_of(body["cfg_scale"]),
        sampler=words_in(body, "sampler"),
        width=_among(body, "width", 1, MOST_PIXELS),
        height=_among(body, "height", 1, MOST_PIXELS),
        clip_skip=whole_in({"clip_skip": 1, **body}, "clip_skip", 1),
        embeddings=tuple(_embedding_from(each) for each in _listed(body, "embeddings")),
        scheduler=words_in({"scheduler": "", **body}, "scheduler"),
        variation_seed=_among(variation, "seed", 0, 2**64 - 1),
        variation_strength=number_of(variation["strength"]),
        eta=None if "eta" not in body else number_of(body["eta"]),
        noise_source=words_in({"noise_source": "CPU", **body}, "noise_source"),
        hires=_hires_from(body["hires"]) if "hires" in body else None,
        guidance=None if "guidance" not in body else number_of(body["guidance"]),
        vae=Part("", text_in(body, "vae")) if "vae" in body else None,
        start=_start_from(body["start"]) if "start" in body else None,
        controls=tuple(_control_from(each) for each in _listed(body, "controls")),
        loras=tuple(OtherLora(_use_from(each), _weights_from(each)) for each in _listed(body, "loras")),
        preview=bool(body.get("preview", False)),
        renderer=words_in({"renderer": "", **body}, "renderer"),
    )


def _hires_from(body: Body) -> Hires:
    return Hires(
        upscaler=words_in(body, "upscaler"),
        scale=number_of(body["scale"]),
        width=_among(body, "width", 0, MOST_PIXELS),
        height=_among(body, "height", 0, MOST_PIXELS),
        steps=_among(body, "steps", 0, _MOST_STEPS),
        denoising=number_of(body["denoising"]),
    )


def _start_from(body: Body) -> Start:
    return Start(_part(body, "picture"), number_of(body["denoising"]), words_in(body, "resize"))


def _embedding_from(pair: Sequence[Any]) -> Embedding:
    name, digest = pair
    return Embedding(words_in({"name": name}, "name"), "", text_in({"digest": digest}, "digest"))


def _control_from(body: Body) -> Control:
    return Control(
        model=_part(body, "model"),
        picture=_part(body, "picture"),
        weight=number_of(body["weight"]),
        start=number_of(body["start"]),
        end=number_of(body["end"]),
        mode=words_in(body, "mode"),
        resize=words_in(body, "resize"),
    )


def _use_from(body: Body) -> LoraUse:
    return LoraUse(
        path="",
        digest=text_in(body, "digest"),
        strength=number_of(body["strength"]),
        text_strength=None if "text_strength" not in body else number_of(body["text_strength"]),
        start=whole_in({"start": 1, **body}, "start", 1),
        stop=None if "stop" not in body else whole_in(body, "stop"),
    )


def _weights_from(body: Body) -> BlockWeights:
    blocks: Mapping[str, Any] = body["blocks"]
    layout = _layout_of(tuple(words_in({"block": block}, "block") for block in blocks))
    values = tuple(number_of(blocks[block]) for block in layout.blocks)
    return BlockWeights("", layout, values, number_of(body["rest"]))


def _layout_of(blocks: tuple[str, ...]) -> Layout:
    """The layout of these blocks, in whatever order (older pictures have them by the alphabet)."""
    if not 0 < len(blocks) <= MOST_BLOCKS:
        raise ValueError("no number of blocks")
    known = (layout for layout in all_layouts() if len(layout) == len(blocks) and set(layout.blocks) == set(blocks))
    return next(known, Layout(f"{len(blocks)} blocks", "generic", blocks))


def _part(body: Body, key: str) -> Part:
    return Part("", text_in(body, key))


def _listed(body: Body, key: str) -> list[Any]:
    found = body.get(key, [])
    if not isinstance(found, list) or len(found) > MOST_BLOCKS:
        raise TypeError(f"{key} is no list")
    return found


def _among(body: Body, key: str, least: int, most: int) -> int:
    found = whole_in(body, key, least)
    if found > most:
        raise ValueError(f"{key} is more than {most}")
    return found
