"""What a search wants of pictures: numbers of a picture in its scene, each to be raised or lowered, or kept within a
bound."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.measure.effect_table import INSIDE, OUTSIDE
from blockweight.measure.effects import NOISE_FLOOR
from blockweight.measure.eyes import Eye
from blockweight.measure.gains import gain_of
from blockweight.measure.objectives import DISTANCE, LIKENESS, Aim, objective_change, parse_objectives
from blockweight.measure.pictures import Mask, Picture

KEPT, GONE = "kept", "gone"
"""The two of `Gain`: what stays of the LoRA's change inside the mask, and what goes outside it; shares."""

ALSO = "also"
"""Where two LoRAs are searched together: what stays of the other one's change, outside the mask; a share."""

SHARES = (KEPT, GONE, ALSO)

PROMPT, EMBEDDING = "prompt", "embedding"
"""The two that a model of pictures on the person's disk tells: how well a picture shows its prompt (cosine), and how
far it is from examples (1 − cosine), also inside and outside the mask."""

Way = Literal["raise", "lower"]

EQUAL_COSINES = 0.002
"""By how much two cosines may differ and count as equal."""

EQUAL_SHARES = 0.01
"""By how much two shares may differ and count as equal: a percent of a LoRA's change nobody sees."""

_USUAL: dict[str, Way] = {
    KEPT: "raise",
    GONE: "raise",
    ALSO: "raise",
    PROMPT: "raise",
    EMBEDDING: "lower",
    LIKENESS: "raise",
    DISTANCE: "lower",
}
"""Which way the ones go that leave no doubt."""

_WISH = re.compile(
    r"(?:(?P<way>raise|lower)\s+)?(?P<name>[a-z]+(?::[a-z]+)?|#[0-9a-f]{6}(?::[a-z]+)?)"
    r"(?:\s*\*\s*(?P<weight>\d+(?:\.\d+)?)|\s*(?P<side>>=|<=)\s*(?P<bound>-?\d+(?:\.\d+)?)\s*(?P<percent>%?))?"
)


@dataclass(frozen=True)
class Wish:
    """One number (`name`: one of SHARES, or that of an `Aim`) and which `way` it should go. `weight` > 0 is what it
    counts beside others; with a `bound` it is a constraint instead: at least that where it is to be raised, at most
    where it is to be lowered, in shares or levels."""

    name: str
    way: Way
    weight: float = 1.0
    bound: float | None = None

    @property
    def share(self) -> bool:
        """Whether its numbers are shares (1 is all) and not levels."""
        return self.name in SHARES

    @property
    def needs_model(self) -> bool:
        """Whether a model of pictures tells it; its numbers are cosines then, 0…1 or 0…2, and no levels."""
        return self.name == PROMPT or self.name.partition(":")[0] == EMBEDDING

    @property
    def needs_mask(self) -> bool:
        """Whether it tells inside from outside."""
        return self.name == GONE or ":" in self.name

    @property
    def needs_target(self) -> bool:
        """Whether it compares with a picture."""
        return not (self.share or self.needs_model) and self.aim.compares

    @property
    def aim(self) -> Aim:
        """The objective that it is; ValueError for a share, and what a model tells."""
        if self.share or self.needs_model:
            raise ValueError(f"{self.name} is no aim")
        (found,) = parse_objectives(self.name)
        return found

    @property
    def equal(self) -> float:
        """Differences up to this count as none: EQUAL_SHARES, EQUAL_COSINES, or NOISE_FLOOR levels."""
        if self.needs_model:
            return EQUAL_COSINES
        return EQUAL_SHARES if self.share else NOISE_FLOOR

    @property
    def text(self) -> str:
        """As `parse_wishes` reads it."""
        if self.bound is not None:
            bound = f"{100 * self.bound:g}%" if self.share else f"{self.bound:g}"
            return f"{self.name}{'>=' if self.way == 'raise' else '<='}{bound}"
        return f"{self.way} {self.name}{'' if self.weight == 1 else f'*{self.weight:g}'}"

    def better(self, value: float, than: float) -> float:
        """By how much one value is better than another; below 0: worse."""
        return value - than if self.way == "raise" else than - value

    def broken(self, value: float) -> float:
        """By how much a constraint is broken, at most 0 where it holds; 0 for what is none."""
        return 0.0 if self.bound is None else self.better(self.bound, value)

    def value(self, picture: Picture, scene: WishScene) -> float | None:
        """The number of a picture, uint8 (H, W, 3), in its scene. A colour or saturation counts as its change from the
        picture without the LoRA, in levels, so that 0 is none; likeness and distance are as they are. None where the
        LoRA changes nothing of which a share could be told. BlockweightError for sizes that differ, and a mask,
        target or further LoRA that is missing."""
        if self.needs_model:
            return self._seen(picture, scene)
        if self.name == ALSO:
            if scene.other is None:
                raise BlockweightError(
                    f"{quoted(ALSO)} is told of a further LoRA that is searched too; name it with --also."
                )
            return gain_of(picture, scene.without, scene.other, None if scene.inside is None else ~scene.inside).kept
        if self.share:
            gain = gain_of(picture, scene.without, scene.everything, scene.inside)
            return gain.kept if self.name == KEPT else gain.gone
        objective = self.aim.objective(scene.inside, scene.target)
        return objective.value(picture) if self.aim.compares else objective_change(objective, picture, scene.without)

    def _seen(self, picture: Picture, scene: WishScene) -> float:
        if scene.eye is None:
            raise ValueError(f"{self.name} needs a model")
        if self.name == PROMPT:
            return scene.eye.follows(picture)
        region = self.name.partition(":")[2]
        if region and scene.inside is None:
            raise BlockweightError(f"{quoted(self.name)} needs a mask that says where {region} is; give one.")
        where = None if not region or scene.inside is None else scene.inside if region == INSIDE else ~scene.inside
        return scene.eye.distance(picture, where)


