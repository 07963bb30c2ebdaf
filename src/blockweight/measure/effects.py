"""What a block does to the picture, measured over several seeds, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import fmean

from blockweight.errors import BlockweightError
from blockweight.measure.intervals import CONFIDENCE, INSIDE_SPREAD, PICTURE_SPREAD, Estimate, estimate
from blockweight.measure.limits import most_of
from blockweight.measure.pictures import DIFF_THRESHOLD, Mask, Picture, diff_percent, mean_difference

NOISE_FLOOR = 0.5
"""The default noise floor in levels: what rounding to 8 bits alone can move a value by. A renderer that is not
reproducible (xformers, another batch size) has a higher one; measure it from two renderings of one job."""

CLEARLY = 2.0
"""How many times the noise floor an effect has to be in a scene to be clearly over it there."""

PairsByBlock = Mapping[str, Sequence[tuple[Picture, Picture]]]
"""Block → one (picture with the block changed, source picture) per seed, the same seeds in the same order for all."""


def check_floor(floor: float) -> None:
    """BlockweightError unless the noise floor is above 0 (logarithms are taken of it)."""
    if not floor > 0:
        raise BlockweightError(f"The noise floor must be above 0 levels, not {floor:g}; {NOISE_FLOOR} is the rounding.")


class Signal(Enum):
    """Where an effect stands towards the noise floor."""

    VISIBLE = "visible"
    NOISE = "indistinguishable from noise"
    UNSETTLED = "not settled by these scenes"


@dataclass(frozen=True)
class Leaning:
    """To which side of the noise floor an effect leans, and the two-sided p value, 0…1, of that it is not there."""

    signal: Signal
    p: float

    def settled(self, confidence: float = CONFIDENCE) -> Signal:
        """The side if it is sure, else UNSETTLED."""
        return self.signal if self.p < 1 - confidence else Signal.UNSETTLED


@dataclass(frozen=True)
class Effect:
    """One block's effect by one measure: a sample per scene, in the measure's unit (levels or percent), each ≥ 0. Those
    of a `signed` measure may lie below 0, and the interval is the plain one.

    `groups` tell which samples hang together, the scenes of one prompt: one number a sample, none where all are
    independent of each other. `signed` is for a measure that can fall as well as rise; it is then judged as a
    `SignedEffect`, and so is an effect with any sample below 0.
    `expected_spread` lets the interval reckon with leaps that few scenes may not have shown (`Estimate.expecting`), in
    shares of the mean, or of an effect with a sign, of its size beside that of all blocks, whose root mean square
    effect is `typical`: PICTURE_SPREAD and its like for finished pictures. `most` is what the measure can be at most,
    where the interval of one without a sign ends too.
    """

    block: str
    samples: tuple[float, ...]
    groups: tuple[int, ...] = ()
    signed: bool = False
    expected_spread: float = 0.0
    typical: float = 0.0
    most: float = math.inf

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"an effect of {self.block} needs at least one sample")
        if self.groups and len(self.groups) != len(self.samples):
            raise ValueError(f"{len(self.samples)} samples of {self.block} cannot stand in {len(self.groups)} groups")

    @property
    def has_sign(self) -> bool:
        """Whether it can be below 0."""
        return self.signed or min(self.samples) < 0

    @property
    def estimate(self) -> Estimate:
        """The mean over the scenes with its error, reckoned with the prompts."""
        return estimate(self.samples, self.groups)

    @property
    def mean(self) -> float:
        """The mean over the scenes."""
        return fmean(self.samples)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean, reckoned with the spread that is expected and in proportion
        (`Estimate.relative_interval`): its ends are ≥ 0 and at most `most`, and the upper lies further off. For an
        effect with a sign the t interval; (−∞, ∞) for a single scene."""
        return self.interval_at(CONFIDENCE)

    def interval_at(self, confidence: float) -> tuple[float, float]:
        """The interval at another confidence, 0…1."""
        if self.has_sign:
            return self._moderated.interval(confidence)
        low, high = self._moderated.relative_interval(confidence)
        # That of a single scene stays open: its end says that nothing is known.
        return (low, high) if math.isinf(low) else (low, min(high, self.most))

    @property
    def margin(self) -> float:
        """t · standard error, the number after "±", with the spread that is expected; ∞ for a single scene."""
        return self._moderated.half_width()

    @property
    def _moderated(self) -> Estimate:
        size = math.sqrt(math.hypot(*self.samples) / math.sqrt(len(self.samples)) * self.typical)
        return self.estimate.expecting(self.expected_spread * (size if self.has_sign else self.mean))

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest sample."""
        return min(self.samples), max(self.samples)

    def over(self, floor: float) -> Estimate:
        """How far the typical effect stands over the noise floor: the mean of ln((sample + floor / 2) / (1.5 · floor)),
        0 for an effect as large as the floor. BlockweightError unless floor > 0; ValueError for an effect with a sign.

        It is that of the scenes' own prompts: the spread between them counts as one between seeds, so it can make this
        only less sure. (Prompts as a random sample would leave two prompts, however clear both, unsettled for ever.)
        Effects spread in proportion to their size, so an interval on the plain scale would call 12, 20 and 28 levels
        possibly nothing. Under the floor they do not, and their logarithms would fly apart; half a floor that is added
        holds them together.
        """
        check_floor(floor)
        if self.has_sign:
            raise ValueError(f"the effect of {self.block} has a sign, so it has no logarithm")
        return estimate([math.log((sample + floor / 2) / (1.5 * floor)) for sample in self.samples])

    def leaning(self, floor: float = NOISE_FLOOR) -> Leaning:
        """To which side of the noise floor (same unit as the samples) the typical effect leans, and how surely, by the
        t test of `over`. For an effect with a sign: beyond ±floor or between. BlockweightError unless floor > 0."""
        if self.has_sign:
            return SignedEffect.of(self.block, self.samples).leaning(floor)
        over = self.over(floor)
        above, below = over.p_at_most(0), over.p_at_least(0)
        return Leaning(Signal.VISIBLE if above < below else Signal.NOISE, min(1.0, 2 * min(above, below)))

    def signal(self, floor: float = NOISE_FLOOR, confidence: float = CONFIDENCE) -> Signal:
        """Whether the effect stands above the noise floor, below it, or neither for sure: on which side of it the whole
        interval of the typical effect lies. Where many blocks are judged at once, ask `signals`."""
        return self.leaning(floor).settled(confidence)

    def clear_of(self, floor: float = NOISE_FLOOR) -> bool:
        """Whether it lies clearly over the noise floor in every scene: each sample beyond ±CLEARLY times the floor.
        Such an effect is none of the noise, whatever the interval of its size."""
        return min(map(abs, self.samples)) > CLEARLY * floor

    def text(self, decimals: int = 1) -> str:
        """`6.1 ± 0.8`, or `6.1 (2.9 to 12.8)` where the interval is wide, for then it is uneven; with two scenes the
        two figures, because the interval of two is wider than anybody can use, and with one scene that one's."""
        if len(self.samples) == 2:
            return " and ".join(f"{sample:.{decimals}f}" for sample in sorted(self.samples))
        mean = f"{self.mean:.{decimals}f}"
        if math.isinf(self.margin):
            return mean
        if self.has_sign or (self.margin <= _EVEN * self.mean and self.mean + self.margin <= self.most):
            return f"{mean} ± {self.margin:.{decimals}f}"
        low, high = self.interval
        return f"{mean} ({low:.{decimals}f} to {high:.{decimals}f})"


