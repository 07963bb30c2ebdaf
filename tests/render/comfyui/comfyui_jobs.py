"""Jobs of one small scene, and a renderer that loses no time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from comfyui_server import ComfyuiServer
from node_kinds import node_kinds

from blockweight.plan import Checkpoint, Job, LoraUse, Scene, Variant
from blockweight.render.comfyui import ComfyuiRenderer
from blockweight.render.comfyui.kinds import NodeKinds
from blockweight.render.comfyui.loras import unrest_of
from blockweight.render.comfyui.uploads import LoraShelf
from blockweight.render.comfyui.workflow import Workflow, build
from blockweight.render.remote import read_addresses
from blockweight.weights import uniform
from workshop import FULL, SCENE

MODEL = Checkpoint("/models/model.safetensors", "c" * 64)
SMALL = replace(SCENE, checkpoint=MODEL, width=64, height=64, steps=4, scheduler="Karras")
MODELS = {
    "checkpoints": ["model.safetensors"],
    "vae": ["ae.safetensors", "kl-f8.safetensors"],
    "controlnet": ["SD15/canny.safetensors"],
}


def renderer_for(server: ComfyuiServer, options: str = "") -> ComfyuiRenderer:
    (address,) = read_addresses(server.address + options)
    return ComfyuiRenderer(address, pauses=(0.01, 0.01), pause=0.05)


def job(use: LoraUse, weights: float | dict[str, float] | None = 1.0, scene: Scene = SMALL) -> Job:
    """A job with one weight for all blocks, with some that differ from 1, or without the LoRA."""
    if isinstance(weights, dict):
        return Job(scene, use, Variant(str(weights), uniform("ALL", FULL, 1.0).with_weights(weights)))
    return Job(scene, use, Variant(str(weights), None if weights is None else uniform("ALL", FULL, weights)))


class Told:
    """A server's answers to what kinds of nodes it has, without a server."""

    def __init__(self, models: dict[str, list[str]]) -> None:
        self._kinds = node_kinds(models, [], [])

    def get_json(self, path: str) -> Any:
        kind = path.rpartition("/")[2]
        return {kind: self._kinds[kind]} if kind in self._kinds else {}


def built(wanted: Job, *others: Job, models: dict[str, list[str]] = MODELS) -> Workflow:
    """The workflow of a job among others."""
    return build(wanted, NodeKinds(Told(models)), LoraShelf(), unrest_of([wanted, *others]))


def inputs(workflow: Workflow, node: str) -> dict[str, Any]:
    return dict(workflow.nodes[node]["inputs"])


def chain(workflow: Workflow, node: str, key: str) -> list[str]:
    """The nodes from an input on along its own kind of input, nearest first."""
    found = []
    while isinstance(link := workflow.nodes[node]["inputs"].get(key), list):
        node = link[0]
        found.append(node)
    return found
