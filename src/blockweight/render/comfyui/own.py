"""A person's own workflow in ComfyUI's API format, with named places for what a scene says.

A place is a name between percent signs (PLACES). It stands in a node's title, and then fills that node's inputs of the
kind (`%seed% %steps%` on a KSampler); or in an input's value, and then is replaced there, `"text": "%prompt%, best
quality"`. A loader of LoRAs that is called `%lora%` gives way to the chain of ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, Scene
from blockweight.render.comfyui.decided import decided
from blockweight.render.comfyui.graph import Graph, link_of
from blockweight.render.comfyui.kinds import NodeKinds, links_to, on_server
from blockweight.render.comfyui.loras import Unrest, add_loras
from blockweight.render.comfyui.models import KINDS
from blockweight.render.comfyui.prompts import plain_text, weighed_texts
from blockweight.render.comfyui.samplers import sampling_of
from blockweight.render.comfyui.uploads import LoraShelf
from blockweight.render.comfyui.workflow import Workflow, family_of

PLACES: dict[str, tuple[str, ...]] = {
    "prompt": ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "value", "string"),
    "negative": ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "value", "string"),
    "seed": ("seed", "noise_seed", "value"),
    "steps": ("steps", "value"),
    "cfg": ("cfg", "value"),
    "guidance": ("guidance", "value"),
    "sampler": ("sampler_name",),
    "scheduler": ("scheduler",),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "model": ("ckpt_name", "unet_name"),
    "vae": ("vae_name",),
}
"""The places and, for one in a node's title, the inputs that it fills. Beside them, `lora` and `picture` name nodes."""

NEEDED = ("lora", "prompt", "seed")
"""Without these a workflow would draw something else than was asked for."""

_NODES = ("lora", "picture")
_PLACE = re.compile(rf"%({'|'.join((*PLACES, *_NODES))})%")
_PICTURES = ("SaveImage", "PreviewImage")
_MOST_BYTES = 16 << 20

Node = dict[str, Any]


@dataclass(frozen=True)
class OwnWorkflow:
    """A workflow as it was exported, the names of its nodes for the LoRAs and the picture, SHA-256 of the file, its
    places, and what it decides by itself (`decided`)."""

    nodes: Mapping[str, Node]
    lora: str
    picture: str
    digest: str
    places: frozenset[str]
    decides: Mapping[str, str]

    def filled(self, job: Job, kinds: NodeKinds, shelf: LoraShelf, unrest: Unrest) -> Workflow:
        """The workflow of a job. BlockweightError for what the scene says and the workflow has no place for."""
        scene, family = job.scene, family_of(job, shelf)
        self._check(scene)
        nodes: dict[str, Node] = deepcopy(dict(self.nodes))
        said = self._said(scene, family, kinds, nodes)
        for node in nodes.values():
            _fill(node, said)
        graph = Graph(nodes)
        users = links_to(nodes, self.lora)
        loader = nodes.pop(self.lora)["inputs"]
        start = link_of(loader.get("model"), nodes)
        # Without anybody who reads with it, what a LoRA does in a text encoder would be lost without a word.
        reads = any(link.output == 1 for _, _, link in users)
        clip = link_of(loader.get("clip"), nodes) if reads else None
        if start is None:
            raise BlockweightError(
                f"The node {quoted(self.lora)} with the title %lora% is linked to no model; connect it and export the "
                "workflow again."
            )
        if clip is None and reads:
            raise BlockweightError(
                f"The text encoder behind the node {quoted(self.lora)} with the title %lora% comes from nowhere; "
                "connect it and export the workflow again."
            )
        model, clip, uploads = add_loras(graph, job, shelf, unrest, start, clip)
        for user, key, link in users:
            end = clip if link.output == 1 else model
            assert end is not None
            nodes[user]["inputs"][key] = end.written
        steps = {name: node["inputs"]["steps"] for name, node in nodes.items() if _counts(node)}
        return Workflow(nodes, self.picture, tuple(dict.fromkeys(uploads)), steps)

    def _check(self, scene: Scene) -> None:
        for what, there in (
            ("a hires pass", scene.hires is not None),
            ("a picture to draw over", scene.start is not None),
            ("ControlNets", bool(scene.controls)),
            ("a variation seed", bool(scene.variation_strength)),
            ("a clip skip", scene.clip_skip != 1),
            ("a VAE", scene.vae is not None and "vae" not in self.places),
            ("a negative prompt", bool(scene.negative_prompt.strip()) and "negative" not in self.places),
            ("an eta", scene.eta is not None and "sampler" not in self.places),
            ("a distilled CFG scale", scene.guidance is not None and "guidance" not in self.places),
        ):
            if there:
                raise BlockweightError(
                    f"The scene {quoted(scene.label)} asks for {what}, for which your workflow has no place; leave it "
                    "out of the scene, and set it in the workflow."
                )

    def _said(self, scene: Scene, family: str, kinds: NodeKinds, nodes: Mapping[str, Node]) -> dict[str, object]:
        """What stands in the places that the workflow has."""
        said: dict[str, object] = {
            "prompt": _text(scene, scene.prompt, family, negative=False),
            "negative": _text(scene, scene.negative_prompt, family, negative=True),
            "seed": scene.seed,
            "steps": scene.steps,
            "cfg": scene.cfg_scale,
            "guidance": scene.guidance,
            "width": scene.width,
            "height": scene.height,
        }
        if self.places & {"sampler", "scheduler"}:
            sampling = sampling_of(scene)
            said |= {"sampler": sampling.sampler, "scheduler": sampling.scheduler}
        for place, path in (("model", scene.checkpoint.path), ("vae", scene.vae and scene.vae.path)):
            if place in self.places and path:
                said[place] = _listed(place, path, kinds, nodes)
        return {place: value for place, value in said.items() if place in self.places and value is not None}


