"""The least weight that every block needs, so that what the LoRA does where it should work stays, within a budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError
from blockweight.measure.effect_table import CHANGE, prompt_groups
from blockweight.measure.effects import NOISE_FLOOR, Effect, Signal
from blockweight.measure.gains import Mean
from blockweight.measure.intervals import INSIDE_SPREAD, PICTURE_SPREAD, t_interval
from blockweight.measure.limits import most_of
from blockweight.measure.pictures import Mask, Picture, diff_percent, mean_difference
from blockweight.measure.suggest import DIFF_FLOOR

_Values = NDArray[np.float32]
"""The channels of some of a picture's pixels, (n, 3) levels."""

LIMIT = 0.0
"""No block is lowered further, unless somebody says so."""

STEP = 0.05
"""Between the weights that are tried."""

MOST_WEIGHTS = 1000
"""Between the limit and the base: finer steps nobody sees."""

_ROUNDING = 1e-6
"""What 10 % may be over a tenth."""


@dataclass(frozen=True, eq=False)
class LoweredScene:
    """One scene's pictures, uint8 (H, W, 3): `source` with every block at the base, `changed[block]` with that block
    alone at the value, `without` the LoRA, None where there is none. `inside`, (H, W) bool, is where the LoRA should
    work. `changed` may read its pictures when they are asked for: each is asked for twice. Scenes of one `prompt` hang
    together."""

    source: Picture
    inside: Mask
    changed: Mapping[str, Picture]
    without: Picture | None = None
    prompt: str = ""


@dataclass(frozen=True)
class Budget:
    """What lowering may cost inside the mask, over the scenes and at the upper end of these scenes' own t interval, in
    which no leap is that none of them shows: `keep` is the share
    (0…1) of the LoRA's change that must stay (`Gain.kept`), `change` the mean levels (above 0) by which the pictures
    may change. One of the two is given; BlockweightError otherwise."""

    keep: float | None = None
    change: float | None = None

    def __post_init__(self) -> None:
        if (self.keep is None) == (self.change is None):
            raise BlockweightError("Say either what share must be kept inside the mask, or what may change there.")
        if self.keep is not None and not 0 < self.keep < 1:
            raise BlockweightError(f"What must be kept is a share between 0 and 100 %, not {100 * self.keep:g} %.")
        if self.change is not None and not 0 < self.change <= 255:
            raise BlockweightError(f"What may change must be above 0 and at most 255 levels, not {self.change:g}.")

    @property
    def allowed(self) -> float:
        """The most that may be lost: a share, or levels."""
        return 1 - self.keep if self.keep is not None else self.change or 0.0


class Why(Enum):
    """Why a block has the weight that it has."""

    HELD = "held"
    UNSETTLED = "unsettled"
    NOTHING = "nothing"
    LOWERED = "lowered"
    PARTLY = "partly"
    NEAREST = "nearest"
    SPENT = "spent"
    ASTRAY = "astray"
    INSIDE_ONLY = "inside only"


@dataclass(frozen=True)
class LeastWeight:
    """A block's weight and why. `inside` and `outside` are what it does at the analysis's value, in levels; `ratio` is
    outside to inside, each at least the noise floor; `loss` what lowering it alone to the value costs inside, in the
    budget's unit (below 0: a gain)."""

    block: str
    weight: float
    why: Why
    inside: Effect
    outside: Effect
    ratio: float
    loss: Mean


@dataclass(frozen=True, eq=False)
class LeastWeights:
    """The weights of all analysed blocks, in the order in which they were lowered, then the others. `pictures` are the
    predictions, one a scene. `loss` is what they cost inside in the budget's unit; `bound` what it would be if the
    blocks' own losses, each at the upper end of its interval, all added up and none made up for another."""

    value: float
    base: float
    budget: Budget
    blocks: tuple[LeastWeight, ...]
    pictures: tuple[Picture, ...]
    loss: Mean
    bound: float

    @property
    def weights(self) -> dict[str, float]:
        """Block → weight."""
        return {each.block: each.weight for each in self.blocks}

    @property
    def unsettled(self) -> tuple[str, ...]:
        """The blocks of which the scenes do not tell what they do, so that they stay at the base."""
        return tuple(each.block for each in self.blocks if each.why is Why.UNSETTLED)

    @property
    def stretched(self) -> tuple[str, ...]:
        """The blocks below the value that was measured: what they do there is reckoned, not seen."""
        return tuple(each.block for each in self.blocks if each.weight < min(self.value, self.base))


