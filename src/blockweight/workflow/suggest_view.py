"""Weight suggestions as a page shows them: made from the pictures that there are, and read from what they left."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from blockweight.errors import BlockweightError
from blockweight.measure import Budget, Mean, Why
from blockweight.project import TuningState, is_own_file
from blockweight.weights import format_weight
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import analysis_jobs
from blockweight.workflow.suggest_weights import jobs_without, lowering_analysis, suggest_weights
from blockweight.workflow.suggested_weights_page import write_suggested
from blockweight.workflow.tuning_project import TuningProject

_FACTS = "suggestion.json"


@dataclass(frozen=True)
class ShownFigure:
    """One of `kept`, `gone` (shares), `inside`, `outside` (levels): its mean, and the interval's ends where there is
    one."""

    name: str
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ShownBlock:
    """A block's weight and why, with its effects as texts, in levels."""

    block: str
    weight: float
    why: Why
    inside: str
    outside: str
    ratio: float


@dataclass(frozen=True)
class ShownScene:
    """A scene with the keys of its pictures with all blocks and without the LoRA, None for one that is not there;
    `predicted` tells whether the prediction's file is."""

    number: int
    label: str
    seed: int
    source: str | None
    without: str | None
    predicted: bool


@dataclass(frozen=True)
class ShownSuggestion:
    """A suggestion of the project's folder, by its number there. `weights` is its text, `values` are in the order of
    the layout, `rest` is that of the modules that no block claims. `bound` is a share or levels, as the budget is
    (`keep` or `change`)."""

    number: int
    keep: float | None
    change: float | None
    limit: float
    step: float
    region: str
    weights: str
    values: tuple[float, ...]
    rest: float
    blocks: tuple[ShownBlock, ...]
    figures: tuple[ShownFigure, ...]
    bound: float
    unsettled: tuple[str, ...]
    stretched: tuple[str, ...]
    scenes: tuple[ShownScene, ...]

    @property
    def vector(self) -> str:
        """The weights without their name."""
        return ",".join(map(format_weight, self.values))


def suggest_at_once(tuning: TuningProject, budget: Budget, limit: float, step: float) -> int:
    """Suggest the least weights from pictures that are rendered already, and write them into the project's folder; the
    number that they have there. BlockweightError as `suggest_weights`, and where pictures are missing."""
    state = tuning.state()
    plan = lowering_analysis(state)
    lost = tuning.project.missing(list(chain(*analysis_jobs(state, plan))))
    if lost:
        raise BlockweightError(
            f"Pictures of the analysis are not in the project's folder any more (missing: {len(lost)}); run "
            "'blockweight suggest weights', which renders them again."
        )
    lacking = tuning.project.missing(jobs_without(state, plan)) if budget.keep is not None else []
    if lacking:
        raise BlockweightError(
            f"What is kept is told from pictures without the LoRA, which are not all there (missing: {len(lacking)}); "
            f"run 'blockweight suggest weights --keep {100 * (budget.keep or 0):g}%', which renders them, or say how "
            "many levels may change."
        )
    files = write_suggested(tuning, suggest_weights(tuning, budget, limit, step, _no_renderer, SilentProgress()))
    return int(files[-1].parent.name.rpartition("-")[2])


def why_none(tuning: TuningProject) -> str:
    """Why nothing can be suggested, empty if it can."""
    try:
        lowering_analysis(tuning.state())
    except BlockweightError as error:
        return str(error)
    return ""


def latest_suggestion(tuning: TuningProject) -> int | None:
    """The number of the suggestion that was written last, None without one."""
    found = [folder for folder in tuning.folder.glob("suggestion-*") if is_own_file(folder / _FACTS)]
    numbered = [(folder, re.fullmatch(r"suggestion-(\d{2,4})", folder.name, re.ASCII)) for folder in found]
    times = [((folder / _FACTS).stat().st_mtime_ns, int(match[1])) for folder, match in numbered if match]
    return max(times)[1] if times else None


