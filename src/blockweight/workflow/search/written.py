"""What a search leaves in the project: its numbers, and one page with the front and pictures of the choices."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from blockweight.measure import Tried, Wish, free_wishes, parse_wishes, segments_text
from blockweight.plan import Variant
from blockweight.project import SearchChoice, SearchPlan, SearchReference, Span
from blockweight.report import (
    Cell,
    Comparison,
    Copyable,
    DataTable,
    Facts,
    Figure,
    FrontMark,
    FrontPoint,
    FrontWords,
    Report,
    Section,
    WeightTable,
    front_figure,
    write_report,
    write_whole,
)
from blockweight.workflow.folders import result_folder
from blockweight.workflow.search.also import lora_alone
from blockweight.workflow.search.measuring import Gauge
from blockweight.workflow.search.text import asked_lines, point_text, search_facts, span_text
from blockweight.workflow.tuning_project import TuningProject

PAGE = "page.html"

MOST_SHOWN = 4
"""Scenes of each kind on the page; all are measured."""

HOW_TO_READ = (
    "The choices were picked because they did well in the scenes that were searched in, so what they did there "
    "flatters them; what they do in the scenes held out does not."
)


@dataclass(frozen=True, eq=False)
class SearchPictures:
    """A search that is complete: the plan with its choices, all that was tried, where its pictures are measured, and
    the choices as variants."""

    plan: SearchPlan
    tried: tuple[Tried, ...]
    searched: Gauge
    held: Gauge
    variants: tuple[Variant, ...]


def search_folder(tuning: TuningProject, plan: SearchPlan) -> Path:
    """The folder `search-01` of the search in the project's, made if it is missing."""
    settings = {
        "search": plan.number,
        "objectives": plan.wishes,
        "segments": segments_text(plan.every_segment),
        "seed": plan.seed,
    }
    return result_folder(tuning.folder, "search", settings)


def write_search(tuning: TuningProject, found: SearchPictures) -> Path:
    """Write `search.json` and `page.html` to the search's folder; returns it."""
    folder = search_folder(tuning, found.plan)
    facts = json.dumps({**search_facts(found.plan), "tried": _tried(found)}, ensure_ascii=False, indent=2)
    write_whole(folder / "search.json", f"{facts}\n".encode("utf-8", "backslashreplace"))
    write_report(_report(found), folder / PAGE)
    return folder


def _tried(found: SearchPictures) -> list[dict[str, object]]:
    return [{"trial": each.number, "values": list(each.values), "changed": each.changed} for each in found.tried]


def _report(found: SearchPictures) -> Report:
    plan, wishes = found.plan, parse_wishes(found.plan.wishes)
    lines = [line.partition(":") for line in asked_lines(plan)]
    facts = Facts(tuple((name, told.strip()) for name, _, told in lines))
    rows: list[tuple[str, str, SearchChoice | SearchReference]] = [
        *((each.label, "", each) for each in plan.references),
        *((str(number), f"{plan.changed(each.weights)}", each) for number, each in enumerate(plan.choices, 1)),
    ]
    columns = ("", "blocks changed", *(f"{wish.text}{where}" for wish in wishes for where in ("", ", held out")))
    table = DataTable(
        "What the choices do",
        columns,
        tuple((name, changed, *_cells(wishes, each)) for name, changed, each in rows),
    )
    sections = [
        Section("The front", (front_of(plan, found.tried), table), HOW_TO_READ),
        Section("Pictures", (_pictures(found, found.searched),)),
        Section("Pictures of the scenes held out", (_pictures(found, found.held),)),
        Section("The weights", _weights(plan)),
    ]
    return Report(
        title="A search for block weights",
        lead="Every choice is better than every other in something, or changes fewer blocks; a person chooses.",
        opening=(facts,),
        sections=tuple(sections),
    )


def _cells(wishes: tuple[Wish, ...], each: SearchChoice | SearchReference) -> list[str]:
    pairs = zip(wishes, each.searched, each.held, strict=True)
    return [span_text(wish, span) for wish, *both in pairs for span in both]


