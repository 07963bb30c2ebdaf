"""Pictures of an analysis to numbers, and from them what is suggested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blockweight.measure import (
    DIFF,
    NOISE_FLOOR,
    EffectTable,
    Mask,
    Objective,
    Picture,
    SequentialPlan,
    Suggestion,
    diff_percent,
    measure_aspects,
    next_step,
    objective_change,
    planned_looks,
    suggest_all,
)
from blockweight.workflow.analysis.ask import AnalysisAsk


def empty_values(ask: AnalysisAsk) -> NDArray[np.float64]:
    """(aspects, blocks, scenes) of the ask's table, nothing measured yet."""
    return np.full((len(ask.columns), len(ask.blocks), len(ask.scenes)), np.nan)


def table_of(ask: AnalysisAsk, values: NDArray[np.float64]) -> EffectTable:
    """The ask's table with these values."""
    return EffectTable(ask.columns, ask.blocks, ask.scene_names, values, signed=aims_of(ask))


def aims_of(ask: AnalysisAsk) -> frozenset[str]:
    """The columns that may fall as well as rise."""
    return frozenset(aim.name for aim in ask.aims)


def measured(
    ask: AnalysisAsk, picture: Picture, source: Picture, mask: Mask | None, objectives: Mapping[str, Objective]
) -> list[float]:
    """Each of the ask's columns of one pair of pictures, in order."""
    sizes = [column for column in ask.columns if column != DIFF and column not in objectives]
    found = dict(zip(sizes, measure_aspects(sizes, picture, source, mask, ask.embedder), strict=True))
    found[DIFF] = diff_percent(picture, source, ask.threshold)
    found |= {name: objective_change(objective, picture, source) for name, objective in objectives.items()}
    return [found[column] for column in ask.columns]


def suggestions_of(table: EffectTable, region: str, *, adaptive: bool = False) -> tuple[Suggestion, ...]:
    """What the table suggests for every block that it can tell of; of an adaptive analysis, what each block's last look
    said."""
    if adaptive and len(table.scenes) > 1:
        step = next_step(table, SequentialPlan(planned_looks(len(table.scenes)), region=region))
        said = step.open | step.decided
        return tuple(said[block] for block in table.blocks if block in said)
    effects = table.block_effects()
    return suggest_all(effects, NOISE_FLOOR, region=region) if effects else ()


def joined(tables: Sequence[EffectTable]) -> EffectTable:
    """Tables of the same blocks and aspects in other scenes, as one."""
    first = tables[0]
    scenes = tuple(scene for table in tables for scene in table.scenes)
    return replace(first, scenes=scenes, values=np.concatenate([table.values for table in tables], axis=2))
