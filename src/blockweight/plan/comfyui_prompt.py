"""What a ComfyUI prompt says of a picture: the graph that was run, as its PNGs carry it in `prompt`.

`{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "model": ["4", 0], …}}, …}`: an input is a value, or a link to
another node's output. What is read is what stands there in so many words; a node that is not known is named, and
nothing behind it is guessed. Sources: `nodes.py` and `comfy_extras/nodes_custom_sampler.py` of comfyanonymous/ComfyUI
0.3.64, `inspire/lora_block_weight.py` of ltdrdata/ComfyUI-Inspire-Pack 1.21.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from blockweight.errors import BlockweightError

MOST_NODES = 5000

INSPIRE_LOADER = "LoraLoaderBlockWeight //Inspire"

_SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
_MODELS = {"CheckpointLoaderSimple": "ckpt_name", "CheckpointLoader": "ckpt_name", "UNETLoader": "unet_name"}
_LORAS = ("LoraLoader", "LoraLoaderModelOnly", INSPIRE_LOADER)
_TEXTS = {
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeSDXL": ("text_g", "text_l"),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl"),
}
_LATENTS = ("EmptyLatentImage", "EmptySD3LatentImage")
_VALUES = ("PrimitiveString", "PrimitiveStringMultiline", "PrimitiveInt", "PrimitiveFloat", "PrimitiveNode")
_PASSED = {"FluxGuidance": "conditioning", "CLIPSetLastLayer": "clip", "ModelSamplingFlux": "model",
           "ModelSamplingSD3": "model"}  # fmt: skip
"""Nodes that hand one input on, changed in a way that is told elsewhere or is the model's usual."""
_WHOLE_PASS = {"add_noise": "enable", "start_at_step": 0, "end_at_step": 10000,
               "return_with_leftover_noise": "disable"}  # fmt: skip
"""Inputs of KSamplerAdvanced for a pass of all steps."""
_SILENT = ("SaveImage", "PreviewImage", "VAEDecode", "VAEDecodeTiled", "CLIPLoader", "DualCLIPLoader",
           "TripleCLIPLoader", "Note", "MarkdownNote", "SaveAnimatedWEBP", "SaveImageWebsocket")  # fmt: skip
"""Nodes that decide nothing of what is told here."""


@dataclass(frozen=True)
class ComfyLora:
    """A LoRA of the graph: the file as it is listed there, its strengths, and the Inspire Pack's block vector (empty
    for a plain loader), which counts the blocks that the file has. A strength is None where another node gives it."""

    name: str
    strength: float | None
    text_strength: float | None
    block_vector: str = ""


@dataclass(frozen=True)
class ComfyPicture:
    """What a prompt says, each empty or None where it does not. `passes` counts the samplers; the values are those of
    the first, by the order of the graph. `unknown` names what was not understood: nodes, and inputs that come from
    them."""

    prompt: str = ""
    negative_prompt: str = ""
    model: str = ""
    vae: str = ""
    loras: tuple[ComfyLora, ...] = ()
    seed: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    guidance: float | None = None
    sampler: str = ""
    scheduler: str = ""
    denoising: float | None = None
    width: int | None = None
    height: int | None = None
    clip_skip: int | None = None
    passes: int = 0
    unknown: tuple[str, ...] = ()


