"""Tuning projects for the pages' tests."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from blockweight.render import FakeRenderer
from blockweight.studio.projects import identity_of
from blockweight.workflow.comparison import Typed, plan_comparison, render_comparison
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning_project import TuningProject, create_project, open_project
from workshop import WEIGHTS, write_model

__all__ = ["MINE", "ODD", "THREE", "compared", "make", "make_for", "open_project"]

MINE = f"Mine:{WEIGHTS}"
THREE = ("no LoRA", "ALL", MINE)
ODD = "<img src=x onerror=alert(1)>"


def make(folder: Path, lora: Path, prompt: str = "1girl, ゴブ姫", **options: str) -> TuningProject:
    """A project of two scenes, its model beside it."""
    model = folder.parent / "model"
    if not model.exists():
        write_model(model)
    scenes = scenes_of(model, [prompt], "", "1,2", 20, 7.0, "Euler a", "64x48")
    return create_project(folder, lora, scenes, **options)


def make_for(server_folder: Path, name: str, /, **options: str) -> tuple[str, Path]:
    """A project that the studio running in this folder knows; its address there, and its folder."""
    folder = server_folder / name
    with mock.patch.dict(os.environ, {CONFIG: str(server_folder / "config")}):
        make(folder, server_folder / "loras" / "princess.safetensors", **options).close()
    return f"projects/{identity_of(folder)}", folder


def compared(tuning: TuningProject, *variants: str, blind: bool = False) -> TuningProject:
    """The project with a comparison, rendered."""
    plan_comparison(tuning, Typed(variants or THREE, blind=blind))
    render_comparison(tuning, FakeRenderer, SilentProgress())
    return tuning
