"""A plot from what is typed on a command line or a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SERIES, plan_round, split_values
from blockweight.weights import parse_blocks, parse_weight
from blockweight.workflow.plots.axes import Axis, Place, axis_of, shot_at, with_baseline
from blockweight.workflow.plots.axis_kinds import find_kind
from blockweight.workflow.plots.planning import PlotAsk
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import Shot
from blockweight.workflow.scenes import parse_seeds
from blockweight.workflow.text_files import read_text

BASELINES = ("none", "column", "row")
"""Where pictures without the LoRA stand."""

ROUND = "round"
"""An axis with a round's variants: `round=sub`, `round=sub:0.25`, `round=sub:0.25:IN00-IN03` with blocks that stay."""


USUAL_SEED = "1"
"""Where neither an option nor an axis says another."""


@dataclass(frozen=True)
class TypedPlot:
    """What a person types: `shot` with the options of a picture; the prompts (none: `shot` has it) and seeds that every
    row repeats (no seeds: USUAL_SEED), or `scenes` in their place, each with what it is called; for each axis its texts
    (`axes.read_typed`), of which several move together; and where the baseline stands (BASELINES)."""

    shot: Shot
    prompts: tuple[str, ...] = ()
    seeds: str = ""
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()
    z: tuple[str, ...] = ()
    baseline: str = "none"
    title: str = ""
    scenes: tuple[tuple[str, Shot], ...] = ()


def read_plot(typed: TypedPlot, resolver: Resolver) -> PlotAsk:
    """The plot. BlockweightError for what cannot be read, and for one without any axis or scenes to compare."""
    scenes = scenes_of_plot(typed)
    axes = {name: axis_of(_rounds(getattr(typed, name), scenes, resolver)) for name in ("x", "y", "z")}
    _refuse_twice(list(axes.values()))
    _refuse_hidden(typed, scenes, list(axes.values()))
    for name, axis in axes.items():
        if any(text.partition("=")[0].strip().casefold() == ROUND for text in getattr(typed, name)):
            _refuse_other_bases(scenes, [other for key, other in axes.items() if key != name], axis, resolver)
    if typed.baseline not in BASELINES:
        raise BlockweightError(
            f"{quoted(typed.baseline)} is no place for a baseline; it is one of: {', '.join(BASELINES)}."
        )
    if typed.baseline != "none":
        name = "x" if typed.baseline == "column" else "y"
        axes[name] = with_baseline(axes[name], "no LoRA")
    ask = PlotAsk(scenes, **axes, title=typed.title)
    if ask.cells < 2:
        raise BlockweightError(
            "The plot has a single cell; give an axis, such as --x steps=10,20, or several prompts or seeds."
        )
    return ask


def scenes_of_plot(typed: TypedPlot) -> tuple[tuple[str, Shot], ...]:
    """Every prompt with every seed, each called by what it differs in; or the scenes that are given."""
    if typed.scenes:
        return typed.scenes
    prompts, seeds = typed.prompts or (typed.shot.prompt,), parse_seeds(typed.seeds or USUAL_SEED)
    return tuple(
        ("\n".join([label] * (len(prompts) > 1) + [f"seed {seed}"] * (len(seeds) > 1)),
         replace(typed.shot, prompt=prompt, seed=seed))
        for prompt, label in zip(prompts, differences(prompts), strict=True)
        for seed in seeds
    )  # fmt: skip


def differences(prompts: Sequence[str]) -> tuple[str, ...]:
    """What to call each of these prompts: without the tags in front and at the end that all of them share, where
    something is left of each.

    >>> differences(["1girl, red dress, night", "1girl, blue suit, night"])
    ('red dress', 'blue suit')
    """
    split = [[part.strip() for part in re.findall(r"<[^<>]*>|[^,<]+", prompt)] for prompt in prompts]
    split = [[part for part in parts if part] for parts in split]
    head = _shared(split)
    tail = _shared([parts[head:][::-1] for parts in split])
    left = [", ".join(parts[head : len(parts) - tail]) for parts in split]
    return tuple(left) if all(left) else tuple(prompts)


