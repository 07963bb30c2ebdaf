"""The seam beside rendering: what changed block weights make of the denoiser's answer, without finishing a picture.

On the way of one picture from noise, the source's, the denoiser is asked again at a few noise levels with other block
weights. What it then sees in the latents, its estimate x0 of the finished ones, says what the change does there.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.render.protocol import Picture, Renderer, Watch, unwatched

PROBE_SIGMA = 2.0
"""The noise level at which one look says most of all aspects of a picture (docs/probe.md)."""

Maps = NDArray[np.float32]
"""(N, h, w), one number a cell of the latents, ≥ 0."""


@dataclass(frozen=True)
class Pair:
    """Two changes and the variant that has both, by their places in `ProbeAsk.changed`."""

    first: int
    second: int
    both: int


@dataclass(frozen=True)
class ProbeAsk:
    """One scene to probe: what each of the `changed` variants makes of the source's latents.

    `steps` are the places on the source's way where that is asked, counted from 0 by the times that the model is asked
    in the first pass (with most samplers once a step); `Prober.noise_levels` tells the noise level of each. With
    `decode` the estimates are made pictures as well. `pairs` are those whose sum is compared with both at once.
    """

    scene: Scene
    lora: LoraUse
    source: Variant
    changed: tuple[Variant, ...]
    steps: tuple[int, ...]
    decode: bool = False
    pairs: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        if not self.steps or list(self.steps) != sorted(set(self.steps)) or self.steps[0] < 0:
            raise ValueError(f"the steps must rise from 0 on, not be {self.steps}")
        if any(not 0 <= place < len(self.changed) for pair in self.pairs for place in _places(pair)):
            raise ValueError("a pair names a variant that is not among the changed ones")

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The source's job and those of the changed variants, for `Renderer.check`."""
        return tuple(Job(self.scene, self.lora, variant) for variant in (self.source, *self.changed))

    def facts(self) -> dict[str, object]:
        """All that decides the answer, as plain values; labels, names and paths are not among them."""
        source, *changed = (job.facts()["lora"] for job in self.jobs)
        return {
            "scene": self.scene.facts(),
            "source": source,
            "changed": changed,
            "steps": list(self.steps),
            "decode": self.decode,
            "pairs": [list(_places(pair)) for pair in self.pairs],
        }

    @cached_property
    def key(self) -> str:
        """32 hex digits of SHA-256 over the facts, by which an answer can be kept. Equal keys, equal answers."""
        text = json.dumps({"probe": self.facts()}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def calls(self, rows: int = 2) -> int:
        """How many rows the denoiser evaluates for it, where a sample takes `rows`: 2 with guidance, 1 without. The
        source is asked on its way to the last of the steps, and beside the changed variants."""
        return rows * (self.steps[-1] + len(self.steps) * (1 + len(self.changed)))


@dataclass(frozen=True, eq=False)
class ProbedLevel:
    """What was found at one noise level.

    `sigma` is the ratio of noise to picture in the latents there (Karras et al. 2022): with flow matching, which mixes
    (1 − s) picture with s noise, s / (1 − s), and ∞ at the beginning. `share` is the part of the way that is
    over, 0 to 1. `maps` has for each changed variant the root mean square over the channels of what it changes of x0,
    guided, per cell of the latents, (changed, h, w); `mixed` the same of Δ(both) − Δ(first) − Δ(second) for each pair.
    With `decode`, `source` and `pictures` are the x0 as pictures.
    """

    step: int
    sigma: float
    share: float
    maps: Maps
    mixed: Maps
    source: Picture | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, eq=False)
class Probed:
    """The answer to an ask, its levels in the order of the ask's steps. `calls` counts the rows that the denoiser
    evaluated, the source's way with them."""

    ask: ProbeAsk
    levels: tuple[ProbedLevel, ...]
    calls: int


@runtime_checkable
class Prober(Renderer, Protocol):
    """A renderer that can be asked on the way to a picture."""

    def noise_levels(self, job: Job) -> tuple[float, ...]:
        """The noise level, as in `ProbedLevel.sigma`, of every time that the model is asked in the first pass of the
        job, which `check` has seen. The denoiser is not asked for it."""
        ...

    def probe(self, asks: Sequence[ProbeAsk], watch: Watch = unwatched) -> Iterator[Probed]:
        """Answer lazily, in order, one scene after the other; `check` has seen the jobs of the asks. `watch` is told
        of the denoiser's rows; what it raises ends the scene at work.

        BlockweightError for a step that the scene has not, where there is no memory for a single sample, and where an
        answer is not made of numbers.
        """
        ...


def prober_of(renderer: Renderer) -> Prober:
    """The renderer, if it can be asked on the way; BlockweightError if it only gives finished pictures."""
    if not isinstance(renderer, Prober):
        raise BlockweightError(
            "This renderer gives finished pictures only, and a probe looks at the model on the way to them; use "
            "--renderer local, or --method eba."
        )
    return renderer


def check_steps(ask: ProbeAsk, there: int) -> None:
    """Refuse steps beyond the times that the model is asked in the scene."""
    if ask.steps[-1] >= there:
        raise BlockweightError(
            f"The model is asked {there} times for the first pass of the scene {quoted(ask.scene.label)}, so step "
            f"{ask.steps[-1]} cannot be probed; name steps from 0 to {there - 1}."
        )


def step_near(levels: Sequence[float], sigma: float = PROBE_SIGMA) -> int:
    """The step whose noise level is the nearest to `sigma`, in ratio."""

    def distance(step: int) -> float:
        level = levels[step]
        return abs(math.log(level / sigma)) if 0 < level < math.inf else math.inf

    return min(range(len(levels)), key=distance)


def paired(
    source: Variant, singles: Sequence[Variant], couples: Sequence[tuple[int, int]]
) -> tuple[tuple[Variant, ...], tuple[Pair, ...]]:
    """`changed` and `pairs` of an ask about interactions: the `singles`, and for each of the `couples` (places among
    them) a variant that has the weights of both where they differ from the source's."""
    both = [_joined(source, singles[first], singles[second]) for first, second in couples]
    pairs = [Pair(*couple, len(singles) + number) for number, couple in enumerate(couples)]
    return (*singles, *both), tuple(pairs)


def _joined(source: Variant, first: Variant, second: Variant) -> Variant:
    plain, one, other = source.weights, first.weights, second.weights
    if plain is None or one is None or other is None:
        raise ValueError("only variants with block weights can be joined")
    changes = {block: value for block, value in other.items() if value != plain.weight(block)}
    rest = one.rest if other.rest == plain.rest else other.rest
    label = f"{first.label}+{second.label}"
    return Variant(label, replace(one.with_weights(changes, label), rest=rest))


def rms_maps(changes: NDArray[np.float32]) -> Maps:
    """The root mean square over the channels, (N, C, h, w) → (N, h, w)."""
    maps: Maps = np.sqrt(np.mean(np.square(changes), axis=1, dtype=np.float64)).astype(np.float32)
    return maps


def mixed_maps(changes: NDArray[np.float32], pairs: Sequence[Pair]) -> Maps:
    """Of every pair, the maps of what both changes do beyond the sum of each alone."""
    terms = [changes[pair.both] - changes[pair.first] - changes[pair.second] for pair in pairs]
    return rms_maps(np.stack(terms) if terms else changes[:0])


def _places(pair: Pair) -> tuple[int, int, int]:
    return pair.first, pair.second, pair.both
