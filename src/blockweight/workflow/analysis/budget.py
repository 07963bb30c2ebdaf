"""What fits into a budget: which method, in how many scenes, and what it will be able to tell."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import PICTURE_SPREAD, Estimate
from blockweight.workflow.analysis.costs import Work

Method = Literal["eba", "screen", "bisect", "probe", "sketch", "gradient"]

PICTURES = 0.85
"""How a block's effect on finished pictures differs from scene to scene: its standard deviation as a share of its mean,
about the median of the visible blocks of the embedded LoRAs (the last lines of `benchmarks/analysis.py`). A guess for
any other LoRA, until its own scenes are measured."""

LOOKS: dict[Method, float] = {"probe": 0.25, "sketch": 0.45}
"""The same by what finishes no pictures."""

LEAST = 2
"""Scenes without which there is no interval."""

_TIME = {
    **dict.fromkeys(("s", "sec", "second", "seconds", "秒"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes", "分"), 60),
    **dict.fromkeys(("h", "hour", "hours", "時間"), 3600),
}
_PICTURES = ("picture", "pictures", "p", "枚")


@dataclass(frozen=True)
class Budget:
    """At most so many `pictures`, or `seconds`; the other is None."""

    pictures: int | None = None
    seconds: float | None = None

    def in_pictures(self, seconds_each: float) -> float:
        """How many pictures it is, of `seconds_each` seconds."""
        if self.pictures is not None:
            return self.pictures
        assert self.seconds is not None
        return self.seconds / seconds_each


@dataclass(frozen=True)
class Offer:
    """A method in the first `scenes` scenes. It costs `work`, which is as much as `pictures` pictures."""

    method: Method
    scenes: int
    work: Work
    pictures: float


def parse_budget(text: str) -> Budget:
    """`64pictures`, `90s`, `5min`, `2h`; BlockweightError for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)\s*([a-z]+|[^\W\d_]+)", plain)
    number, unit = (float(found[1]), found[2]) if found else (0.0, "")
    if number > 0 and unit in _TIME:
        return Budget(seconds=number * _TIME[unit])
    if number >= 1 and number == int(number) and unit in _PICTURES:
        return Budget(pictures=int(number))
    raise BlockweightError(f"{quoted(text)} is no budget; write a time or a number of pictures: 5min or 64pictures.")


def best_offer(
    pictures: float, scenes: int, per_scene: dict[Method, Work], as_pictures: dict[Method, float], wanted: Method | None
) -> Offer:
    """What to do with a budget of `pictures` pictures where there are `scenes` scenes: by the `wanted` method, or by
    the first of these that reaches LEAST scenes: whole pictures of one block at a time, which measure the very thing,
    or the probe, which ranks the blocks by a few per cent of that work.

    `per_scene` is what a method costs in one scene, `as_pictures` the same as a number of pictures. BlockweightError if
    the budget does not even pay for that; it says what would.
    """
    tried: tuple[Method, ...] = ("eba", "probe") if wanted is None else (wanted,)
    tried = tuple(method for method in tried if method in per_scene)
    least = min(LEAST, scenes)
    for method in tried:
        affordable = min(scenes, math.floor(pictures / as_pictures[method]))
        if affordable >= least:
            work = per_scene[method]
            whole = replace(work, pictures=work.pictures * affordable, calls=work.calls * affordable)
            return Offer(method, affordable, whole, as_pictures[method] * affordable)
    needed = min(as_pictures[method] for method in tried) * least
    scenes_take = "one scene takes" if least == 1 else f"{least} scenes take"
    raise BlockweightError(
        f"The budget of {pictures:.0f} pictures is too small: {scenes_take} at least {math.ceil(needed)}; raise it, or "
        "name fewer blocks."
    )


def able_to_tell(method: Method, scenes: int, *, aims: bool = False) -> str:
    """What a method can tell after so many scenes, in a few sentences for people; `aims` says that objectives are asked
    for."""
    if method == "gradient":
        return _SLOPES
    told = [_settled(method, scenes), *([_UNSAID[method]] if method in _UNSAID else [])]
    return " ".join([*told, _AIMS] if aims and scenes >= LEAST else told)


_AIMS = "What a block does to an objective, which rises and falls, takes more: 8 scenes and up."


_SLOPES = (
    "It tells to first order which way each block moves the objectives; a strong block that is really changed may turn "
    "out otherwise, so check it by whole pictures."
)

_RANKS = "Its numbers rank the blocks; they are no levels of finished pictures."

_UNSAID: dict[Method, str] = {
    "probe": _RANKS,
    "sketch": _RANKS,
    "bisect": "Blocks of a group that does nothing visible are known by the group alone.",
    "screen": "Effects are averaged over the other blocks' states, not taken at the weights you use.",
}


def _settled(method: Method, scenes: int) -> str:
    if scenes < LEAST:
        return "One scene ranks the blocks and settles nothing: how far scenes differ stays unknown."
    if method == "screen":
        return (
            f"{scenes} scenes tell the strongest blocks from the rest; of most others they leave open whether they do "
            "anything."
        )
    look = LOOKS.get(method)
    factor = _factor(scenes, PICTURES, PICTURE_SPREAD) if look is None else _factor(scenes, look, 0.0)
    if factor > 5:
        return (
            f"{scenes} scenes rank the blocks and find those that clearly do nothing; how strong a block is they leave "
            "open."
        )
    if look is not None:
        return f"{scenes} scenes tell a typical block's effect to within a factor of about {factor:.1f}."
    return (
        f"{scenes} scenes tell a typical block's effect to within a factor of about {factor:.1f}; one that tips the "
        "composition in some of them stays less sure."
    )


def _factor(scenes: int, spread: float, expected: float) -> float:
    """How many times the mean the upper end of its interval is, where effects have this relative `spread`."""
    return Estimate(1.0, spread / math.sqrt(scenes), scenes - 1).expecting(expected).relative_interval()[1]