def read_own(path: Path) -> OwnWorkflow:
    """The workflow in a file. BlockweightError for what is none in the API's format, places that are not known or lead
    nowhere, and one that lacks a place that is NEEDED."""
    try:
        data = path.read_bytes()
        if len(data) > _MOST_BYTES:
            raise ValueError("it is too large")
        found = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise BlockweightError(
            f"The workflow '{path}' cannot be read ({reason}); export it from ComfyUI with 'Export (API)'."
        ) from None
    nodes = _nodes(path, found)
    titles = {name: _title(node) for name, node in nodes.items()}
    places = {place for name in nodes for place in _places(nodes[name])}
    lacking = [place for place in NEEDED if place not in places]
    if lacking:
        raise BlockweightError(
            f"The workflow '{path}' has no place for %{lacking[0]}%; give the node that it belongs to this title, and "
            "export the workflow again."
        )
    lora = _titled(path, titles, "lora")
    assert lora is not None
    if not any(link.output == 0 for _, _, link in links_to(nodes, lora)):
        raise BlockweightError(
            f"Nothing of the workflow '{path}' uses the model behind its node %lora%; connect it and export again."
        )
    picture = _titled(path, titles, "picture")
    if picture is None:
        shown = [name for name, node in nodes.items() if node["class_type"] in _PICTURES]
        if len(shown) != 1:
            raise BlockweightError(
                f"The workflow '{path}' has {len(shown)} nodes that save or show pictures; give the one that counts "
                "the title %picture%."
            )
        picture = shown[0]
    for name, node in nodes.items():
        for place in _PLACE.findall(titles[name]):
            if place in PLACES and not _filled(node, place):
                raise BlockweightError(
                    f"The node {quoted(name)} of '{path}' has the title %{place}%, but none of the inputs "
                    f"{', '.join(PLACES[place])}; give the title to the node that has."
                )
    had, digest = frozenset(places), hashlib.sha256(data).hexdigest()
    return OwnWorkflow(nodes, lora, picture, digest, had, decided(nodes, lora, picture, had))


def _nodes(path: Path, found: object) -> dict[str, Node]:
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise BlockweightError(
            f"'{path}' is a workflow as it is drawn, not as it is run; export it from ComfyUI with 'Export (API)'."
        )
    sound = (
        isinstance(found, dict)
        and found
        and all(
            isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)
            for node in found.values()
        )
    )
    if not isinstance(found, dict) or not sound:
        raise BlockweightError(f"'{path}' is no workflow of ComfyUI's; export it there with 'Export (API)'.")
    return {str(name): node for name, node in found.items()}


def _title(node: Node) -> str:
    meta = node.get("_meta")
    return str(meta.get("title", "")) if isinstance(meta, dict) else ""


def _places(node: Node) -> list[str]:
    values = [value for value in node["inputs"].values() if isinstance(value, str)]
    return [place for text in (_title(node), *values) for place in _PLACE.findall(text)]


def _titled(path: Path, titles: Mapping[str, str], place: str) -> str | None:
    found = [name for name, title in titles.items() if place in _PLACE.findall(title)]
    if len(found) > 1 or (place == "lora" and not found):
        raise BlockweightError(
            f"The workflow '{path}' has {len(found)} nodes with the title %{place}%; give it to one."
        )
    return found[0] if found else None


def _filled(node: Node, place: str) -> list[str]:
    """The inputs that a place in the node's title fills: those that are linked to other nodes are left alone."""
    return [key for key in PLACES[place] if key in node["inputs"] and not isinstance(node["inputs"][key], list)]


def _fill(node: Node, said: Mapping[str, object]) -> None:
    inputs = node["inputs"]
    for key, value in inputs.items():
        if not isinstance(value, str):
            continue
        alone = _PLACE.fullmatch(value.strip())
        if alone and alone[1] in said:
            inputs[key] = said[alone[1]]
        else:
            inputs[key] = _PLACE.sub(lambda found: str(said.get(found[1], found[0])), value)
    for place in _PLACE.findall(_title(node)):
        if place in said:
            for key in _filled(node, place):
                inputs[key] = said[place]


def _text(scene: Scene, text: str, family: str, *, negative: bool) -> str:
    if family in KINDS and not KINDS[family].weighs:
        return plain_text(text, family)
    chunks = weighed_texts(text, scene.steps, scene.embeddings, negative=negative)
    if len(chunks) > 1:
        raise BlockweightError(
            f"A workflow of your own has one place for {quoted(text)}, which BREAK divides; leave BREAK out."
        )
    return chunks[0]


def _listed(place: str, path: str, kinds: NodeKinds, nodes: Mapping[str, Node]) -> str:
    """What the server calls a model, by the list of the input that it goes into."""
    for node in nodes.values():
        for key, value in node["inputs"].items():
            titled = place in _PLACE.findall(_title(node)) and key in PLACES[place]
            if titled or (isinstance(value, str) and place in _PLACE.findall(value)):
                return on_server(path, kinds.options(node["class_type"], key), place)
    raise AssertionError("a place that the workflow has stands somewhere")


def _counts(node: Node) -> bool:
    return "KSampler" in node["class_type"] and isinstance(node["inputs"].get("steps"), int)
