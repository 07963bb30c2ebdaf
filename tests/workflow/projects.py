"""Tuning projects for the suites: a LoCon of 26 blocks in two scenes, of which rounds may move IN01 to IN03."""

from __future__ import annotations

from pathlib import Path

from blockweight.render import FakeRenderer, Rendering, unwatched
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

    def render(self, jobs, finished=(), watch=unwatched):
        missing = [job for job in jobs if job.key not in finished]
        for start in range(0, len(missing), self.size):
            made = list(super().render(missing[start : start + self.size], (), watch))
            for left, rendering in zip(reversed(range(len(made))), made, strict=True):
                yield Rendering(rendering.job, rendering.picture, 2.0, left)


def render(tuning: TuningProject, make_renderer=FakeRenderer, stopped=lambda: False):
    return render_round(tuning, make_renderer, SilentProgress(), stopped)


def after(tuning: TuningProject, pictures: int):
    """A stop once the project has so many pictures more."""
    folder = tuning.folder / "pictures"
    wanted = len(list(folder.glob("*.png"))) + pictures
    return lambda: len(list(folder.glob("*.png"))) >= wanted
