"""The history of a project: every step that a person took, as a tree in which undo, redo and branch move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.plan import LoraUse, Scene
from blockweight.project.analyses import ANALYSED, PLANS, SUGGESTED, Analyses, AnalysisFacts, AnalysisPlan
from blockweight.project.bakes import BAKED, Bake, bake_from
from blockweight.project.choices import Choosing
from blockweight.project.comparisons import COMPARING, Comparison, Comparisons, next_comparisons
from blockweight.project.events import Event
from blockweight.project.plain import Body, text_in, whole_in, words_in
from blockweight.project.plots import PLOTTING, BegunPlot, Plots, next_plots
from blockweight.project.searches import SEARCHING, Searches, SearchPlan, next_searches
from blockweight.project.state import (
    ACTIONS,
    CREATED,
    AppliedSuggestion,
    Point,
    Subject,
    TunedRound,
    first_point,
    next_point,
)
from blockweight.project.transfers import TRANSFERRING, PlannedTransfer, Transfers, next_transfers
from blockweight.weights import BlockWeights

UNDONE = "undone"
REDONE = "redone"
BRANCHED = "branched"
LOCATED = "located"
RENAMED = "renamed"

_BESIDE = COMPARING | TRANSFERRING | PLOTTING | SEARCHING
_TUNING = ACTIONS | PLANS | _BESIDE | {UNDONE, REDONE, BRANCHED, LOCATED, RENAMED, BAKED}

_Beside = tuple[Comparisons, Transfers, Plots, Searches]

_MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Step:
    """One step: its event's number, time (ISO 8601, UTC), kind and body, and the step before it (None for the first).
    `active` if it is on the way from the first step to where the project stands."""

    number: int
    time: str
    kind: str
    body: Body
    parent: int | None
    active: bool


@dataclass(frozen=True)
class RoundStep:
    """A round in the tree of rounds. `parent` is the number of the round that it was planned after, None for the first;
    `tip` the step that shows how the round ended, to go back to: on the active way the last, else the latest.
    `round` and `scenes` are as they are there."""

    round: TunedRound
    scenes: tuple[Scene, ...]
    parent: int | None
    tip: int
    active: bool


@dataclass(frozen=True)
class TuningState:
    """A project as it stands. `version` is the number of the log's latest event; `head` that of the step at which the
    project stands. Paths of the LoRA and the checkpoints are where they were last seen on this machine, or their bare
    file names (`unplaced` has those digests). `sequence` is the largest that any decision carried. `plots` name their
    files alone (`placed_plot`), since they may have thousands of cells."""

    version: int
    head: int
    subject: Subject
    name: str
    lora: LoraUse
    scenes: tuple[Scene, ...]
    weights: BlockWeights
    fixed: tuple[str, ...]
    applied: Mapping[str, AppliedSuggestion]
    analyses: tuple[AnalysisFacts, ...]
    analysis_plans: tuple[AnalysisPlan, ...]
    round: TunedRound | None
    rounds: tuple[RoundStep, ...]
    steps: tuple[Step, ...]
    undo: Step | None
    redo: Step | None
    sequence: int
    places: Mapping[str, Mapping[str, Any]]
    comparisons: tuple[Comparison, ...]
    transfers: tuple[PlannedTransfer, ...]
    plots: tuple[BegunPlot, ...]
    searches: tuple[SearchPlan, ...]
    choosing: Choosing | None
    bakes: tuple[Bake, ...]

    @property
    def unplaced(self) -> dict[str, str]:
        """Digest → file name of the LoRA and the scenes' files that nobody has said the place of, on this machine."""
        needed = {self.subject.digest: self.subject.lora}
        needed |= {held.digest: held.path for scene in self.scenes for held in scene.files}
        return {digest: name for digest, name in needed.items() if digest not in self.places}


def placed_plot(state: TuningState, plot: BegunPlot) -> BegunPlot:
    """A plot with its files where they were last seen on this machine."""

    def path(digest: str, name: str) -> str:
        place = state.places.get(digest)
        return name if place is None else str(place["path"])

    return plot.moved(path)


def no_step(step: int) -> BlockweightError:
    """There is no step of this number."""
    return BlockweightError(f"The history has no step {step}; see 'blockweight tune history'.")


