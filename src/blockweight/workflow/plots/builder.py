"""A plot put together on a page: chips in slots, each a kind with its values, read one by one so that what is wrong is
said where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from blockweight.errors import BlockweightError
from blockweight.plan import Scene
from blockweight.workflow.plots.axes import NO_AXIS, Axis, Place, Typed, shot_at, together, typed_values, with_baseline
from blockweight.workflow.plots.axis_kinds import find_kind
from blockweight.workflow.plots.chip_weights import weights_values
from blockweight.workflow.plots.palette import FILES, Palette, palette_kind
from blockweight.workflow.plots.planning import MOST_CELLS, PlannedPlot, PlotAsk, plan_plot
from blockweight.workflow.plots.project_shots import project_shots
from blockweight.workflow.plots.reading import BASELINES, TWICE
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import Shot
from blockweight.workflow.tuning_project import TuningProject

SLOTS = ("x", "y", "z")
"""Columns, rows and grids."""


@dataclass(frozen=True)
class TypedChip:
    """A chip as it is on the page: the name of its kind, and its values, as a text or chosen from a list."""

    kind: str
    text: str = ""
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True)
class TypedBuilder:
    """A plot as it is on the page: the chips of each slot, the numbers of the scenes from 1 (none: all), where pictures
    without the LoRA stand (BASELINES), what fills blocks that a text of weights lacks, its title. `words` are those of
    the page's language: of the kinds by name, of `no LoRA` and the `current`
    weights, and of a scene's seed (`scene seed`)."""

    slots: tuple[tuple[TypedChip, ...], ...] = ((), (), ())
    scenes: tuple[int, ...] = ()
    baseline: str = "none"
    fill: float | None = None
    title: str = ""
    language: str = "en"
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadChip:
    """A chip as it was read: what its values are called, or why it cannot be used. `empty` while nobody has given it
    values."""

    labels: tuple[str, ...] = ()
    error: str = ""
    empty: bool = False


@dataclass(frozen=True)
class BuiltPlot:
    """What was read of a plot: its chips by slot, and the plot; None with the reason in `error`, or at a chip."""

    chips: tuple[tuple[ReadChip, ...], ...]
    planned: PlannedPlot | None = None
    error: str = ""

    @property
    def reason(self) -> str:
        """Why there is no plot."""
        said = (chip.error for slot in self.chips for chip in slot if chip.error)
        return self.error or next(said, "A chip has no values yet; give it some, or take it away.")


@dataclass(frozen=True)
class _Chip:
    """A chip on the way: where it stands, and its values; None while they cannot be read."""

    slot: int
    number: int
    kind: str
    typed: Typed | None
    read: ReadChip


def read_builder(tuning: TuningProject, typed: TypedBuilder, palette: Palette) -> BuiltPlot:
    """Read all of it. What is wrong stands in the answer; BlockweightError only for what no page sends."""
    if len(typed.slots) != len(SLOTS) or typed.baseline not in BASELINES:
        raise BlockweightError("The page's slots cannot be read; load the page anew.")
    state = tuning.state()
    missing = [number for number in typed.scenes if not 1 <= number <= len(state.scenes)]
    if missing:
        raise BlockweightError(f"The project has no scene {missing[0]}; load the page anew.")
    chosen = [path for slot in typed.slots for chip in slot if _of_files(chip) for path in chip.chosen]
    resolver = palette.resolver(chosen, typed.fill)
    scenes = _scenes(tuning, typed)
    shot = scenes[0][1]
    chips = [
        _read(tuning, slot, number, chip, shot, resolver, palette, typed)
        for slot, row in enumerate(typed.slots)
        for number, chip in enumerate(row)
    ]
    chips = list(_checked_together(chips))
    chips = list(_checked(chips, shot, resolver))
    shown = tuple(tuple(chip.read for chip in chips if chip.slot == slot) for slot in range(len(SLOTS)))
    if any(chip.read.error or chip.read.empty for chip in chips):
        return BuiltPlot(shown)
    try:
        ask = _ask(typed, scenes, [_axis(typed, chips, slot) for slot in range(len(SLOTS))])
        return BuiltPlot(shown, plan_plot(ask, resolver))
    except BlockweightError as error:
        return BuiltPlot(shown, None, str(error))


def _of_files(chip: TypedChip) -> bool:
    return palette_kind(chip.kind).editor in FILES


def _scenes(tuning: TuningProject, typed: TypedBuilder) -> tuple[tuple[str, Shot], ...]:
    """The chosen scenes, called as the page's language has it. Of scenes that differ only in what stands on an axis,
    the first: the others would be the same pictures again."""
    state = tuning.state()
    kinds = {chip.kind for slot in typed.slots for chip in slot}
    shots = [shot for _, shot in project_shots(state, typed.scenes)]
    chosen = [scene for number, scene in enumerate(state.scenes, 1) if not typed.scenes or number in typed.scenes]
    alike: dict[Scene, tuple[Scene, Shot]] = {}
    for scene, shot in zip(chosen, shots, strict=True):
        alike.setdefault(_without(scene, kinds), (scene, shot))
    kept = list(alike.values())
    several, seeds = (len({getattr(scene, name) for scene, _ in kept}) > 1 for name in ("label", "seed"))
    seed = typed.words.get("scene seed", "seed")
    return tuple(
        ("\n".join([scene.label] * several + [f"{seed} {scene.seed}"] * (seeds and "seed" not in kinds)), shot)
        for scene, shot in kept
    )