_EVEN = 0.25
"""Up to this margin, as a share of the mean, each end of the interval lies a margin away from it within 15 %."""


@dataclass(frozen=True)
class SignedEffect:
    """One block's effect on something that can rise or fall (a slope, a main effect of a screening design, a
    difference): its estimate, in any unit."""

    block: str
    estimate: Estimate

    @classmethod
    def of(cls, block: str, samples: Sequence[float], groups: Sequence[int] = ()) -> SignedEffect:
        """The effect of which these are samples, one a scene; `groups` as `Effect` has them."""
        return cls(block, estimate(samples, groups))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t interval; (−∞, ∞) where nothing tells the spread."""
        return self.estimate.interval()

    def interval_at(self, confidence: float) -> tuple[float, float]:
        """The interval at another confidence, 0…1."""
        return self.estimate.interval(confidence)

    def leaning(self, floor: float = 0.0) -> Leaning:
        """Whether it rather lies beyond ±`floor`, on either side, or rather between, and how surely. With a floor of 0
        the first is Student's test against 0, and nothing is ever between. BlockweightError for a floor below 0."""
        if not floor >= 0:
            raise BlockweightError(f"The noise floor of a signed effect must be 0 or above, not {floor:g}.")
        beyond = min(self.estimate.p_at_most(floor), self.estimate.p_at_least(-floor))
        between = max(self.estimate.p_at_most(-floor), self.estimate.p_at_least(floor)) if floor else 1.0
        return Leaning(Signal.VISIBLE if beyond < between else Signal.NOISE, min(1.0, 2 * min(beyond, between)))

    def signal(self, floor: float = 0.0, confidence: float = CONFIDENCE) -> Signal:
        """VISIBLE when the whole interval lies beyond ±`floor`, NOISE when all of it lies between, else UNSETTLED."""
        return self.leaning(floor).settled(confidence)