def read_comfyui(text: str) -> ComfyPicture:
    """What the JSON of a prompt says. BlockweightError for what is no such JSON, or more than MOST_NODES nodes."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BlockweightError("ComfyUI's prompt in the picture is no JSON object; it was changed after it was made.")
    nodes = {str(name): node for name, node in found.items() if isinstance(node, dict)}
    if len(nodes) > MOST_NODES:
        raise BlockweightError(f"ComfyUI's prompt has more than {MOST_NODES} nodes, which is not read.")
    return _Graph(nodes).picture()


def workflow_nodes(text: str) -> tuple[str, ...]:
    """The kinds of nodes of a workflow (the graph as it was drawn), each once. Its values have places instead of names,
    which mean something else in every version of a node, so they are not read. BlockweightError for what is none."""
    try:
        nodes = json.loads(text)["nodes"]
        return tuple(dict.fromkeys(_plain(str(node["type"])) for node in nodes[:MOST_NODES]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BlockweightError(
            "ComfyUI's workflow in the picture is not one; it was changed after it was made."
        ) from None


@dataclass
class _Graph:
    """A walk over the nodes from a sampler on, which notes what it meets and does not know."""

    nodes: Mapping[str, Mapping[str, Any]]
    known: set[str] = field(default_factory=set)
    unknown: dict[str, None] = field(default_factory=dict)

    def picture(self) -> ComfyPicture:
        samplers = [name for name in self.nodes if self.kind(name) in _SAMPLERS]
        said: dict[str, Any] = self.sampling(samplers[0]) if samplers else {}
        if not samplers:
            self.unknown["no sampler that is known"] = None
        for name in self.nodes:
            if name not in self.known and self.kind(name) not in (*_SILENT, *_SAMPLERS):
                self.unknown[self.shown(name)] = None
        return ComfyPicture(**said, passes=len(samplers), unknown=tuple(self.unknown))

    def kind(self, name: str) -> str:
        kind = self.nodes[name].get("class_type")
        return kind if isinstance(kind, str) else ""

    def inputs(self, name: str) -> Mapping[str, Any]:
        found = self.nodes[name].get("inputs")
        return found if isinstance(found, dict) else {}

    def shown(self, name: str) -> str:
        return f"node {_plain(name)[:20]} ({_plain(self.kind(name))[:80] or 'of no kind'})"

    def linked(self, name: str, key: str) -> str | None:
        """The node that an input comes from."""
        link = self.inputs(name).get(key)
        if isinstance(link, list) and link and str(link[0]) in self.nodes:
            return str(link[0])
        return None

    def value(self, name: str, key: str) -> Any:
        """An input's value, also from a node that holds nothing else; None (and noted) for one of another node."""
        self.known.add(name)
        held = self.inputs(name).get(key)
        if not isinstance(held, list):
            return held
        source = self.linked(name, key)
        if source is not None and self.kind(source) in _VALUES:
            self.known.add(source)
            found = self.inputs(source).get("value")
            if not isinstance(found, list):
                return found
        where = "" if source is None else f", which comes from {self.shown(source)}"
        self.unknown[f"{_plain(key)} of {self.shown(name)}{where}"] = None
        return None

    def text(self, name: str, key: str) -> str:
        found = self.value(name, key)
        return _plain(found) if isinstance(found, str) else ""

    def whole(self, name: str, key: str) -> int | None:
        found = self.value(name, key)
        return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**64 else None

    def number(self, name: str, key: str) -> float | None:
        found = self.value(name, key)
        usable = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e12
        return float(found) if usable and math.isfinite(found) else None

    def sampling(self, name: str) -> dict[str, Any]:
        self.known.add(name)
        if self.kind(name) == "SamplerCustomAdvanced":
            return self.advanced(name)
        noise = "seed" if self.kind(name) == "KSampler" else "noise_seed"
        for key, usual in _WHOLE_PASS.items():
            if self.inputs(name).get(key, usual) != usual:
                self.unknown[f"{key} of {self.shown(name)}"] = None
        said = {
            "seed": self.whole(name, noise),
            "cfg_scale": self.number(name, "cfg"),
            **self.conditions(name),
            **self.model(self.linked(name, "model")),
            **self.size(name),
            **self.vae(),
        }
        if self.kind(name) == "SamplerCustom":
            return {**said, **self.schedule(name)}
        return {
            **said,
            "steps": self.whole(name, "steps"),
            "sampler": self.text(name, "sampler_name"),
            "scheduler": self.text(name, "scheduler"),
            "denoising": self.number(name, "denoise"),
        }

    def advanced(self, name: str) -> dict[str, Any]:
        noise, guider = self.linked(name, "noise"), self.linked(name, "guider")
        said: dict[str, Any] = {**self.size(name), **self.schedule(name), **self.vae()}
        if noise is not None and self.kind(noise) == "RandomNoise":
            said["seed"] = self.whole(noise, "noise_seed")
        if guider is not None and self.kind(guider) in ("CFGGuider", "BasicGuider"):
            self.known.add(guider)
            said |= {**self.conditions(guider), **self.model(self.linked(guider, "model"))}
            if self.kind(guider) == "CFGGuider":
                said["cfg_scale"] = self.number(guider, "cfg")
        return said

    def schedule(self, name: str) -> dict[str, Any]:
        sampler, sigmas = self.linked(name, "sampler"), self.linked(name, "sigmas")
        said: dict[str, Any] = {}
        if sampler is not None and self.kind(sampler) == "KSamplerSelect":
            said["sampler"] = self.text(sampler, "sampler_name")
        if sigmas is not None and self.kind(sigmas) == "BasicScheduler":
            said["scheduler"] = self.text(sigmas, "scheduler")
            said |= {"steps": self.whole(sigmas, "steps"), "denoising": self.number(sigmas, "denoise")}
        return said

    def chain(self, start: str | None, keys: Mapping[str, str]) -> Iterator[str]:
        """The nodes from `start` on, along each one's input that `keys` names for its kind; each once."""
        seen: set[str] = set()
        while start is not None and start not in seen:
            seen.add(start)
            yield start
            key = keys.get(self.kind(start))
            start = None if key is None else self.linked(start, key)

    def conditions(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = {}
        ends = {"prompt": "conditioning" if self.kind(name) == "BasicGuider" else "positive"}
        ends["negative_prompt"] = "negative"
        for field_name, key in ends.items():
            for node in self.chain(self.linked(name, key), _PASSED):
                kind = self.kind(node)
                if kind == "FluxGuidance":
                    said["guidance"] = self.number(node, "guidance")
                elif kind in _TEXTS:
                    texts = dict.fromkeys(self.text(node, part) for part in _TEXTS[kind])
                    said[field_name] = "\n".join(filter(None, texts))
                    said |= self.clip(self.linked(node, "clip"))
                elif kind == "ConditioningZeroOut":
                    self.known.add(node)
        return said

    def clip(self, start: str | None) -> dict[str, Any]:
        keys = {**_PASSED, **dict.fromkeys(_LORAS, "clip")}
        for node in self.chain(start, keys):
            if self.kind(node) == "CLIPSetLastLayer":
                layer = self.whole(node, "stop_at_clip_layer")
                return {} if layer is None else {"clip_skip": -layer}
        return {}

    def model(self, start: str | None) -> dict[str, Any]:
        """The checkpoint at the end of the chain, and its LoRAs, the first that is put in first."""
        loras: list[ComfyLora] = []
        said: dict[str, Any] = {}
        for node in self.chain(start, {**_PASSED, **dict.fromkeys(_LORAS, "model")}):
            kind = self.kind(node)
            if kind in _LORAS:
                loras.append(self.lora(node))
            elif kind in _MODELS:
                said["model"] = self.text(node, _MODELS[kind])
            elif kind in _PASSED:
                self.known.add(node)
        return {**said, "loras": tuple(reversed(loras))}

    def lora(self, node: str) -> ComfyLora:
        only_model = self.kind(node) == "LoraLoaderModelOnly"
        strength = self.number(node, "strength_model")
        texts = None if only_model else self.number(node, "strength_clip")
        vector = ""
        if self.kind(node) == INSPIRE_LOADER:
            vector = self.text(node, "block_vector")
            if self.value(node, "inverse") is True:
                self.unknown[f"inverse of {self.shown(node)}: every block weight is 1 less it"] = None
            if self.value(node, "bypass") is True:
                self.unknown[f"bypass of {self.shown(node)}: the LoRA is not used"] = None
        return ComfyLora(
            self.text(node, "lora_name"),
            strength,
            0.0 if only_model else texts,
            vector,
        )

    def size(self, name: str) -> dict[str, Any]:
        source = self.linked(name, "latent_image")
        if source is None or self.kind(source) not in _LATENTS:
            return {}
        return {"width": self.whole(source, "width"), "height": self.whole(source, "height")}

    def vae(self) -> dict[str, Any]:
        loaders = [name for name in self.nodes if self.kind(name) == "VAELoader"]
        return {"vae": self.text(loaders[0], "vae_name")} if len(loaders) == 1 else {}


def _plain(text: str) -> str:
    """Without halves of characters, which JSON may hold and no terminal takes."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