@dataclass(frozen=True, eq=False)
class WishScene:
    """What a scene's pictures are measured by, each uint8 (H, W, 3): the one `without` the LoRA, that with `everything`
    at 1, the mask `inside`, (H, W) bool, and the `target`, where there are any; `other` is the picture with the further
    LoRA alone, where one is searched too. Then `without` has neither, and `everything` the project's LoRA alone. The
    `eye` is there for what a model tells."""

    without: Picture
    everything: Picture
    inside: Mask | None = None
    target: Picture | None = None
    other: Picture | None = None
    eye: Eye | None = None


def parse_wishes(text: str) -> tuple[Wish, ...]:
    """`raise kept*2, lower green:outside, likeness>=-20, kept>=80%` → the wishes, in order.

    `kept`, `gone`, `likeness` (raised) and `distance` (lowered) need not say which way; of a bound the side says it.
    BlockweightError for anything else, a number that is named twice as something to raise or lower or twice with a
    bound, and for nothing but bounds.
    """
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").lower()
    found = tuple(_wish(part.strip()) for part in plain.split(",") if part.strip())
    seen: set[tuple[str, bool]] = set()
    for wish in found:
        if (wish.name, wish.bound is None) in seen:
            raise BlockweightError(f"{quoted(wish.name)} is named twice; leave out one.")
        seen.add((wish.name, wish.bound is None))
    if all(wish.bound is not None for wish in found):
        raise BlockweightError(
            "A search needs something to raise or lower beside its bounds, as in 'raise kept' or 'lower green:outside'."
        )
    return found


def wishes_text(wishes: Sequence[Wish]) -> str:
    """All of them as one text."""
    return ", ".join(wish.text for wish in wishes)


def free_wishes(wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """Those without a bound: the axes of a front."""
    return tuple(wish for wish in wishes if wish.bound is None)


def _wish(text: str) -> Wish:
    match = _WISH.fullmatch(text)
    if match is None:
        raise BlockweightError(
            f"{quoted(text)} is no objective; write what to raise or lower, as in 'raise kept' or 'lower "
            "green:outside*2', or a bound, as in 'kept>=80%'."
        )
    name = match["name"]
    known = (*SHARES, PROMPT, EMBEDDING, f"{EMBEDDING}:{INSIDE}", f"{EMBEDDING}:{OUTSIDE}")
    if name not in known:
        try:
            parse_objectives(name)
        except BlockweightError as error:
            raise BlockweightError(f"{error} There are also {', '.join(known[:-2])}.") from None
    if match["side"]:
        return _bounded(name, match)
    way = match["way"] or _USUAL.get(name.partition(":")[0])
    if way is None:
        raise BlockweightError(f"Say which way {quoted(name)} should go: 'raise {name}' or 'lower {name}'.")
    weight = float(match["weight"] or 1)
    if not 0 < weight <= 1000:
        raise BlockweightError(f"The weight of {quoted(name)} must be above 0 and at most 1000, not {weight:g}.")
    return Wish(name, "raise" if way == "raise" else "lower", weight)


def _bounded(name: str, match: re.Match[str]) -> Wish:
    if match["way"]:
        raise BlockweightError(f"{quoted(match[0])} both goes a way and has a bound; write them as two objectives.")
    bound = float(match["bound"])
    if match["percent"]:
        if name not in SHARES:
            raise BlockweightError(
                f"{quoted(name)} is no share, so it is not measured in percent; write its bound without %."
            )
        bound /= 100
    if not math.isfinite(bound) or (name in SHARES and abs(bound) > 2):
        raise BlockweightError(f"The bound of {quoted(name)} must be a share such as 80% or 0.8, not {bound:g}.")
    return Wish(name, "raise" if match["side"] == ">=" else "lower", bound=bound)
