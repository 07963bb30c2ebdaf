"""Tuning projects for the suites: a LoCon of 26 blocks in two scenes, of which rounds may move IN01 to IN03."""

from __future__ import annotations

from pathlib import Path

from blockweight.render import FakeRenderer, Rendering
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning import fix
from blockweight.workflow.tuning_project import TuningProject, create_project
from blockweight.workflow.tuning_rounds import render_round


def scenes(model: Path, seeds: str = "1,2", prompt: str = "1girl, ゴブ姫"):
    return scenes_of(model, [prompt], "blurry", seeds, 20, 7.0, "Euler a", "32x24")


def make(folder: Path, lora: Path, model: Path, **options) -> TuningProject:
    tuning = create_project(folder, lora, scenes(model), **options)
    fix(tuning, "NOT IN01-IN03")
    return tuning


class Timed(FakeRenderer):
    """Says that every picture took two seconds, and gives them in batches of `size`."""

    size = 1

    def render(self, jobs, finished=()):
        made = list(super().render(jobs, finished))
        for number, rendering in enumerate(made):
            left = min(len(made), (number // self.size + 1) * self.size) - number - 1
            yield Rendering(rendering.job, rendering.picture, 2.0, left)


def render(tuning: TuningProject, make_renderer=FakeRenderer, stopped=lambda: False):
    return render_round(tuning, make_renderer, SilentProgress(), stopped)
