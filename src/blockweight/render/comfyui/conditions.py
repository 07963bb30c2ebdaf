"""What a picture is drawn by: prompts, distilled guidance, ControlNets."""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import CONTROL_MODES, Control, Scene
from blockweight.render.comfyui.graph import Graph, Link
from blockweight.render.comfyui.kinds import NodeKinds, on_server
from blockweight.render.comfyui.models import Kind
from blockweight.render.comfyui.prompts import plain_text, weighed_texts
from blockweight.render.comfyui.uploads import Upload, map_upload

DISTILLED_GUIDANCE = 3.5
"""What a model that was distilled from guidance is told if a scene says nothing: Forge's default."""


@dataclass(frozen=True)
class Conditions:
    """The outputs with the prompt and the negative one."""

    positive: Link
    negative: Link


def read_prompts(graph: Graph, scene: Scene, clip: Link, kind: Kind, family: str) -> Conditions:
    """Nodes that read the scene's prompts. BlockweightError as in `prompts`."""
    positive = _read(graph, "prompt", scene.prompt, scene, clip, kind, family)
    if kind.distilled:
        told = DISTILLED_GUIDANCE if scene.guidance is None else scene.guidance
        positive = graph.add("guidance", "FluxGuidance", conditioning=positive, guidance=told)
    return Conditions(positive, _read(graph, "negative", scene.negative_prompt, scene, clip, kind, family))


def _read(graph: Graph, name: str, text: str, scene: Scene, clip: Link, kind: Kind, family: str) -> Link:
    if kind.weighs:
        texts = weighed_texts(text, scene.steps, scene.embeddings, negative=name == "negative")
    else:
        texts = [plain_text(text, family)]
    read = graph.add(name, "CLIPTextEncode", text=texts[0], clip=clip)
    for number, more in enumerate(texts[1:], 1):
        chunk = graph.add(f"{name}-{number}", "CLIPTextEncode", text=more, clip=clip)
        read = graph.add(f"{name}-until-{number}", "ConditioningConcat", conditioning_to=read, conditioning_from=chunk)
    return read


def check_embeddings(scene: Scene, known: list[str]) -> None:
    """Refuse embeddings that the server has not; `known` are the names of those that it has."""
    names = {name.replace("\\", "/").rsplit("/", 1)[-1].lower() for name in known}
    for each in scene.embeddings:
        if each.name.lower() not in names:
            raise BlockweightError(
                f"ComfyUI has no embedding {quoted(each.name)}; put '{each.path}' into its folder for embeddings."
            )


def add_controls(
    graph: Graph, kinds: NodeKinds, scene: Scene, conditions: Conditions, vae: Link, pixels: tuple[int, int], step: str
) -> tuple[Conditions, list[Upload]]:
    """The scene's ControlNets for a pass of `pixels` (width, height), whose nodes' names end in `step`.
    BlockweightError for what ComfyUI does otherwise than the WebUI's extension."""
    uploads = []
    for number, control in enumerate(scene.controls):
        _check(control)
        picture = map_upload(control.picture, control.resize, *pixels)
        uploads.append(picture)
        listed = kinds.options("ControlNetLoader", "control_net_name")
        name = on_server(control.model.path, listed, "ControlNet")
        made = graph.add(
            f"control{number}-{step}",
            "ControlNetApplyAdvanced",
            positive=conditions.positive,
            negative=conditions.negative,
            control_net=graph.add(f"control{number}", "ControlNetLoader", control_net_name=name),
            image=graph.add(f"map{number}-{step}", "LoadImage", image=picture.name),
            vae=vae,
            strength=control.weight,
            start_percent=0.0,
            end_percent=1.0,
        )
        conditions = Conditions(made, Link(made.node, 1))
    return conditions, uploads


def _check(control: Control) -> None:
    if (control.start, control.end) != (0, 1):
        raise BlockweightError(
            "ComfyUI counts a ControlNet's range by noise levels, not by steps, so it would work elsewhere than the "
            "scene says; let it work from 0 to 1."
        )
    if control.mode != CONTROL_MODES[0]:
        raise BlockweightError(
            f"ComfyUI's core nodes have no control mode {quoted(control.mode)}; use {CONTROL_MODES[0]}."
        )
