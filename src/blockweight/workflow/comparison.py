"""Compare any weights in any of a project's scenes: plan it, render it with pauses, look at it, vote on it blind."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, Scene, Variant
from blockweight.project import (
    COMPARED,
    REVEALED,
    UNVOTED,
    VOTED,
    Comparison,
    TuningState,
    comparison_body,
)
from blockweight.render import Renderer
from blockweight.weights import BlockWeights, convert_for
from blockweight.workflow.baking import read_weights_for
from blockweight.workflow.hint_table import load_hints
from blockweight.workflow.progress import Progress
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tuning_project import TuningProject, family_of
from blockweight.workflow.tuning_rounds import (
    CURRENT,
    Column,
    Cost,
    RenderedPart,
    RoundGrid,
    cost_of,
    grid_of,
    jobs_in_scenes,
    render_missing,
)

MOST_VARIANTS = 26
"""Of a comparison: more columns nobody looks through."""

MOST_BLIND = 9
"""Of a blind one, whose variants are chosen by the keys 1 to 9."""

_STEP = re.compile(r"step\s+(\d{1,15})", re.ASCII | re.IGNORECASE)
_HINT = re.compile(r"hint\s+(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Typed:
    """What a person types for a comparison: the variants, each in a text of its own (see `read_variant`), the numbers
    of the scenes from 1 (none: all), the fill for blocks that a text lacks, a preset book, and whether it is blind."""

    variants: tuple[str, ...]
    scenes: tuple[int, ...] = ()
    fill: float | None = None
    book: Path | None = None
    blind: bool = False


@dataclass(frozen=True)
class Planned:
    """A comparison before it is begun: variants, scenes, and what it costs."""

    variants: tuple[Variant, ...]
    scenes: tuple[Scene, ...]
    cost: Cost


def read_variant(
    tuning: TuningProject, text: str, *, fill: float | None = None, book: Path | None = None, name: str = "weights"
) -> Variant:
    """A variant from its text: `no LoRA`, `current` (the project's weights now), `step 12` (those at that step of the
    history), `hint NAME`, or weights in any notation, presets by name among them; `name` is for weights without one.

    BlockweightError for what is none of these, or does not fit the project's LoRA.
    """
    state, plain = tuning.state(), text.strip()
    if not plain:
        raise BlockweightError("A variant is empty; write weights, no LoRA, current, step NUMBER, or hint NAME.")
    if plain.casefold() == NO_LORA.label.casefold():
        return NO_LORA
    if plain.casefold() == CURRENT:
        return Variant(f"step {state.head}", state.weights)
    if found := _STEP.fullmatch(plain):
        return Variant(f"step {int(found[1])}", tuning.log.weights_at(int(found[1])))
    family, blocks = family_of(state), state.subject.blocks
    if found := _HINT.fullmatch(plain):
        hint = load_hints().find(found[1].strip())
        return Variant(hint.name, convert_for(hint.weights, family.layout, blocks, fill).weights)
    weights, _ = read_weights_for(family, blocks, plain, fill, name=name, book=book)
    return Variant(weights.name, weights)


def read_variants(tuning: TuningProject, typed: Typed) -> tuple[Variant, ...]:
    """The variants, each of a name of its own. BlockweightError for what cannot be read, and for equal ones."""
    if not 2 <= len(typed.variants) <= MOST_VARIANTS:
        raise BlockweightError(
            f"{len(typed.variants)} variants cannot be compared; give from 2 to {MOST_VARIANTS} of them."
        )
    if typed.blind and len(typed.variants) > MOST_BLIND:
        raise BlockweightError(
            f"A blind comparison is voted on by the keys 1 to {MOST_BLIND}; leave out some of the variants."
        )
    made: list[Variant] = []
    for number, text in enumerate(typed.variants, 1):
        variant = read_variant(tuning, text, fill=typed.fill, book=typed.book, name=f"weights {number}")
        twin = next((other for other in made if _same(other.weights, variant.weights)), None)
        if twin is not None:
            raise BlockweightError(
                f"{quoted(text)} is the same as {quoted(twin.label)}, so there is nothing to compare; leave one out."
            )
        made.append(replace(variant, label=free_label(variant.label, {other.label for other in made})))
    return tuple(made)


def free_label(label: str, taken: Collection[str]) -> str:
    """The label, or with a number where it is taken.

    >>> free_label("ALL", {"ALL", "ALL (2)"})
    'ALL (3)'
    """
    numbered = (f"{label} ({number})" for number in range(2, len(taken) + 3))
    return label if label not in taken else next(each for each in numbered if each not in taken)


def preview_comparison(tuning: TuningProject, typed: Typed) -> Planned:
    """The comparison that `plan_comparison` would begin now; nothing is written. BlockweightError likewise."""
    state, variants = tuning.state(), read_variants(tuning, typed)
    scenes = _chosen(state, typed.scenes)
    return Planned(variants, scenes, cost_of(tuning.project, jobs_in_scenes(state.lora, scenes, variants)))


def plan_comparison(tuning: TuningProject, typed: Typed, *, event_id: str = "") -> TuningState:
    """Begin a comparison. The weights stay as they are now, whatever is tuned later. BlockweightError for fewer than
    two variants, equal or unreadable ones, and scenes that the project does not have."""
    variants = read_variants(tuning, typed)
    seed = secrets.randbits(32)

    def body(state: TuningState) -> Mapping[str, object]:
        return comparison_body(variants, _chosen(state, typed.scenes), seed, blind=typed.blind)

    return tuning.log.add(COMPARED, body, event_id=event_id)


def compare_again(tuning: TuningProject, number: int, *, blind: bool, event_id: str = "") -> TuningState:
    """Begin the same comparison once more, open or blind, in a new order; its pictures are there already."""
    seed = secrets.randbits(32)

    def body(state: TuningState) -> Mapping[str, object]:
        found = find_comparison(state, number)
        if blind and len(found.variants) > MOST_BLIND:
            raise BlockweightError(
                f"A blind comparison is voted on by the keys 1 to {MOST_BLIND}, and this one has "
                f"{len(found.variants)} variants; plan one with fewer."
            )
        return comparison_body(found.variants, found.scenes, seed, blind=blind)

    return tuning.log.add(COMPARED, body, event_id=event_id)


def find_comparison(state: TuningState, number: int | None = None) -> Comparison:
    """The comparison of this number, None for the latest; BlockweightError if there is none."""
    found = next((each for each in reversed(state.comparisons) if number in (None, each.number)), None)
    if found is None:
        what = "no comparison yet" if number is None else f"no comparison {number}"
        raise BlockweightError(f"There is {what}; plan one with 'blockweight tune compare'.")
    return found


def render_comparison(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
    number: int | None = None,
) -> RenderedPart:
    """Render what the comparison of this number (None: the latest) lacks; stops and kills as in `render_round`."""

    def jobs(state: TuningState) -> tuple[Job, ...]:
        found = find_comparison(state, number)
        return jobs_in_scenes(state.lora, found.scenes, found.variants)

    return render_missing(tuning, "Comparison", jobs, make_renderer, progress, stopped)


def comparison_cost(tuning: TuningProject, number: int | None = None) -> Cost:
    """What is there of a comparison, and what the rest takes."""
    state = tuning.state()
    found = find_comparison(state, number)
    return cost_of(tuning.project, jobs_in_scenes(state.lora, found.scenes, found.variants))


def comparison_grid(tuning: TuningProject, number: int | None = None) -> RoundGrid:
    """A comparison's pictures: a row a scene, a column a variant. While its labels are hidden, the columns are places,
    called 1, 2, …, and every row has an order of its own (`Comparison.order`)."""
    state = tuning.state()
    found = find_comparison(state, number)
    columns = tuple(_column(state, variant) for variant in found.variants)
    grid = grid_of(tuning.project, state.lora, found.scenes, columns)
    if not found.hidden:
        return grid
    orders = [found.order(row) for row in range(len(found.scenes))]
    places = tuple(Column(str(place), "variant", None) for place in range(1, len(columns) + 1))
    return RoundGrid(
        places,
        grid.scenes,
        tuple(tuple(keys[at] for at in order) for keys, order in zip(grid.keys, orders, strict=True)),
        tuple(tuple(ready[at] for at in order) for ready, order in zip(grid.ready, orders, strict=True)),
    )


def vote(
    tuning: TuningProject,
    row: int,
    best: int | None,
    worst: int | None = None,
    *,
    number: int | None = None,
    event_id: str = "",
) -> TuningState:
    """Vote on a row of a blind comparison (None: the latest), row and places counted from 1 as they are shown: the best
    of its pictures, and the worst if you like; no `best` says that none differs. A later vote on the row replaces it.

    BlockweightError for a row or a place that there is not, a row that is not rendered whole, and once the labels are
    revealed.
    """

    def body(state: TuningState) -> Mapping[str, object]:
        found = find_comparison(state, number)
        if not 1 <= row <= len(found.scenes):
            raise BlockweightError(f"The comparison has no row {row}; it has {len(found.scenes)}.")
        if not all(comparison_grid(tuning, found.number).ready[row - 1]):
            raise BlockweightError(f"Row {row} is not rendered whole yet, so none can be called the best; render it.")
        order = found.order(row - 1)
        for place in (best, worst):
            if place is not None and not 1 <= place <= len(order):
                raise BlockweightError(f"The row has no picture {place}; they are counted from 1 to {len(order)}.")
        chosen = {
            "best": None if best is None else order[best - 1],
            "worst": None if worst is None else order[worst - 1],
        }
        return {"comparison": found.number, "row": row - 1, **chosen}

    return tuning.log.add(VOTED, body, event_id=event_id)


def undo_vote(tuning: TuningProject, *, number: int | None = None, event_id: str = "") -> TuningState:
    """Take the latest vote back; the one before it on its row, if any, stands again."""
    return tuning.log.add(
        UNVOTED, lambda state: {"comparison": find_comparison(state, number).number}, event_id=event_id
    )


def reveal(tuning: TuningProject, *, number: int | None = None, event_id: str = "") -> TuningState:
    """Show what is what, and close the votes."""
    return tuning.log.add(
        REVEALED, lambda state: {"comparison": find_comparison(state, number).number}, event_id=event_id
    )


def _column(state: TuningState, variant: Variant) -> Column:
    if variant.weights is None:
        return Column(variant.label, "without", None)
    now = _same(variant.weights, state.weights)
    return Column(variant.label, "current" if now else "variant", variant.weights)


def _same(one: BlockWeights | None, other: BlockWeights | None) -> bool:
    """Whether two variants give the same pictures."""
    if one is None or other is None:
        return one is other
    return (one.values, one.rest) == (other.values, other.rest)


def _chosen(state: TuningState, numbers: Sequence[int]) -> tuple[Scene, ...]:
    for number in numbers:
        if not 1 <= number <= len(state.scenes):
            raise BlockweightError(f"The project has no scene {number}; its scenes are 1 to {len(state.scenes)}.")
    chosen = [state.scenes[number - 1] for number in dict.fromkeys(numbers)]
    return tuple(chosen) or state.scenes