def least_weights(
    scenes: Sequence[LoweredScene],
    blocks: Sequence[str],
    value: float,
    base: float,
    budget: Budget,
    *,
    limit: float = LIMIT,
    step: float = STEP,
    held: Mapping[str, float] | None = None,
    floor: float = NOISE_FLOOR,
) -> LeastWeights:
    """The least weight for every block, from `limit` to `base` by `step`, that keeps within the budget.

    The model is linear: a block at w changes the picture by (base − w) / (base − value) times what it did at `value`,
    and several blocks by the sum of their signed differences; the prediction is source + Σ of these, clipped to 0…255.
    Below `value` it is an extrapolation. What the prediction costs inside is measured in every scene, and the upper end
    of its t interval must not exceed the budget.

    Blocks that change nothing visible are lowered first, then those that do most outside for what they do inside. A
    block is left where it is if the seeds do not tell what it does inside (`Signal.UNSETTLED`, always so with one
    scene), if it does nothing visible outside, or if (with pictures without the LoRA) lowering it would bring the rest
    of the picture no nearer to those. `held` are blocks whose weight is decided: they are reckoned with first.

    BlockweightError for a range that does not lower the block, a limit that is not below the base, a step that gives
    none or more than MOST_WEIGHTS weights, a share to keep without pictures without the LoRA, and where those are equal
    to the sources inside.
    """
    if not value < base:
        raise BlockweightError(
            f"The analysis raised its blocks from {base:g} to {value:g}, which does not tell what lowering them costs; "
            "analyse with a range such as 0.5,1."
        )
    grid = _grid(limit, base, step)
    sums = [_Sum(scene, budget) for scene in scenes]
    groups = prompt_groups([scene.prompt for scene in scenes])
    measured = [_measured(block, scenes, sums, groups) for block in blocks]
    fixed = {} if held is None else held
    told: dict[str, tuple[float, Why]] = {}
    for each in measured:
        if each.block in fixed:
            weight = fixed[each.block]
            _add(sums, each.block, (base - weight) / (base - value))
            told[each.block] = weight, Why.HELD
    shares = [(weight, (base - weight) / (base - value)) for weight in grid]
    for each in sorted(measured, key=lambda each: _turn(each, floor)):
        if each.block not in told:
            told[each.block] = _lowered(each, sums, shares, budget, base, floor)
    rows = {
        each.block: LeastWeight(
            each.block, *told[each.block], each.inside, each.outside, _ratio(each, floor), each.loss
        )
        for each in measured
    }
    return LeastWeights(
        value=value,
        base=base,
        budget=budget,
        blocks=tuple(sorted((rows[block] for block in told), key=lambda row: row.weight == base)),
        pictures=tuple(each.picture() for each in sums),
        loss=Mean(tuple(each.loss() for each in sums)),
        bound=sum(_worst(row.loss, (base - row.weight) / (base - value)) for row in rows.values()),
    )


@dataclass(frozen=True)
class _Measured:
    """A block as it was measured; `diff` is its largest Diff % in any scene."""

    block: str
    inside: Effect
    outside: Effect
    loss: Mean
    diff: float


class _Sum:
    """One scene's prediction as it grows, and what it costs inside."""

    def __init__(self, scene: LoweredScene, budget: Budget) -> None:
        self.scene = scene
        self.inside, self.outside = (_values(scene.source, mask) for mask in (scene.inside, ~scene.inside))
        self._source = self.inside.copy()
        self._way: _Values | None = None
        self._far: _Values | None = None
        if scene.without is not None:
            self._far = _values(scene.without, ~scene.inside)
        if budget.keep is not None:
            if scene.without is None:
                raise BlockweightError("What is kept shows beside pictures without the LoRA; render those first.")
            self._way = self._source - _values(scene.without, scene.inside)
            self._length = float(np.square(self._way, dtype=np.float64).sum())
            if self._length == 0:
                raise BlockweightError(
                    "The LoRA changes nothing inside the mask, so there is nothing to keep; use another mask."
                )

    def differences(self, block: str) -> tuple[_Values, _Values]:
        """What the block changes at the analysis's value, signed, inside and outside."""
        changed, scene = self.scene.changed[block], self.scene
        inside, outside = (
            _values(changed, mask) - _values(scene.source, mask) for mask in (scene.inside, ~scene.inside)
        )
        return inside, outside

    def loss(self, more: _Values | None = None) -> float:
        """What the prediction costs inside, with so much more."""
        there = np.clip(self.inside if more is None else self.inside + more, 0, 255) - self._source
        if self._way is None:
            return float(np.abs(there).mean(dtype=np.float64))
        return -float((there * self._way).sum(dtype=np.float64)) / self._length

    def distance(self, more: _Values | None = None) -> float | None:
        """How far the rest of the prediction is from the picture without the LoRA, in mean levels."""
        if self._far is None:
            return None
        there = np.clip(self.outside if more is None else self.outside + more, 0, 255)
        return float(np.abs(there - self._far).mean(dtype=np.float64))

    def picture(self) -> Picture:
        """The prediction, uint8 (H, W, 3)."""
        made = self.scene.source.copy()
        for mask, values in ((self.scene.inside, self.inside), (~self.scene.inside, self.outside)):
            made[mask] = np.clip(values, 0, 255).round().astype(np.uint8)
        return made


