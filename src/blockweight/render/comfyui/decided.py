"""What a workflow of one's own decides by itself, whatever a scene says, read from its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.plan import NEGATIVE_PLACE, PROMPT_PLACE, Job, Scene
from blockweight.render.comfyui.graph import Nodes, link_of
from blockweight.render.comfyui.samplers import SAMPLER_NAMES, SCHEDULE_NAMES


@dataclass(frozen=True)
class _Field:
    """A scene's field: what people call it, the place that fills it (empty if none does), the nodes' inputs that hold
    it, and whether a picture always has one, told or not."""

    words: str
    place: str
    inputs: tuple[str, ...]
    always: bool = False


_FIELDS: Mapping[str, _Field] = {
    "steps": _Field("steps", "steps", ("steps",), always=True),
    "cfg_scale": _Field("CFG scale", "cfg", ("cfg",), always=True),
    "guidance": _Field("distilled CFG scale", "guidance", ("guidance",)),
    "sampler": _Field("sampler", "sampler", ("sampler_name",), always=True),
    "scheduler": _Field("schedule type", "scheduler", ("scheduler",), always=True),
    "model": _Field("model", "model", ("ckpt_name", "unet_name"), always=True),
    "vae": _Field("VAE", "vae", ("vae_name",)),
    "clip_skip": _Field("clip skip", "", ("stop_at_clip_layer",)),
    "loras": _Field("further LoRAs", "", ("lora_name",)),
}

_CORE_NOISE = frozenset({"KSampler", "KSamplerAdvanced", "SamplerCustom", "RandomNoise"})
"""Nodes that draw a seed's noise as ComfyUI itself does, on the CPU. Source: `prepare_noise` in `comfy/sample.py` of
ComfyUI 0.3.64."""

_SEEDS = ("seed", "noise_seed")

_SAID: Mapping[str, Mapping[str, str]] = {
    "sampler": {name: told for told, name in reversed(SAMPLER_NAMES.items())},
    "scheduler": {name: told for told, name in reversed(SCHEDULE_NAMES.items())} | {"normal": "Normal"},
}
"""ComfyUI's names by those that scenes have, as far as there are any."""


def decided(nodes: Nodes, lora: str, picture: str, places: frozenset[str]) -> dict[str, str]:
    """By a scene's fields, what the nodes that lead to `picture` hold where there is no place for what a scene says; a
    value that comes from elsewhere, or is one of several, is empty. In a `prompt`, `%prompt%` stands for the scene's,
    as `%negative%` does in a `negative_prompt`. `lora` is the node that gives way to ours."""
    used = [nodes[name] for name in sorted(_leading_to(nodes, picture)) if name != lora]
    found: dict[str, str] = {}
    for name, field in _FIELDS.items():
        values = [node["inputs"][key] for node in used for key in field.inputs if key in node["inputs"]]
        if field.place not in places and (values or field.always):
            found[name] = _told(name, values)
    for name, place in (("prompt", PROMPT_PLACE), ("negative_prompt", NEGATIVE_PLACE)):
        texts = _texts_with(used, place) or (_negatives(nodes, used) if place == NEGATIVE_PLACE else set())
        if texts - {place, ""}:
            found[name] = texts.pop() if len(texts) == 1 else ""
    drawing = [node for node in used if any(key in node["inputs"] for key in _SEEDS)]
    core = drawing and all(node["class_type"] in _CORE_NOISE for node in drawing)
    return {**found, "noise_source": "CPU" if core else ""}


def check_alike(jobs: Sequence[Job], decides: Mapping[str, str]) -> None:
    """BlockweightError for jobs whose scenes differ in what the workflow decides: their pictures would not."""
    for name, field in _FIELDS.items():
        if name in decides and field.place and len({_of(job.scene, name) for job in jobs}) > 1:
            raise BlockweightError(
                f"The scenes differ in what your workflow decides by itself ({field.words}), so their pictures would "
                f"not; give the workflow the place %{field.place}%, or leave the difference out."
            )


def _of(scene: Scene, name: str) -> object:
    return scene.checkpoint.digest if name == "model" else getattr(scene, name)


def _leading_to(nodes: Nodes, name: str) -> set[str]:
    """The node, and all that it needs."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            links = (link_of(value, nodes) for value in nodes[node]["inputs"].values())
            waiting += [link.node for link in links if link is not None]
    return found


def _told(name: str, values: Sequence[object]) -> str:
    if name == "loras":
        return ", ".join(sorted({value for value in values if isinstance(value, str)}))
    if len(values) == 0 or any(value != values[0] for value in values) or not isinstance(values[0], str | int | float):
        return ""
    if name == "clip_skip" and isinstance(values[0], int):
        return str(-values[0])
    text = str(values[0]) if isinstance(values[0], str) else f"{values[0]:.10g}"
    return _SAID.get(name, {}).get(text, text)


def _texts_with(used: Sequence[Mapping[str, Any]], place: str) -> set[str]:
    """The texts that hold the place; a node that has it as its title gets nothing else."""
    titled = {place for node in used if place in str((node.get("_meta") or {}).get("title", ""))}
    values = (value for node in used for value in node["inputs"].values() if isinstance(value, str))
    return titled | {value for value in values if place in value}


def _negatives(nodes: Nodes, used: Sequence[Mapping[str, Any]]) -> set[str]:
    """The workflow's own negative prompts, empty for one that cannot be read."""
    links = [link_of(node["inputs"].get("negative"), nodes) for node in used]
    texts = [nodes[link.node]["inputs"].get("text", "") for link in links if link is not None]
    return {text if isinstance(text, str) else "" for text in texts}
