"""What a person likes, learned from what they chose: a Gaussian process over weights with a best-worst likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = tuple[float, ...]
"""A place of the unit cube: for every segment its weight, 0 the lowest and 1 the highest that may be tried."""

NOTICEABLE = float(np.log(3))
"""The just noticeable difference of two utilities: what makes one preferred to the other in three of four looks, where
neither is called equal (log 3 in the logit model, whose noise is the unit)."""

_TIES = float(np.log(0.5))
"""The logarithm of Davidson's ν: of two that are alike, one look in five says 'no difference'."""

_LENGTHS = (0.35, 0.7, 1.4, 4.0)
"""Lengths that a segment may have: over how far its weight must move to matter. At the last one it hardly does."""

_SPREADS = (1.0, 2.0, 4.0)
"""Standard deviations that the utility may have."""

_USUAL_LENGTH, _USUAL_SPREAD = 1.4, 2.0
_PRIOR = 0.8
"""How far the logarithms of both usually are from the usual ones: their normal prior's standard deviation."""

_SWEEPS = 2
_JITTER = 1e-6
_STEPS = 60


@dataclass(frozen=True)
class Look:
    """What was said of different `points` shown together: the `best` and the `worst` by place (None: not said), and no
    best where none differs."""

    points: tuple[Point, ...]
    best: int | None
    worst: int | None = None


@dataclass(frozen=True, eq=False)
class _Said:
    """A choice among options, the rows of `options` (options, points) as linear functions of the utilities with an
    `offset` each: the one at `chosen` was taken."""

    options: Array
    offset: Array
    chosen: int


@dataclass(frozen=True, eq=False)
class Preference:
    """The utility of points after what was said, in units of the noise of one look: a Gaussian process whose posterior
    is a normal distribution at its mode (Laplace). `lengths` has one a segment, `spread` is the prior's standard
    deviation."""

    lengths: Array
    spread: float
    _points: Array
    _said: tuple[_Said, ...] = ()

    @property
    def knows(self) -> bool:
        """Whether anything was said."""
        return bool(self._said)

    def predicted(self, points: Sequence[Point]) -> tuple[Array, Array]:
        """The mean (points,) and the covariance (points, points) of the utility. Differences alone mean anything."""
        there = np.array(points, np.float64).reshape(len(points), len(self.lengths))
        prior = self._kernel(there, there)
        if not len(self._points):
            return np.zeros(len(there)), prior
        into = np.linalg.solve(self._root, self._kernel(self._points, there))
        mode, precision = self._mode
        return into.T @ mode, prior - into.T @ into + into.T @ np.linalg.solve(precision, into)

    def sampled(self, points: Sequence[Point], count: int, seed: int) -> Array:
        """So many draws of the utility at all points together: (draws, points)."""
        mean, covariance = self.predicted(points)
        values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = np.random.default_rng(seed).standard_normal((count, len(mean)))
        return np.asarray(mean + drawn @ root.T, np.float64)

    @property
    def evidence(self) -> float:
        """The logarithm of how probable what was said is under `lengths` and `spread`, by Laplace's approximation."""
        mode, precision = self._mode
        fits = sum(_log_chance(said, self._root @ mode)[0] for said in self._said)
        return float(fits - mode @ mode / 2 - np.linalg.slogdet(precision).logabsdet / 2)

    def alike(self, one: Sequence[Point], other: Sequence[Point]) -> Array:
        """The prior correlation of the utilities of points, (one, other), 0…1: near 1 they can hardly differ."""
        return self._kernel(np.array(one, np.float64), np.array(other, np.float64)) / self.spread**2

    @cached_property
    def _root(self) -> Array:
        known = self._kernel(self._points, self._points)
        return np.asarray(np.linalg.cholesky(known + _JITTER * self.spread**2 * np.eye(len(known))), np.float64)

    @cached_property
    def _mode(self) -> tuple[Array, Array]:
        """The mode of z, where utilities are `_root` z and z is a standard normal before anything is said, and its
        precision there. The likelihood is log-concave, so Newton's method with halved steps finds it."""
        count = len(self._points)
        z = np.zeros(count)
        value, slope, precision = self._objective(z)
        for _ in range(_STEPS):
            step = np.linalg.solve(precision, slope)
            if float(step @ slope) < 1e-10:
                break
            size = 1.0
            while (made := self._objective(z + size * step))[0] < value and size > 1e-6:
                size /= 2
            z = z + size * step
            value, slope, precision = made
        return z, precision

    def _objective(self, z: Array) -> tuple[float, Array, Array]:
        """The log posterior of z, its gradient, and its negative second derivative."""
        utilities = self._root @ z
        value, slope, curve = -float(z @ z) / 2, np.zeros(len(z)), np.zeros((len(z), len(z)))
        for said in self._said:
            gain, rise, bend = _log_chance(said, utilities)
            value += gain
            slope += rise
            curve += bend
        root = self._root
        return value, root.T @ slope - z, np.eye(len(z)) + root.T @ curve @ root

    def _kernel(self, one: Array, other: Array) -> Array:
        """The squared exponential, a length for each segment."""
        apart = (one[:, None, :] - other[None, :, :]) / self.lengths
        found: Array = self.spread**2 * np.exp(-0.5 * (apart**2).sum(axis=2))
        return found


