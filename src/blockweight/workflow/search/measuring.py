"""A search's pictures: what to render for weights, and what each wish finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import (
    Eye,
    Mask,
    Picture,
    Wish,
    WishScene,
    estimate,
    parse_wishes,
    prompt_groups,
)
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.project import SearchPlan, Span, TargetStore, TuningState
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.search.also import scene_with
from blockweight.workflow.search.asking import plan_references
from blockweight.workflow.search.picture_model import eyes_of
from blockweight.workflow.tuning_project import TuningProject

Row = tuple[float | None, ...]
"""What one wish found, scene by scene; None where it could not be told."""


@dataclass(frozen=True, eq=False)
class Gauge:
    """Some of a search's scenes, and what pictures in them are measured by: `beside` begins with the picture without
    the LoRA and that with all of it, and where `two` are searched, that with the other one alone."""

    bench: Bench
    lora: LoraUse
    scenes: tuple[Scene, ...]
    masks: tuple[Mask, ...]
    target: Picture | None
    wishes: tuple[Wish, ...]
    beside: tuple[Variant, ...]
    two: bool = False
    eyes: tuple[Eye | None, ...] = ()

    def jobs(self, variants: Sequence[Variant]) -> list[Job]:
        """Every variant in every scene, scene by scene."""
        return [Job(scene_with(scene, each), self.lora, each) for scene in self.scenes for each in variants]

    def begin(self, title: str, further: Sequence[Variant] = ()) -> None:
        """Render what pictures are compared with, and these."""
        self.bench.render(title, self.jobs([*self.beside, *further]))

    def pictures(self, variant: Variant) -> list[Picture]:
        """One a scene, rendered."""
        return [self.bench.picture(job) for job in self.jobs([variant])]

    def rows(self, variant: Variant) -> tuple[Row, ...]:
        """What each wish finds, all pictures rendered."""
        pairs = list(zip(self.pictures(variant), self.measured_by, strict=True))
        return tuple(tuple(wish.value(picture, scene) for picture, scene in pairs) for wish in self.wishes)

    def means(self, variant: Variant) -> tuple[float, ...]:
        """The mean of each wish over the scenes that tell. BlockweightError if none does."""
        return tuple(_mean(wish, row) for wish, row in zip(self.wishes, self.rows(variant), strict=True))

    def spans(self, variant: Variant) -> tuple[Span, ...]:
        """The same with 95 % intervals, in which scenes of one prompt hang together."""
        return tuple(self._span(wish, row) for wish, row in zip(self.wishes, self.rows(variant), strict=True))

    def _span(self, wish: Wish, row: Row) -> Span:
        mean = _mean(wish, row)
        told = [(value, scene.prompt) for value, scene in zip(row, self.scenes, strict=True) if value is not None]
        if len(told) < 2:
            return Span(mean)
        found = estimate([value for value, _ in told], prompt_groups([prompt for _, prompt in told]))
        return Span(mean, *found.interval())

    @cached_property
    def measured_by(self) -> tuple[WishScene, ...]:
        """What the scenes' pictures are measured by, one a scene, once `begin` has rendered it."""
        without, everything, *others = (self.pictures(variant) for variant in self.beside[: 3 if self.two else 2])
        masks: Sequence[Mask | None] = self.masks or [None] * len(self.scenes)
        alone: Sequence[Picture | None] = others[0] if others else [None] * len(self.scenes)
        eyes = self.eyes or [None] * len(self.scenes)
        rows = zip(without, everything, masks, alone, eyes, strict=True)
        return tuple(WishScene(bare, whole, mask, self.target, other, eye) for bare, whole, mask, other, eye in rows)


def gauges(tuning: TuningProject, state: TuningState, plan: SearchPlan, bench: Bench) -> tuple[Gauge, Gauge]:
    """Of the scenes that are searched in, and of those held out."""
    wishes, beside, two = parse_wishes(plan.wishes), plan_references(state, plan), plan.also is not None
    target = TargetStore(tuning.folder).load(plan.target) if plan.target else None
    eyes, count = eyes_of(tuning, state, plan), len(plan.scenes)
    searched, held = (
        Gauge(
            bench, state.lora, scenes, tuple(mask_of(tuning, name) for name in masks), target, wishes, beside, two, seen
        )
        for scenes, masks, seen in (
            (plan.scenes, plan.masks, eyes[:count]),
            (plan.held, plan.held_masks, eyes[count:]),
        )
    )
    return searched, held


def _mean(wish: Wish, row: Row) -> float:
    told = [value for value in row if value is not None]
    if not told:
        raise BlockweightError(
            f"{quoted(wish.name)} cannot be told in any scene: there the LoRA changes nothing that could be kept or "
            "go; use other scenes, or another objective."
        )
    return sum(told) / len(told)