def _shared(rows: Sequence[Sequence[str]]) -> int:
    """How many items all rows begin with."""
    return len(list(takewhile(lambda items: len(set(items)) == 1, zip(*rows, strict=False))))


TWICE = ("sr", "weights", "tag")
"""Kinds that may stand on two axes: texts are searched one after another, weights combined, tags added."""


def _refuse_twice(axes: Sequence[Axis]) -> None:
    kinds = [kind for axis in axes for kind in axis.kinds]
    twice = next((kind for kind in kinds if kinds.count(kind) > 1 and kind not in TWICE), None)
    if twice is not None:
        raise BlockweightError(f"{twice} stands on two axes, and only one of them could count; take one off.")


def _refuse_hidden(typed: TypedPlot, scenes: Sequence[tuple[str, Shot]], axes: Sequence[Axis]) -> None:
    """Rows that an axis would make alike, whatever they are called; and pictures of nothing."""
    kinds = {kind for axis in axes for kind in axis.kinds}
    if "seed" in kinds and (typed.seeds or len({shot.seed for _, shot in scenes}) > 1):
        raise BlockweightError("Seeds stand on an axis and are given by --seeds too; leave one of the two out.")
    if "prompt" in kinds and len({shot.prompt for _, shot in scenes}) > 1:
        raise BlockweightError("Prompts stand on an axis and are given by --prompt too; leave one of the two out.")
    if "prompt" not in kinds and not typed.scenes and not (typed.shot.prompt.strip() or any(typed.prompts)):
        raise BlockweightError("A plot needs a prompt; give one with --prompt, or prompts on an axis.")


def _refuse_other_bases(
    scenes: Sequence[tuple[str, Shot]], others: Sequence[Axis], axis: Axis, resolver: Resolver
) -> None:
    """A round was written out for one LoRA with one set of weights: BlockweightError where anything makes another of
    it."""
    moved = [[*axis.kinds].count(kind) for kind in ("lora", "tag")]
    shots = [shot_at(shot, place) for _, shot in scenes for other in others for place in (Place(""), *other.places)]
    bases = {(resolver.plotted_digest(shot), resolver.weights_of(shot).values) for shot in shots if not shot.lora.off}
    if any(moved) or len(bases) > 1:
        raise BlockweightError(
            "A round moves the blocks of one LoRA with one set of weights, and the plot has several; plot them apart."
        )


def _rounds(texts: Sequence[str], scenes: Sequence[tuple[str, Shot]], resolver: Resolver) -> list[str]:
    """The texts, a round's variants written out as block weights."""
    return [_written_out(text, scenes, resolver) for text in texts]


def _written_out(text: str, scenes: Sequence[tuple[str, Shot]], resolver: Resolver) -> str:
    name, equals, values = text.partition("=")
    if not equals or name.strip().casefold() != ROUND:
        return text
    shot = scenes[0][1]
    if values.strip().startswith("@"):
        values = ",".join(filter(None, read_text(Path(values.strip()[1:])).removeprefix("\ufeff").splitlines()))
    if not values.strip():
        raise BlockweightError(f"The axis {ROUND} has no values; write one of: {', '.join(SERIES)}.")
    lines = [line for value in split_values(values) for line in round_lines(value, shot, resolver)]
    return f"{find_kind('weights').name}=" + "\n".join(lines)


def round_lines(text: str, shot: Shot, resolver: Resolver) -> list[str]:
    """A round's variants as presets, from `sub`, `sub:0.25` or `sub:0.25:IN00-IN03`, blocks that stay. BlockweightError
    for another word, and an empty round."""
    current = resolver.weights_of(shot)
    kind, step, fixed = (*re.split(r"\s*:\s*", text, maxsplit=2), "", "")[:3]
    if kind.replace("-", "").casefold() not in map(str.casefold, SERIES):
        raise BlockweightError(f"There is no round {quoted(kind)}; use one of: {', '.join(SERIES)}.")
    kept = set(parse_blocks(fixed, current.layout, empty=()))
    absent = set(current.layout.blocks) - set(resolver.blocks_of(shot))
    return list(plan_round(kind.replace("-", ""), current, kept | absent, parse_weight(step or "0.5")).presets())