def learned(looks: Sequence[Look], segments: int) -> Preference:
    """The preference after what was said of points of so many segments; nothing at all is allowed.

    A Gaussian process prior on the utility and Laplace's approximation of its posterior are those of W. Chu and
    Z. Ghahramani, Preference learning with Gaussian processes (ICML 2005), used to ask as in E. Brochu, V. M. Cora and
    N. de Freitas (arXiv:1012.2599, 2010). The likelihood is the logit one, which takes more than two at once: the best
    is chosen among all by Luce's rule, then the worst among the others by the same rule on the negative utility (the
    sequential best-worst choice of A. A. J. Marley and J. J. Louviere, Journal of Mathematical Psychology 49, 2005).
    'No difference' is one more option whose utility is the mean of the others' (R. R. Davidson, Journal of the American
    Statistical Association 65, 1970, who has it for two). All is log-concave in the utilities.

    The lengths and the spread are the most probable of a few, searched one after another, by the evidence and a
    log-normal prior on each.
    """
    points = tuple(dict.fromkeys(point for each in looks for point in each.points))
    there = np.array(points, np.float64).reshape(len(points), segments)
    said = tuple(made for each in looks for made in _said(each, points))
    best = Preference(np.full(segments, _USUAL_LENGTH), _USUAL_SPREAD, there, said)
    if not said:
        return best
    score = best.evidence + _log_prior(best)
    for _ in range(_SWEEPS):
        before = score
        for place in range(-1, segments):
            for value in _SPREADS if place < 0 else _LENGTHS:
                made = _with(best, place, value)
                if (found := made.evidence + _log_prior(made)) > score + 1e-9:
                    best, score = made, found
        if score == before:
            break
    return best


def _with(known: Preference, place: int, value: float) -> Preference:
    """With another spread (place −1), or another length of the segment at this place."""
    if place < 0:
        return replace(known, spread=value)
    lengths = known.lengths.copy()
    lengths[place] = value
    return replace(known, lengths=lengths)


def _log_prior(known: Preference) -> float:
    away = np.log([*(known.lengths / _USUAL_LENGTH), known.spread / _USUAL_SPREAD])
    return float(-0.5 * (away**2).sum() / _PRIOR**2)


def _said(look: Look, points: Sequence[Point]) -> list[_Said]:
    shown = [points.index(point) for point in look.points]
    each = np.zeros((len(shown), len(points)))
    each[np.arange(len(shown)), shown] = 1.0
    offset = np.append(np.zeros(len(shown)), _TIES)
    made = [_Said(np.vstack([each, each.mean(axis=0)]), offset, len(shown) if look.best is None else look.best)]
    if look.best is not None and look.worst is not None:
        rest = [place for place in range(len(shown)) if place != look.best]
        made.append(_Said(-each[rest], np.zeros(len(rest)), rest.index(look.worst)))
    return made


def _log_chance(said: _Said, utilities: Array) -> tuple[float, Array, Array]:
    """The logarithm of the chance of what was said, with its gradient and negative second derivative by the
    utilities."""
    scores = said.options @ utilities + said.offset
    top = scores.max()
    total = top + np.log(np.exp(scores - top).sum())
    chances = np.exp(scores - total)
    mean = chances @ said.options
    bend = (said.options * chances[:, None]).T @ said.options - np.outer(mean, mean)
    return float(scores[said.chosen] - total), said.options[said.chosen] - mean, bend
