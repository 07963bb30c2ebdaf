"""Small pictures before any work, whose loaders ComfyUI cannot have run before: what it does not load it says then."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from blockweight.plan import Job, Scene, Variant
from blockweight.render.comfyui.workflow import Workflow
from blockweight.render.wanted import Wanted

_SIDE = 64
_FAINT = 1e-4
_DRAWN = 10**9


def trial_job(job: Job, wanted: Wanted) -> Job:
    """One of the job's LoRAs alone, in the smallest scene that the workflow draws, in one step."""
    scene: Scene = replace(
        job.scene,
        prompt="",
        negative_prompt="",
        embeddings=(),
        width=_SIDE,
        height=_SIDE,
        steps=1,
        sampler="Euler",
        scheduler="Normal",
        eta=None,
        hires=None,
        start=None,
        controls=(),
        loras=(),
    )
    return Job(scene, wanted.use, Variant(wanted.label, wanted.weights))


def loaded_anew(workflow: Workflow) -> Workflow:
    """The workflow with a strength at the LoRAs' pieces that no workflow had: ComfyUI keeps what nodes made by their
    inputs, and says nothing of a file when it does not run its loader."""
    names = piece_names(workflow)
    nodes: Mapping[str, dict[str, Any]] = deepcopy(dict(workflow.nodes))  # type: ignore[arg-type]
    strength = _FAINT * (1 + secrets.randbelow(_DRAWN) / _DRAWN)
    for node in nodes.values():
        inputs = node["inputs"]
        if inputs.get("lora_name") in names:
            side = "strength_clip" if node["class_type"] == "LoraLoader" else "strength_model"
            inputs[side] = strength
    return replace(workflow, nodes=nodes)


def piece_names(workflow: Workflow) -> frozenset[str]:
    """The files of LoRAs that a workflow loads."""
    return frozenset(upload.name for upload in workflow.uploads if upload.folder == "loras")
