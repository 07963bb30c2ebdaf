"""The numbers of a comparison: pictures of both sides in every scene, and the changes that both make block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from blockweight.lora import BlockConflict, Term, conflicts, open_lora
from blockweight.measure import (
    CHANGE,
    INSIDE,
    LIKENESS,
    OUTSIDE,
    Aim,
    Paired,
    Picture,
    Sampled,
    mean_difference,
    objective_change,
    paired,
    prompt_groups,
)
from blockweight.plan import Job
from blockweight.workflow.baking import weights_for
from blockweight.workflow.progress import Progress
from blockweight.workflow.trainings.asked import Pair, Setting, Side

Rows = Sequence[Mapping[Side | None, Job]]
"""A row a scene: jobs by side, None for the picture without the LoRA."""


@dataclass(frozen=True)
class Measured:
    """A pair in the scenes of a `group`: how far its pictures lie `apart` (mean absolute difference, levels), and by
    name what was read off both, in levels."""

    pair: Pair
    group: str
    apart: Sampled
    numbers: Mapping[str, Paired]


def measure_pictures(
    pairs: Sequence[Pair],
    settings: Sequence[Setting],
    rows: Rows,
    bleeding: Aim,
    picture: Callable[[Job], Picture],
) -> tuple[Measured, ...]:
    """Every pair in every group of scenes. CHANGE is the mean absolute difference from the picture without the LoRA,
    with a mask also inside and outside; the bleeding colour counts as its change from that picture. Likeness to a
    reference is inside the mask, in the whole picture without one."""
    found = []
    for group in dict.fromkeys(each.group for each in settings):
        chosen = [(each, row) for each, row in zip(settings, rows, strict=True) if each.group == group]
        groups = prompt_groups([each.shot.prompt for each, _ in chosen])
        for pair in pairs:
            apart = [mean_difference(picture(row[pair.first]), picture(row[pair.second])) for _, row in chosen]
            first, second = (
                [_numbers(each, picture(row[side]), picture(row[None]), bleeding) for each, row in chosen]
                for side in (pair.first, pair.second)
            )
            numbers = {
                name: paired(
                    [told[name] for told in first], [told[name] for told in second], groups, signed=_signed(name)
                )
                for name in first[0]
            }
            found.append(Measured(pair, group, Sampled(tuple(apart), groups), numbers))
    return tuple(found)


def change_of(side: Side, settings: Sequence[Setting], rows: Rows, picture: Callable[[Job], Picture]) -> Sampled:
    """How far a side's pictures are from those without the LoRA, in the scenes with no
    other LoRA beside, levels: what to measure others by."""
    chosen = [(each, row) for each, row in zip(settings, rows, strict=True) if not each.group]
    changes = (mean_difference(picture(row[side]), picture(row[None])) for _, row in chosen)
    return Sampled(tuple(changes), prompt_groups([each.shot.prompt for each, _ in chosen]))


def measure_blocks(pairs: Sequence[Pair], progress: Progress) -> dict[str, tuple[BlockConflict, ...]]:
    """Pair → ‖ΔW‖ of both sides in every block, block weights included, and the cosine between them; `all` last."""
    found = {}
    with progress.track("blocks", len(pairs)) as bar:
        for pair in pairs:
            found[pair.name] = conflicts(_term(pair.first), _term(pair.second))
            bar.advance()
    return found


def _term(side: Side) -> Term:
    lora = open_lora(side.lora)
    weights = weights_for(lora, side.weights, None, None)[0] if side.weights else None
    return Term(lora, 1.0, weights)


def _numbers(setting: Setting, shown: Picture, without: Picture, bleeding: Aim) -> dict[str, float]:
    mask, told = setting.mask, {CHANGE: mean_difference(shown, without)}
    if mask is not None:
        told[f"{CHANGE}:{INSIDE}"] = mean_difference(shown, without, mask)
        told[f"{CHANGE}:{OUTSIDE}"] = mean_difference(shown, without, ~mask)
        told[bleeding.name] = objective_change(bleeding.objective(mask), shown, without)
    if setting.reference is not None:
        aim = Aim(LIKENESS) if mask is None else Aim(LIKENESS, "inside")
        told[aim.name] = aim.objective(mask, setting.reference).value(shown)
    return told


def _signed(name: str) -> bool:
    return name.partition(":")[0] != CHANGE
