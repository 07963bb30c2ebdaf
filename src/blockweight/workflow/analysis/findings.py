"""What an analysis found, by whichever method, and how it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from blockweight.errors import BlockweightError
from blockweight.measure import (
    MOST_TOLD,
    EffectTable,
    InteractionTable,
    SeedDifference,
    StepMap,
    Suggestion,
    interactions_from,
    step_map_from,
    table_from,
)
from blockweight.plan import group_name
from blockweight.workflow.analysis.ask import REGION, AnalysisAsk
from blockweight.workflow.analysis.budget import Method
from blockweight.workflow.analysis.costs import Work
from blockweight.workflow.analysis.pictures import suggestions_of

FINDINGS = "findings.json"
"""The file in an analysis's folder."""


@dataclass(frozen=True, eq=False)
class Findings:
    """`table` has every block's effects. `steps` is what each block does at which step, of a probe; `interactions` are
    the pairs that were asked for. `yardstick` is what two seeds of a prompt differ by anyway, by aspect, where there
    are two. `work` is what finding it took, and `settings` all that decided it; `region` is what the masks cover. The
    blocks in `bounded` were not measured alone: their effects are those of the group that is named there, a bound. Of
    what is in `smaller`, an objective in a scene, slopes foretold more than pictures can show; it counts by this share.
    """

    method: Method
    table: EffectTable
    work: Work
    settings: Mapping[str, Any]
    region: str = ""
    steps: StepMap | None = None
    interactions: InteractionTable | None = None
    yardstick: Mapping[str, SeedDifference] | None = None
    bounded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    smaller: Mapping[str, float] = field(default_factory=dict)

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What the measured pictures suggest; nothing, where none were measured."""
        if self.method != "eba":
            return ()
        return suggestions_of(self.table, self.region or REGION, adaptive=bool(self.settings.get("adaptive")))

    @property
    def aims(self) -> tuple[str, ...]:
        """The objectives among the table's aspects: they may fall as well as rise."""
        return tuple(name for name in map(str, self.settings.get("aims", ())) if name in self.table.aspects)

    @property
    def in_levels(self) -> bool:
        """Whether CHANGE is in levels of finished pictures."""
        return self.method in ("eba", "screen", "bisect")

    def facts(self) -> dict[str, object]:
        """All of it as plain values that JSON keeps."""
        return {
            "method": self.method,
            "table": self.table.facts(),
            "work": {"pictures": self.work.pictures, "calls": self.work.calls},
            "settings": dict(self.settings),
            "region": self.region,
            "steps": None if self.steps is None else self.steps.facts(),
            "interactions": None if self.interactions is None else self.interactions.facts(),
            "yardstick": None
            if self.yardstick is None
            else {name: difference_facts(each) for name, each in self.yardstick.items()},
            "bounded": {block: list(group) for block, group in self.bounded.items()},
            "smaller": dict(self.smaller),
        }


def findings_from(facts: Mapping[str, Any]) -> Findings:
    """The findings that `facts` tells of; BlockweightError for anything else."""
    try:
        settings = dict(facts["settings"])
        if facts["method"] not in get_args(Method) or not isinstance(settings.get("aims", []), list):
            raise ValueError("no method, or no list of objectives")
        work = Work(int(facts["work"]["pictures"]), float(facts["work"]["calls"]))
        steps, pairs, yardstick = facts["steps"], facts["interactions"], facts["yardstick"]
        return Findings(
            method=facts["method"],
            table=table_from(facts["table"]),
            work=work,
            settings=settings,
            region=str(facts["region"]),
            steps=None if steps is None else step_map_from(steps),
            interactions=None if pairs is None else interactions_from(pairs),
            yardstick=None if yardstick is None else {str(name): _difference(told) for name, told in yardstick.items()},
            bounded={str(block): tuple(map(str, group)) for block, group in facts.get("bounded", {}).items()},
            smaller={str(name): float(share) for name, share in facts.get("smaller", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BlockweightError("This is no finished analysis, or it is damaged; analyse again.") from error


def difference_facts(difference: SeedDifference) -> dict[str, object]:
    """What two seeds differ by, as plain values."""
    interval = None if difference.interval is None else list(difference.interval)
    return {"mean": difference.mean, "interval": interval, "pairs": difference.pairs}


def _difference(told: Any) -> SeedDifference:
    """That of the facts; older files have the mean alone."""
    if not isinstance(told, Mapping):
        return SeedDifference(float(told))
    interval = None
    if told["interval"] is not None:
        low, high = told["interval"]
        interval = float(low), float(high)
    return SeedDifference(float(told["mean"]), interval, int(told["pairs"]))


def read_findings(folder: Path) -> Findings:
    """What the analysis in this folder found; BlockweightError if it is not there or cannot be read."""
    try:
        facts = json.loads((folder / FINDINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BlockweightError(
            f"What the analysis in '{folder}' found cannot be read ({type(error).__name__}); analyse again, its "
            "pictures are kept."
        ) from error
    if not isinstance(facts, dict):
        raise BlockweightError(f"'{folder / FINDINGS}' is no finished analysis; analyse again.")
    return findings_from(facts)


def bounded_rows(findings: Findings) -> Iterator[tuple[str, str]]:
    """A setting that says which blocks were not measured alone; none where all were."""
    groups = dict.fromkeys(findings.bounded.values())
    if groups:
        yield (
            "Not measured alone",
            f"{', '.join(map(group_name, groups))}: their figures are those of the whole group, at most which each of "
            "its blocks does",
        )


def smaller_rows(findings: Findings) -> Iterator[tuple[str, str]]:
    """A setting that says which scenes were made smaller; none where none were."""
    if findings.smaller:
        told = ", ".join(f"{name} to {share:.0%}" for name, share in findings.smaller.items())
        yield (
            "Made smaller",
            f"{told}: the slopes foretold more than {MOST_TOLD:g} levels for all blocks together, as they do where a "
            "composition is about to tip; their order and signs count, their size does not",
        )


def settings_of(ask: AnalysisAsk, method: Method) -> dict[str, object]:
    """All that decides what a method finds, as plain values; what `eba` finds has always been told without a name."""
    return {**ask.facts(), **({} if method == "eba" else {"method": method})}


def blocks_by(table: EffectTable, aspect: str) -> Sequence[str]:
    """The measured blocks, strongest first."""
    effects = table.effects(aspect)
    return [effect.block for effect in sorted(effects, key=lambda effect: -abs(effect.mean))]