def _values(picture: Picture, mask: Mask) -> _Values:
    found: _Values = picture[mask].astype(np.float32)
    return found


def _measured(block: str, scenes: Sequence[LoweredScene], sums: Sequence[_Sum], groups: tuple[int, ...]) -> _Measured:
    inside, outside, losses, diff = [], [], [], 0.0
    for scene, total in zip(scenes, sums, strict=True):
        changed = scene.changed[block]
        inside.append(mean_difference(changed, scene.source, scene.inside))
        outside.append(mean_difference(changed, scene.source, ~scene.inside))
        losses.append(total.loss(_values(changed, scene.inside) - _values(scene.source, scene.inside)))
        diff = max(diff, diff_percent(changed, scene.source))
    most = most_of(CHANGE)
    within = Effect(block, tuple(inside), groups, expected_spread=INSIDE_SPREAD, most=most)
    beyond = Effect(block, tuple(outside), groups, expected_spread=PICTURE_SPREAD, most=most)
    return _Measured(block, within, beyond, Mean(tuple(losses)), diff)


def _lowered(
    each: _Measured,
    sums: Sequence[_Sum],
    shares: Sequence[tuple[float, float]],
    budget: Budget,
    base: float,
    floor: float,
) -> tuple[float, Why]:
    """Lower one block as far as it goes: its weight, and why it is no other."""
    quiet = _nothing(each, floor)
    if each.inside.signal(floor) is Signal.UNSETTLED:
        return base, Why.UNSETTLED
    if not quiet and each.outside.signal(floor) is not Signal.VISIBLE:
        return base, Why.INSIDE_ONLY
    differences = [total.differences(each.block) for total in sums]
    before = _distance(sums)
    why = Why.SPENT
    for place, (weight, share) in enumerate(shares):
        losses = [total.loss(share * inside) for total, (inside, _) in zip(sums, differences, strict=True)]
        if t_interval(losses)[1] > budget.allowed + _ROUNDING:
            why = Why.SPENT
            continue
        after = _distance(sums, [share * outside for _, outside in differences])
        if not quiet and before is not None and after is not None and after >= before:
            why = Why.ASTRAY
            continue
        for total, (inside, outside) in zip(sums, differences, strict=True):
            total.inside += share * inside
            total.outside += share * outside
        if quiet:
            return weight, Why.NOTHING
        return weight, Why.LOWERED if place == 0 else Why.PARTLY if why is Why.SPENT else Why.NEAREST
    return base, why


def _add(sums: Sequence[_Sum], block: str, share: float) -> None:
    for total in sums:
        inside, outside = total.differences(block)
        total.inside += share * inside
        total.outside += share * outside


def _distance(sums: Sequence[_Sum], more: Sequence[_Values] | None = None) -> float | None:
    """Over all scenes that have a picture without the LoRA."""
    found = [total.distance(None if more is None else more[place]) for place, total in enumerate(sums)]
    known = [distance for distance in found if distance is not None]
    return sum(known) / len(known) if known else None


def _grid(limit: float, base: float, step: float) -> list[float]:
    """The weights below the base, from the limit up."""
    if not (math.isfinite(limit) and limit < base):
        raise BlockweightError(f"The limit must be a weight below {base:g}, where the blocks stand; not {limit:g}.")
    if not (math.isfinite(step) and 0 < step <= base - limit) or (base - limit) / step > MOST_WEIGHTS:
        raise BlockweightError(
            f"The step must be above 0, at most {base - limit:g} and at least {(base - limit) / MOST_WEIGHTS:g}; not "
            f"{step:g}."
        )
    count = math.floor((base - limit) / step + 1e-9)
    weights = [round(base - number * step, 6) + 0.0 for number in range(count, 0, -1)]
    return weights if math.isclose(weights[0], limit, abs_tol=1e-6) else [limit, *weights]


def _ratio(each: _Measured, floor: float) -> float:
    return max(each.outside.mean, floor) / max(each.inside.mean, floor)


def _nothing(each: _Measured, floor: float) -> bool:
    """Whether it changes nothing that can be seen, not even a small spot, which a mean would hide."""
    return {each.inside.signal(floor), each.outside.signal(floor)} == {Signal.NOISE} and each.diff <= DIFF_FLOOR


def _turn(each: _Measured, floor: float) -> tuple[bool, float]:
    return not _nothing(each, floor), -_ratio(each, floor)


def _worst(loss: Mean, share: float) -> float:
    """The most that a block costs as far as the scenes tell; 0 for one that stays, and one that costs nothing."""
    return 0.0 if share == 0 else max(0.0, *(share * end for end in loss.interval))
