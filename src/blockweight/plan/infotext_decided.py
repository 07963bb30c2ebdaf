"""What a renderer decided by itself, whatever the scene says, as its pictures' infotexts tell it.

The usual settings have the renderer's values, or are left out where it does not tell them; `Blockweight decided` says
in JSON which they are: `{"steps": "30", "sampler": ""}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from blockweight.plan.infotext import MODEL_HASH, OWN_DECIDED, OWN_MODEL_HASH, Infotext
from blockweight.plan.scenes import Scene
from blockweight.weights import format_weight

PROMPT_PLACE = "%prompt%"
"""Stands for the scene's prompt in a prompt that the renderer has more of."""

NEGATIVE_PLACE = "%negative%"
"""The same in a negative prompt."""

_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "steps": ("Steps",),
    "cfg_scale": ("CFG scale",),
    "guidance": ("Distilled CFG Scale",),
    "sampler": ("Sampler",),
    "scheduler": ("Schedule type",),
    "noise_source": ("RNG",),
    "clip_skip": ("Clip skip",),
    "vae": ("VAE", "VAE hash"),
    "model": ("Model", MODEL_HASH, OWN_MODEL_HASH),
}
"""The settings of each field: the first one has its value, the others go."""

_MOST_TEXT = 10_000


def decided_beside(scene: Scene, decides: Mapping[str, str]) -> dict[str, str]:
    """Those of a renderer's own decisions that are not what the scene says anyway."""
    said = {
        "steps": str(scene.steps),
        "cfg_scale": format_weight(scene.cfg_scale),
        "guidance": "" if scene.guidance is None else format_weight(scene.guidance),
        "sampler": scene.sampler,
        "scheduler": scene.scheduler,
        "noise_source": scene.noise_source,
        "clip_skip": str(scene.clip_skip),
        "prompt": PROMPT_PLACE,
        "negative_prompt": NEGATIVE_PLACE if scene.negative_prompt else "",
    }
    return {name: value for name, value in decides.items() if not value or value != said.get(name)}


def scene_as_drawn(scene: Scene, decided: Mapping[str, str]) -> Scene:
    """The scene with the prompts that were drawn."""
    prompt = decided.get("prompt") or PROMPT_PLACE
    negative = decided.get("negative_prompt") or NEGATIVE_PLACE
    return replace(
        scene,
        prompt=prompt.replace(PROMPT_PLACE, scene.prompt),
        negative_prompt=negative.replace(NEGATIVE_PLACE, scene.negative_prompt),
    )


def settings_as_drawn(settings: Mapping[str, str], decided: Mapping[str, str]) -> dict[str, str]:
    """The settings with the renderer's values, and which these are."""
    found = dict(settings)
    for name, value in decided.items():
        own, *others = _SETTINGS.get(name, ("",))
        for gone in others if value else (own, *others):
            found.pop(gone, None)
        if own and value:
            found[own] = value
    return {**found, OWN_DECIDED: json.dumps(dict(decided), ensure_ascii=False)} if decided else found


def decided_of(infotext: Infotext) -> dict[str, str]:
    """What the renderer decided by itself, by the scene's fields; values are empty where it did not tell. Empty too for
    what was changed so that it cannot be read."""
    text = infotext.settings.get(OWN_DECIDED, "")
    try:
        found = json.loads(text) if len(text) <= _MOST_TEXT else None
    except (ValueError, RecursionError):
        found = None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