def shown_suggestion(tuning: TuningProject, number: int) -> ShownSuggestion:
    """The suggestion of this number. BlockweightError if there is none, or its files were changed by hand."""
    folder = _folder(tuning, number)
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        return _shown(tuning, number, folder, facts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise BlockweightError(f"The suggestion {number} cannot be read; suggest the weights anew.") from None


def predicted_picture(tuning: TuningProject, number: int, scene: int) -> Path:
    """The predicted picture of a scene, from 1. BlockweightError if there is none."""
    path = _predicted(_folder(tuning, number), scene)
    if path is None:
        raise BlockweightError(f"The suggestion {number} has no picture {scene}; suggest the weights anew.")
    return path


def _folder(tuning: TuningProject, number: int) -> Path:
    folder = tuning.folder / f"suggestion-{number:02}"
    if not is_own_file(folder / _FACTS):
        raise BlockweightError(f"The project has no suggestion {number}; suggest the weights anew.")
    return folder


def _predicted(folder: Path, scene: int) -> Path | None:
    return next((path for path in folder.glob(f"predicted-{scene:02}-seed*.png") if is_own_file(path)), None)


def _shown(tuning: TuningProject, number: int, folder: Path, facts: Mapping[str, Any]) -> ShownSuggestion:
    told = {name: facts["predicted"][name] for name in ("kept", "gone", "inside", "outside")}
    return ShownSuggestion(
        number=number,
        keep=None if facts["keep"] is None else float(facts["keep"]),
        change=None if facts["change"] is None else float(facts["change"]),
        limit=float(facts["limit"]),
        step=float(facts["step"]),
        region=str(facts["region"]),
        weights=str(facts["weights"]["text"]),
        values=tuple(map(float, facts["weights"]["values"].values())),
        rest=float(facts["weights"].get("rest", 1)),
        blocks=tuple(map(_block, facts["blocks"])),
        figures=tuple(_figure(name, each) for name, each in told.items() if each is not None),
        bound=float(facts["bound"]),
        unsettled=tuple(map(str, facts["unsettled"])),
        stretched=tuple(map(str, facts["stretched"])),
        scenes=_scenes(tuning, folder, int(facts["analysis"]), facts["scenes"]),
    )


def _block(facts: Mapping[str, Any]) -> ShownBlock:
    block = str(facts["block"])
    inside, outside = str(facts["inside_text"]), str(facts["outside_text"])
    return ShownBlock(block, float(facts["weight"]), Why(facts["why"]), inside, outside, float(facts["ratio"]))


def _figure(name: str, facts: Mapping[str, Any]) -> ShownFigure:
    mean = Mean(tuple(map(float, facts["samples"])))
    ends = [None, None] if facts["low"] is None else list(mean.interval)
    return ShownFigure(name, mean.mean, ends[0], ends[1])


def _scenes(
    tuning: TuningProject, folder: Path, analysis: int, scenes: Sequence[Mapping[str, Any]]
) -> tuple[ShownScene, ...]:
    state = tuning.state()
    sources, without = _keys(tuning, state, analysis, len(scenes))
    return tuple(
        ShownScene(
            number=place + 1,
            label=str(scene["label"]),
            seed=int(scene["seed"]),
            source=sources[place],
            without=without[place],
            predicted=_predicted(folder, place + 1) is not None,
        )
        for place, scene in enumerate(scenes)
    )


def _keys(
    tuning: TuningProject, state: TuningState, analysis: int, count: int
) -> tuple[list[str | None], list[str | None]]:
    """By scene, the keys of the pictures with all blocks and without the LoRA, of those that are there."""
    plan = next((plan for plan in state.analysis_plans if plan.number == analysis), None)
    if plan is None or len(plan.scenes) != count:
        return [None] * count, [None] * count
    kept = tuning.project.pictures
    rows = ([row[0].key for row in analysis_jobs(state, plan)], [job.key for job in jobs_without(state, plan)])
    sources, without = ([key if kept.find(key) is not None else None for key in keys] for keys in rows)
    return sources, without


def _no_renderer() -> NoReturn:
    raise BlockweightError("A picture has vanished while the weights were reckoned; suggest them anew.")