def _without(scene: Scene, kinds: Collection[str]) -> Scene:
    """The scene without what these kinds set anew, and without its name if that is its prompt's."""
    seed = 0 if "seed" in kinds else scene.seed
    prompt, label = ("", "") if "prompt" in kinds else (scene.prompt, scene.label)
    negative = "" if "negative" in kinds else scene.negative_prompt
    return replace(scene, label=label, prompt=prompt, negative_prompt=negative, seed=seed)


def _read(
    tuning: TuningProject,
    slot: int,
    number: int,
    chip: TypedChip,
    shot: Shot,
    resolver: Resolver,
    palette: Palette,
    plot: TypedBuilder,
) -> _Chip:
    """The chip with its values, or with why they cannot be read."""
    offered = palette_kind(chip.kind)
    made = _Chip(slot, number, chip.kind, None, ReadChip())
    if not (chip.text.strip() or chip.chosen):
        return replace(made, read=ReadChip(empty=True))
    kind = find_kind(chip.kind)
    try:
        if chip.kind == "weights":
            typed: Typed = weights_values(tuning, chip.text, shot, resolver, plot.fill, plot.words)
        elif offered.editor in FILES:
            typed = typed_values(kind, tuple(palette.open_path(offered.editor, each) for each in chip.chosen))
        else:
            typed = typed_values(kind, chip.chosen or tuple(kind.split(chip.text)))
        labels = tuple(typed.label(each) for each in range(len(typed.values)))
    except BlockweightError as error:
        return replace(made, read=ReadChip(error=str(error)))
    return replace(made, typed=typed, read=ReadChip(labels))


def _checked_together(chips: Sequence[_Chip]) -> Iterator[_Chip]:
    """The chips, with what does not fit between them said at the later one."""
    kinds = {chip.kind for chip in chips}
    for chip in chips:
        before = [other for other in chips if (other.slot, other.number) < (chip.slot, chip.number)]
        error = chip.read.error or _misfit(chip, before, kinds, chips)
        yield replace(chip, read=replace(chip.read, error=error))


def _misfit(chip: _Chip, before: Sequence[_Chip], kinds: set[str], chips: Sequence[_Chip]) -> str:
    if any(other.kind == chip.kind and other.slot == chip.slot for other in before):
        return "The same stands in this slot already; write its values into one chip."
    if chip.kind not in TWICE and any(other.kind == chip.kind for other in before):
        return "The same stands in another slot already, and only one of them could count; take one away."
    if chip.kind == "blocks" and "values" not in kinds:
        return "The blocks need weights to be set to; put 'Weight of those blocks' into a slot too."
    if chip.kind == "values" and "blocks" not in kinds:
        return "The weights need blocks that they are for; put 'Blocks' into a slot too."
    count = 0 if chip.typed is None else len(chip.typed.values)
    most = max((len(other.typed.values) for other in chips if other.slot == chip.slot and other.typed), default=0)
    if count not in (0, 1, most):
        return (
            f"What moves together needs as many values each, but here are {count} beside {most}; give as many, or a "
            "single one for all."
        )
    return ""


def _checked(chips: Sequence[_Chip], shot: Shot, resolver: Resolver) -> Iterator[_Chip]:
    """The chips, with what is wrong with a value said at the one that it came with: tried with the first values of all
    others, some of which are only of use together."""
    for chip in chips:
        if chip.typed is None or chip.read.error:
            yield chip
            continue
        others = [
            (other.typed, 0)
            for other in chips
            if other is not chip and other.typed is not None and not other.read.error
        ]
        error = _refusal(others, shot, resolver, [(chip.typed, number) for number in range(len(chip.typed.values))])
        if error and error != _refusal(others, shot, resolver, [None]):
            yield replace(chip, read=replace(chip.read, error=error))
        else:
            yield chip


def _refusal(
    others: Sequence[tuple[Typed, int]],
    shot: Shot,
    resolver: Resolver,
    tried: Sequence[tuple[Typed, int] | None],
) -> str:
    """Why one of the tried values cannot be drawn beside the others; empty if all can."""
    for each in tried:
        held = others if each is None else [*others, each]
        place = Place("", tuple((one.kind.turn, one.edit(number)) for one, number in held))
        try:
            resolver.job(shot_at(shot, place))
        except BlockweightError as error:
            return str(error)
    return ""


def _axis(typed: TypedBuilder, chips: Sequence[_Chip], slot: int) -> Axis:
    found = [chip.typed for chip in chips if chip.slot == slot and chip.typed is not None]
    titles = [typed.words.get(each.kind.name, each.kind.title) for each in found]
    axis = replace(together(found), title=", ".join(titles)) if found else NO_AXIS
    moving = [(title, each) for title, each in zip(titles, found, strict=True) if len(each.values) > 1]
    if len(moving) > 1:  # a number alone says nothing there
        named = (
            replace(place, label="\n".join(f"{title}: {each.label(number)}" for title, each in moving))
            for number, place in enumerate(axis.places)
        )
        axis = replace(axis, places=tuple(named))
    wanted = {"column": 0, "row": 1}.get(typed.baseline)
    return with_baseline(axis, typed.words.get("no LoRA", "no LoRA")) if wanted == slot else axis


def _ask(typed: TypedBuilder, scenes: tuple[tuple[str, Shot], ...], axes: Sequence[Axis]) -> PlotAsk:
    x, y, z = axes
    ask = PlotAsk(scenes, x, y, z, " ".join(typed.title.split()))
    if ask.cells < 2:
        raise BlockweightError("The plot has a single picture; put a chip into a slot, or choose more scenes.")
    if ask.cells > MOST_CELLS:
        raise BlockweightError(
            f"The plot would have {ask.cells} pictures, more than {MOST_CELLS}; give fewer values or scenes."
        )
    return ask
