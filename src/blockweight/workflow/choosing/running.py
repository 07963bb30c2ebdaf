"""A search by preference in a project: begun, its rounds rendered with pauses, judged, ended, and its best taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, Scene, Variant
from blockweight.project import (
    CHOICE_MADE,
    CHOICES_PLANNED,
    CHOOSING_BEGUN,
    CHOOSING_ENDED,
    FEW,
    PLANE,
    PREFERRED,
    SIDE,
    ChoiceRound,
    Choosing,
    TuningState,
    choice_body,
    choosing_body,
    planned_choices_body,
)
from blockweight.render import Renderer
from blockweight.workflow.choosing.asking import ChoosingAsked, ask_choosing
from blockweight.workflow.choosing.proposing import few_round, plane_round, standing
from blockweight.workflow.places import check_places
from blockweight.workflow.progress import Progress
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost, RenderedPart, cost_of, jobs_in_scenes, render_jobs

_LETTERS = "ABCDEFGHI"


def begin_choosing(tuning: TuningProject, asked: ChoosingAsked, *, event_id: str = "") -> TuningState:
    """Begin a search by preference with its first round; one that is begun is ended by it."""
    return tuning.log.add(CHOOSING_BEGUN, lambda _: choosing_body(ask_choosing(tuning, asked)), event_id=event_id)


def choosing_of(state: TuningState) -> Choosing:
    """The search by preference that is begun. BlockweightError if there is none."""
    if state.choosing is None:
        raise BlockweightError("Nothing is being chosen by preference; begin with 'blockweight tune prefer'.")
    return state.choosing


def plan_plane(tuning: TuningProject, *, plane: bool, event_id: str = "") -> TuningState:
    """Show a plane in place of the round that is to be judged, or a few weights again; the rounds after it are of the
    same kind. BlockweightError for a plane of a single segment."""

    def body(state: TuningState) -> Mapping[str, object]:
        choosing = choosing_of(state)
        return planned_choices_body(choosing, _next(choosing, PLANE if plane else FEW))

    if choosing_of(tuning.state()).open.kind == (PLANE if plane else FEW):
        return tuning.state()
    return tuning.log.add(CHOICES_PLANNED, body, event_id=event_id)


def judge(
    tuning: TuningProject,
    best: str = "",
    worst: str = "",
    *,
    number: int | None = None,
    event_id: str = "",
) -> TuningState:
    """Say which pictures of the round are the best and, if you like, the worst, by their names (`place_names`); no
    `best` says that none differs. The next round is planned with it, of the same kind. `number` is that of the round
    that was looked at, from 1 (None: the one that is to be judged).

    BlockweightError for a name that there is not, a round that is not rendered whole or is judged already.
    """

    def body(state: TuningState) -> Mapping[str, object]:
        choosing = choosing_of(state)
        if number is not None and number != len(choosing.rounds):
            raise BlockweightError("Another round is to be judged by now; look at the project again.")
        if tuning.project.missing(choice_jobs(state, choosing)):
            raise BlockweightError("The round is not rendered whole yet, so none can be called the best; render it.")
        said = choosing.open.said(_place(choosing.open, best), _place(choosing.open, worst))
        after = replace(choosing, rounds=(*choosing.judged, said, said))
        then = few_round(after) if said.kind == FEW else plane_round(after)
        return choice_body(choosing, said.best, said.worst, then)

    return tuning.log.add(CHOICE_MADE, body, event_id=event_id)


def end_choosing(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """End it; its pictures are kept, and undo brings it back."""
    return tuning.log.add(CHOOSING_ENDED, lambda state: {"choosing": choosing_of(state).number}, event_id=event_id)


def take_preferred(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Set the project's weights to the best so far; undo takes them back. The step carries its evidence.
    BlockweightError before anything was judged."""

    def body(state: TuningState) -> Mapping[str, object]:
        choosing = choosing_of(state)
        if not choosing.judged:
            raise BlockweightError("Nothing was judged yet, so there is no best to take; judge a round first.")
        stands = standing(choosing)
        weights = choosing.weights_of(stands.best, choosing.weights.name)
        evidence = {
            "rounds": len(choosing.judged),
            "best_of_shown": round(stands.surest, 3),
            "better_elsewhere": round(stands.better, 3),
            "seed": choosing.seed,
            "scenes": [{"label": scene.label, "seed": scene.seed, "prompt": scene.prompt} for scene in choosing.scenes],
        }
        made = {"name": weights.name, "values": list(weights.values), "rest": weights.rest}
        return {"choosing": choosing.number, **made, "evidence": evidence}

    return tuning.log.add(PREFERRED, body, event_id=event_id)


def render_choices(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the round that is to be judged lacks; stops and kills as in `tuning_rounds.render_round`."""
    state = tuning.state()
    choosing = choosing_of(state)
    missing = len(tuning.project.missing(choice_jobs(state, choosing)))
    if not missing:
        return RenderedPart(0, 0)
    state = check_places(tuning.log, choosing.scenes)
    jobs = choice_jobs(state, choosing_of(state))
    return render_jobs(tuning.project, jobs, missing, "The choices", make_renderer, progress, stopped)


def choosing_cost(tuning: TuningProject, choosing: Choosing) -> Cost:
    """What is there of the round that is to be judged, and what the rest takes."""
    return cost_of(tuning.project, choice_jobs(tuning.state(), choosing))


def round_scenes(choosing: Choosing, shown: ChoiceRound) -> tuple[Scene, ...]:
    """The scenes that a round is shown in."""
    return choosing.scenes if shown.kind == FEW else choosing.scenes[:1]


def choice_jobs(state: TuningState, choosing: Choosing, shown: ChoiceRound | None = None) -> tuple[Job, ...]:
    """The pictures of a round (None: the one that is to be judged), scene by scene, in the order in which they are
    shown."""
    shown = choosing.open if shown is None else shown
    variants = [Variant(choosing.weights.name, choosing.weights_of(point, choosing.weights.name))
                for point in shown.points]  # fmt: skip
    return jobs_in_scenes(state.lora, round_scenes(choosing, shown), variants)


def place_names(shown: ChoiceRound) -> tuple[str, ...]:
    """What the places of a round are called: A, B, …, of a plane A1 to E5, a letter a row from the top."""
    if shown.kind == FEW:
        return tuple(_LETTERS[: len(shown.points)])
    return tuple(f"{letter}{column}" for letter in _LETTERS[:SIDE] for column in range(1, SIDE + 1))


def _place(shown: ChoiceRound, name: str) -> int | None:
    """The place of this name; None for no name."""
    names, plain = place_names(shown), name.strip().upper()
    if not plain:
        return None
    if plain not in names:
        raise BlockweightError(f"The round has no picture {quoted(name)}; they are called {names[0]} to {names[-1]}.")
    return names.index(plain)


def _next(choosing: Choosing, kind: str) -> ChoiceRound:
    if kind == FEW:
        return few_round(choosing)
    if len(choosing.segments) < 2:
        raise BlockweightError("A plane needs two segments, and there is one; begin again with more of them.")
    return plane_round(choosing)
