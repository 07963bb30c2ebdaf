"""What is compared: two ways to a picture, side by side, in scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.measure import COLOURS, Aim, Mask, Picture, parse_objectives
from blockweight.plan import Job
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.analysis.ask import check_count
from blockweight.workflow.mask_files import read_picture_file
from blockweight.workflow.own_files import load_mask
from blockweight.workflow.plots.axes import Axis, Place
from blockweight.workflow.plots.axis_kinds import LAST
from blockweight.workflow.plots.planning import PlotAsk
from blockweight.workflow.plots.reading import TypedPlot, scenes_of_plot
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import Shot


@dataclass(frozen=True)
class Side:
    """A column of pictures: a LoRA, with block weights (none: all 1), and what it is called."""

    label: str
    lora: Path
    weights: str = ""


@dataclass(frozen=True)
class Pair:
    """A setting by its name, with the two sides that are compared."""

    name: str
    first: Side
    second: Side


@dataclass(frozen=True)
class SceneAsk:
    """What is typed of scenes: `masks` and `references` are files, none, one for all, or one a scene; `colour` is the
    one that may bleed out of a mask; every scene is also drawn with the LoRA `beside`, a name or a tag, if one is
    given."""

    typed: TypedPlot
    resolver: Resolver
    masks: tuple[Path, ...] = ()
    references: tuple[Path, ...] = ()
    colour: str = "green"
    beside: str = ""


@dataclass(frozen=True, eq=False)
class Setting:
    """A scene with its mask and its reference; `group` says what is beside the LoRA, empty for nothing."""

    label: str
    shot: Shot
    group: str
    mask: Mask | None
    reference: Picture | None


def read_scenes(ask: SceneAsk) -> tuple[Setting, ...]:
    """The scenes, first without, then with the LoRA beside. BlockweightError for what cannot be read or found, and
    masks and references of other sizes than the pictures'."""
    typed = scenes_of_plot(ask.typed)
    if not all(shot.prompt.strip() for _, shot in typed):
        raise BlockweightError("The pictures need a prompt; give one with --prompt.")
    check_count(len(ask.masks), len(typed))
    if len(ask.references) not in {0, 1, len(typed)}:
        raise BlockweightError(
            f"{len(ask.references)} references were given for {len(typed)} scenes; give one for all of them, or one "
            "for each."
        )
    bleeding(ask.colour)
    tag = _tag(ask.beside)
    found = []
    for group, tags in (("", ()), (_called(tag), (tag,)))[: 2 if tag else 1]:
        for number, (label, shot) in enumerate(typed):
            placed = replace(shot, tags=(*shot.tags, *tags), lora=replace(shot.lora, beside=True))
            width, height = ask.resolver.job(placed).scene.picture_size
            mask = _of(ask.masks, number)
            reference = _of(ask.references, number)
            found.append(
                Setting(
                    label,
                    placed,
                    group,
                    None if mask is None else load_mask(mask, width, height),
                    None if reference is None else _reference(reference, width, height),
                )
            )
    return tuple(found)


def bleeding(colour: str) -> Aim:
    """How much of a colour is outside the mask. BlockweightError for what is no colour."""
    (aim, *more) = parse_objectives(f"{colour}:outside")
    if more or (aim.kind not in COLOURS and not aim.kind.startswith("#")):
        raise BlockweightError(f"--colour takes one of {', '.join(COLOURS)}, or a colour such as #3c8c50.")
    return aim


def plot_of(settings: Sequence[Setting], sides: Sequence[Side], title: str) -> PlotAsk:
    """The plot: rows of scenes; columns: no LoRA, and the sides."""
    without = Place("no LoRA", ((LAST, lambda shot: shot.with_lora(off=True)),), baseline=True)
    scenes = tuple(("\n".join(filter(None, (each.label, each.group))), each.shot) for each in settings)
    return PlotAsk(scenes, x=Axis("", ("lora", "weights"), (without, *map(_place, sides))), title=title)


def sides_of(pairs: Sequence[Pair], plain: Side) -> tuple[Side, ...]:
    """The plain LoRA as it is, and every other side once, in the pairs' order."""
    return tuple(dict.fromkeys((plain, *(side for pair in pairs for side in (pair.first, pair.second)))))


def _place(side: Side) -> Place:
    weights = (side.weights,) if side.weights else ()
    return Place(side.label, ((0, lambda shot: shot.with_lora(name=str(side.lora), weights=weights)),))


def _of(files: Sequence[Path], number: int) -> Path | None:
    return files[number if len(files) > 1 else 0] if files else None


def _reference(path: Path, width: int, height: int) -> Picture:
    picture = read_picture_file(path)
    if picture.shape[:2] != (height, width):
        raise BlockweightError(
            f"The reference '{path}' has {picture.shape[1]}×{picture.shape[0]} pixels, the pictures have "
            f"{width}×{height}; give one of the same size."
        )
    return picture


def _tag(beside: str) -> str:
    if not beside.strip():
        return ""
    return beside if beside.startswith("<") else LoraTag(beside.strip()).text("")


def _called(tag: str) -> str:
    name = tag.removeprefix("<lora:").partition(":")[0]
    return f"with {Path(name).name.removesuffix('.safetensors')}"


def job_rows(jobs: Sequence[Sequence[Job]], sides: Sequence[Side]) -> list[dict[Side | None, Job]]:
    """A plot's rows of jobs by side; None is for no LoRA."""
    return [dict(zip((None, *sides), row, strict=True)) for row in jobs]