@dataclass(frozen=True)
class BlockEffects:
    """All that was measured of one block: `diff` in percent (LoRA Block Weight's Diff %), the others in levels.

    `inside` and `outside` are None when no mask was given.
    """

    block: str
    diff: Effect
    overall: Effect
    inside: Effect | None = None
    outside: Effect | None = None


def measure_effects(
    pairs: PairsByBlock,
    inside: Mask | Sequence[Mask] | None = None,
    threshold: int = DIFF_THRESHOLD,
    groups: Sequence[int] = (),
) -> tuple[BlockEffects, ...]:
    """The effects of every block, in the order of `pairs`.

    `inside` is one mask for all seeds, or one per seed; `groups` as `Effect` has them. BlockweightError when a block
    has no pictures, sizes differ, the number of masks does not fit, or a mask leaves nothing inside or outside.
    """
    return tuple(_block_effects(block, seeds, inside, threshold, tuple(groups)) for block, seeds in pairs.items())


def _block_effects(
    block: str,
    pairs: Sequence[tuple[Picture, Picture]],
    inside: Mask | Sequence[Mask] | None,
    threshold: int,
    groups: tuple[int, ...],
) -> BlockEffects:
    if not pairs:
        raise BlockweightError(f"There are no pictures of block {block} to measure; render at least one seed.")

    def effect(samples: Iterable[float], aspect: str = "change", spread: float = PICTURE_SPREAD) -> Effect:
        return Effect(block, tuple(samples), groups, expected_spread=spread, most=most_of(aspect))

    diff = effect((diff_percent(picture, source, threshold) for picture, source in pairs), "diff")
    overall = effect(mean_difference(picture, source) for picture, source in pairs)
    if inside is None:
        return BlockEffects(block, diff, overall)
    masks = _masks(inside, len(pairs))
    inner = (mean_difference(*pair, mask) for pair, mask in zip(pairs, masks, strict=True))
    within = effect(inner, spread=INSIDE_SPREAD)
    beyond = effect(mean_difference(*pair, ~mask) for pair, mask in zip(pairs, masks, strict=True))
    return BlockEffects(block, diff, overall, within, beyond)


def _masks(inside: Mask | Sequence[Mask], count: int) -> Sequence[Mask]:
    if not isinstance(inside, Sequence):
        return [inside] * count
    if len(inside) != count:
        raise BlockweightError(
            f"{len(inside)} masks were given for {count} pictures of each block; give one mask, or one per picture."
        )
    return inside