def front_of(plan: SearchPlan, all_tried: tuple[Tried, ...], translated: Callable[[str], str] = str) -> Figure:
    """The front of a complete search and all that was tried: the first objective upwards; the second, or where there is
    none the blocks that are changed, to the right. The words in the drawing are `translated`."""
    wishes = parse_wishes(plan.wishes)
    free = free_wishes(wishes)
    up = wishes.index(free[0])
    across = wishes.index(free[1]) if len(free) > 1 else None
    title = translated("blocks changed") if across is None else _axis_title(wishes[across], translated)

    def point(spans: tuple[Span, ...], changed: int) -> FrontPoint:
        y = _scaled(wishes[up], spans[up])
        if across is None:
            return FrontPoint(changed, y.mean, None, _ends(y))
        x = _scaled(wishes[across], spans[across])
        return FrontPoint(x.mean, y.mean, _ends(x), _ends(y))

    marks = [
        FrontMark(_name(each.label, translated), point(each.searched, 0), point(each.held, 0), chosen=False)
        for each in plan.references
    ]
    marks += [
        FrontMark(str(number), point(each.searched, plan.changed(each.weights)),
                  point(each.held, plan.changed(each.weights)), chosen=True)
        for number, each in enumerate(plan.choices, 1)
    ]  # fmt: skip
    tried = [point(tuple(map(Span, each.values)), each.changed) for each in all_tried]
    titles = title, _axis_title(wishes[up], translated)
    words = FrontWords(**{name: translated(word) for name, word in asdict(FrontWords()).items()})
    data = front_figure(titles, [(each.x, each.y) for each in tried], marks, translated("The front"), words)
    caption = "Small dots: all weights that were tried, as means over the scenes that were searched in."
    alt = f"{len(all_tried)} weights by {titles[1]} and {titles[0]}; {len(plan.choices)} are offered."
    return Figure(data, caption, alt)


def _axis_title(wish: Wish, translated: Callable[[str], str]) -> str:
    unit = ["%"] if wish.share else [] if wish.needs_model else ["levels"]
    return f"{wish.name} ({', '.join(map(translated, [*unit, f'to {wish.way}']))})"


def _name(label: str, translated: Callable[[str], str]) -> str:
    """What a reference is called: one LoRA alone, of two, by its own name."""
    alone = lora_alone(label)
    return translated("%(lora)s alone") % {"lora": alone} if alone else translated(label)


def _scaled(wish: Wish, span: Span) -> Span:
    """Shares as percent."""
    by = 100 if wish.share else 1
    return Span(by * span.mean, *(None if end is None else by * end for end in (span.low, span.high)))


def _ends(span: Span) -> tuple[float, float] | None:
    return None if span.low is None or span.high is None else (span.low, span.high)


def _pictures(found: SearchPictures, gauge: Gauge) -> Comparison:
    variants = [*gauge.beside, *found.variants]
    columns = [variant.label for variant in gauge.beside] + [str(number + 1) for number in range(len(found.variants))]
    rows = tuple(f"{scene.label}, seed {scene.seed}" for scene in gauge.scenes[:MOST_SHOWN])
    pictures = [gauge.pictures(variant) for variant in variants]
    cells = tuple(tuple(Cell(each[place]) for each in pictures) for place in range(len(rows)))
    left = len(gauge.scenes) - len(rows)
    caption = f"{left} more scenes are measured and not shown." if left else ""
    return Comparison(rows, tuple(columns), cells, caption)


def _weights(plan: SearchPlan) -> tuple[WeightTable | Copyable, ...]:
    made = [plan.weights_of(each.weights, str(number)) for number, each in enumerate(plan.choices, 1)]
    texts = (
        Copyable(str(number), plan.weights_of(each.weights, plan.weights.name).text(), point_text(plan, each.weights))
        for number, each in enumerate(plan.choices, 1)
    )
    beside = [(str(number), plan.also_of(each.weights)) for number, each in enumerate(plan.choices, 1)]
    also = tuple(replace(weights, name=name) for name, weights in beside if weights is not None)
    others = (Copyable(f"{each.name}, further LoRA", each.text()) for each in also)
    return WeightTable(tuple(made)), *texts, *([WeightTable(also)] if also else []), *others
