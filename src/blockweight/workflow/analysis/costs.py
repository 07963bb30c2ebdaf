"""What an analysis costs, by any method: pictures, calls of the model, and the time that both take."""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.plan import Scene
from blockweight.workflow.analysis.ask import AnalysisAsk


@dataclass(frozen=True)
class Work:
    """`pictures` to render, and beside them `calls`: rows that the denoiser is given without a picture being finished,
    a gradient's way back counted as the rows that it takes as long as."""

    pictures: int
    calls: float = 0.0


def in_pictures(ask: AnalysisAsk, work: Work) -> float:
    """The calls of a work, as pictures of the ask's scenes, by what the denoiser does for one."""
    return work.calls / calls_of(ask.scenes[0])


def calls_of(scene: Scene) -> int:
    """The rows that the denoiser is given for a picture of this scene, about: one a step, and one more for the negative
    prompt."""
    guided = 1 if scene.cfg_scale == 1 else 2
    again = 0 if scene.hires is None else scene.hires.steps or scene.steps
    return guided * (scene.steps + again)