class History:
    """The fold over a project's events. Every step keeps the point that it led to, so that undo, redo and branch only
    move."""

    def __init__(self) -> None:
        self.version = 0
        self.ids: set[str] = set()
        self._steps: dict[int, Step] = {}
        self._points: dict[int, Point] = {}
        self._head = 0
        self._redo: tuple[int, ...] = ()
        self._analyses = Analyses()
        self._places: dict[str, Mapping[str, Any]] = {}
        self._sequence = 0
        self._comparisons: Comparisons = {}
        self._transfers: Transfers = {}
        self._plots: Plots = {}
        self._searches: Searches = {}
        self._bakes: tuple[Bake, ...] = ()
        self._name = ""

    @property
    def created(self) -> bool:
        """Whether the log tells of a tuning project at all."""
        return self._head != 0

    def add(self, event: Event) -> None:
        """Take the next event in. One whose id is known, or that does not fit where the project stands, changes
        nothing. BlockweightError for one that no version wrote."""
        try:
            self._add(event)
        except _MALFORMED as error:
            raise BlockweightError(
                f"Event {event.number} of the project's log ('{event.kind}') cannot be read ({type(error).__name__}); "
                "put a copy of the project back, or update Blockweight if a newer one wrote it."
            ) from error
        self.version = event.number

    def check(self, kind: str, body: Body) -> bool:
        """Whether such an event would change anything now; BlockweightError, with the reason, if it does not fit."""
        try:
            return self._check(kind, body)
        except _MALFORMED as error:
            raise BlockweightError(f"This cannot be recorded ({error}); check what was given.") from error

    def _check(self, kind: str, body: Body) -> bool:
        if kind == CREATED:
            first_point(body)
            words_in(body, "name")
            return not self.created
        if kind in ACTIONS:
            return next_point(self._points[self._head], self.version + 1, kind, body) is not None
        if kind in PLANS or (kind == ANALYSED and "plan" in body):
            return self._analyses.check(self.version + 1, kind, body, self._points[self._head].subject.layout)
        if kind in _BESIDE:
            return self._beside(Event(self.version + 1, "", kind, body)) is not None
        if kind == BAKED:
            bake_from(self.version + 1, "", body)
            return True
        return self._moves(kind, body)

    def _moves(self, kind: str, body: Body) -> bool:
        if kind == RENAMED:
            return words_in(body, "name") != self._name
        if kind == UNDONE and self._steps[self._head].parent is None:
            raise BlockweightError("There is nothing to undo.")
        if kind == REDONE and not self._redo:
            raise BlockweightError("There is nothing to redo.")
        if kind == BRANCHED and body["to"] not in self._steps:
            raise no_step(body["to"])
        return kind != BRANCHED or body["to"] != self._head

    def _add(self, event: Event) -> None:
        body, kind = event.body, event.kind
        if kind == CREATED:
            if not self.created:
                self._place(body)
                self._name = words_in(body, "name")
                self._step(event, None, first_point(body))
            return
        if kind in {SUGGESTED, ANALYSED}:
            self._analyses.add_found(event.number, kind, body)
        if not self.created or kind not in _TUNING or text_in({"id": "", **body}, "id") in self.ids:
            return
        if body.get("id"):
            self.ids.add(body["id"])
        self._place(body)
        self._sequence = max(self._sequence, whole_in({"sequence": 0, **body}, "sequence"))
        if kind in ACTIONS:
            self._act(event)
        elif kind in PLANS:
            self._analyses.add(event.number, kind, body, self._points[self._head].subject.layout)
        elif kind in _BESIDE:
            with suppress(BlockweightError):
                self._set_beside(self._beside(event) or self._now_beside)
        elif kind == BAKED:
            self._bakes = (*self._bakes, bake_from(event.number, event.time, body))
        else:
            self._move(kind, body)

    def _act(self, event: Event) -> None:
        try:
            point = next_point(self._points[self._head], event.number, event.kind, event.body)
        except BlockweightError:
            return
        if point is not None:
            self._step(event, self._head, point)

    def _step(self, event: Event, parent: int | None, point: Point) -> None:
        self._steps[event.number] = Step(event.number, event.time, event.kind, event.body, parent, active=False)
        self._points[event.number] = point
        self._head, self._redo = event.number, ()

    @property
    def _now_beside(self) -> _Beside:
        return self._comparisons, self._transfers, self._plots, self._searches

    def _set_beside(self, beside: _Beside) -> None:
        self._comparisons, self._transfers, self._plots, self._searches = beside

    def _beside(self, event: Event) -> _Beside | None:
        """What stands beside the steps after an event of it; None if that says what is known."""
        layout = self._points[self._head].subject.layout
        number, kind, body = event.number, event.kind, event.body
        compared, moved, drawn, searched = self._now_beside
        if kind in COMPARING:
            made = next_comparisons(compared, number, event.time, kind, body, layout)
            return None if made is None else (made, moved, drawn, searched)
        if kind in PLOTTING:
            plots = next_plots(drawn, number, event.time, kind, body)
            return None if plots is None else (compared, moved, plots, searched)
        if kind in SEARCHING:
            searches = next_searches(searched, number, kind, body, layout)
            return None if searches is None else (compared, moved, drawn, searches)
        transfers = next_transfers(moved, number, kind, body, layout)
        return None if transfers is None else (compared, transfers, drawn, searched)

    def _move(self, kind: str, body: Body) -> None:
        parent = self._steps[self._head].parent
        if kind == UNDONE and parent is not None:
            self._head, self._redo = parent, (self._head, *self._redo)
        elif kind == REDONE and self._redo:
            self._head, *rest = self._redo
            self._redo = tuple(rest)
        elif kind == BRANCHED and whole_in(body, "to") in self._steps and body["to"] != self._head:
            self._head, self._redo = body["to"], ()
        elif kind == RENAMED:
            self._name = words_in(body, "name")

    def _place(self, body: Body) -> None:
        for digest, place in body.get("places", {}).items():
            self._places[digest] = {"path": text_in(place, "path"), "stamp": text_in(place, "stamp")}

    def state(self) -> TuningState:
        """The project as it stands."""
        point, way = self._points[self._head], set(self._way())
        for number, step in self._steps.items():
            if step.active != (number in way):
                self._steps[number] = replace(step, active=number in way)
        steps = self._steps
        head = steps[self._head]
        lora = LoraUse(self._path(point.subject.digest, point.subject.lora), point.subject.digest,
                       point.subject.strength)  # fmt: skip
        return TuningState(
            version=self.version,
            head=self._head,
            subject=point.subject,
            name=self._name,
            lora=lora,
            scenes=tuple(map(self._placed, point.scenes)),
            weights=point.weights,
            fixed=point.fixed,
            applied=point.applied,
            analyses=self._analyses.facts,
            analysis_plans=tuple(
                replace(plan, scenes=tuple(map(self._placed, plan.scenes))) for plan in self._analyses.plans
            ),
            round=point.round if point.round is not None and point.round.open else None,
            rounds=tuple(self._rounds(way)),
            steps=tuple(steps.values()),
            undo=None if head.parent is None else head,
            redo=steps[self._redo[0]] if self._redo else None,
            sequence=self._sequence,
            places=dict(self._places),
            comparisons=tuple(
                replace(each, scenes=tuple(map(self._placed, each.scenes))) for each in self._comparisons.values()
            ),
            transfers=tuple(map(self._placed_transfer, self._transfers.values())),
            plots=tuple(self._plots.values()),
            searches=tuple(map(self._placed_search, self._searches.values())),
            choosing=self._placed_choosing(point.choosing),
            bakes=self._bakes,
        )

    def weights_at(self, step: int) -> BlockWeights:
        """The weights at a step of the history. BlockweightError if there is none of this number."""
        if step not in self._points:
            raise no_step(step)
        return self._points[step].weights

    def _way(self) -> Iterator[int]:
        """The steps from where the project stands back to the first."""
        number: int | None = self._head
        while number is not None:
            yield number
            number = self._steps[number].parent

    def _rounds(self, way: set[int]) -> Iterator[RoundStep]:
        tips: dict[int, int] = {}
        for number, point in self._points.items():
            if point.round is None:
                continue
            tip = tips.get(point.round.number)
            if tip is None or number in way or tip not in way:
                tips[point.round.number] = number
        for number, tip in tips.items():
            planned, parent = self._points[tip], self._steps[number].parent
            before = None if parent is None else self._points[parent].round
            assert planned.round is not None
            scenes = tuple(map(self._placed, planned.scenes))
            yield RoundStep(planned.round, scenes, None if before is None else before.number, tip, number in way)

    def _placed(self, scene: Scene) -> Scene:
        return scene.moved(self._path)

    def _placed_transfer(self, planned: PlannedTransfer) -> PlannedTransfer:
        groups = (replace(group, scenes=tuple(map(self._placed, group.scenes))) for group in planned.groups)
        return replace(planned, groups=tuple(groups))

    def _placed_search(self, plan: SearchPlan) -> SearchPlan:
        scenes, held = (tuple(map(self._placed, those)) for those in (plan.scenes, plan.held))
        return replace(plan, scenes=scenes, held=held)

    def _placed_choosing(self, choosing: Choosing | None) -> Choosing | None:
        return None if choosing is None else replace(choosing, scenes=tuple(map(self._placed, choosing.scenes)))

    def _path(self, digest: str, name: str) -> str:
        place = self._places.get(digest)
        return name if place is None else str(place["path"])
