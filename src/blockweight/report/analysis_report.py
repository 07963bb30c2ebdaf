"""The report of an analysis: one self-contained page of all that was measured of a LoRA's blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from blockweight.measure import CHANGE, DIFF, INSIDE, OUTSIDE, EffectTable, Suggestion, Verdict
from blockweight.report.analysis_pictures import ScenePictures, picture_comparisons
from blockweight.report.analysis_words import METHODS, plain_words
from blockweight.report.bar_figures import Yardstick, effect_bars, ranked, seed_yardstick
from blockweight.report.figure_tables import (
    aspects_table,
    pairs_table,
    ranking_table,
    regions_table,
    steps_table,
    yardstick_table,
)
from blockweight.report.figure_words import ASPECT_LABELS, Labels, aspect_label, short_number, with_unit
from blockweight.report.heat_figures import Pair, aspect_strips, interaction_matrix, step_map
from blockweight.report.html import render_report
from blockweight.report.page import (
    Block,
    DataTable,
    Facts,
    Figure,
    Headline,
    Headlines,
    Prose,
    Report,
    Section,
    SuggestionTable,
)
from blockweight.report.scatter_figure import inside_outside_figure
from blockweight.weights import format_weight

_FURTHER_BARS = 12
"""So many blocks are drawn of every aspect but the first; the table beside the figure has all."""

_ORDER = (Verdict.KEEP, Verdict.DROP, Verdict.UNKNOWN)


@dataclass(frozen=True, eq=False)
class StepMapFigure:
    """What heat_figures.step_map draws: `values` (blocks, steps)."""

    blocks: tuple[str, ...]
    steps: tuple[str | int, ...]
    values: ArrayLike
    unit: str = ""
    noise_levels: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class PairFigure:
    """What heat_figures.interaction_matrix draws: symmetric `values` (blocks, blocks)."""

    blocks: tuple[str, ...]
    values: ArrayLike
    unit: str = ""
    marked: frozenset[Pair] = frozenset()


@dataclass(frozen=True, eq=False)
class AnalysisFindings:
    """All that the report tells. `method` is one of METHODS, or a sentence; `value` and `base` the Range; `cost` what
    the analysis took, in words; `summary` stands first (empty: it is made from the figures). `floors` are the noise
    floors by aspect, in its unit; `quiet` the (aspect, block) pairs that noise may explain. What is empty is left out.
    """

    lora: str
    model: str
    method: str
    table: EffectTable
    value: float
    base: float
    cost: str = ""
    summary: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    quiet: frozenset[Pair] = frozenset()
    yardsticks: tuple[Yardstick, ...] = ()
    steps: StepMapFigure | None = None
    pairs: PairFigure | None = None
    pictures: tuple[ScenePictures, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    labels: Labels = field(default_factory=lambda: ASPECT_LABELS)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Block → suggested verdict."""
        return {suggestion.block: suggestion.verdict for suggestion in self.suggestions}

    @property
    def main_aspect(self) -> str | None:
        """The aspect that the headlines speak of: the first of `change`, `diff` and the table's own order that any
        block was measured by."""
        return next((each for each in (CHANGE, DIFF, *self.table.aspects) if self.table.effects(each)), None)


def analysis_report(findings: AnalysisFindings) -> str:
    """The report as one HTML file's text, under 5 MB: figures as SVG with their tables, pictures embedded; the same
    text for the same findings."""
    return render_report(analysis_page(findings))


def analysis_page(findings: AnalysisFindings) -> Report:
    """The report as plain values, section by section; a section without data is left out."""
    sections: list[Section] = []
    if findings.main_aspect is None:
        sections.append(Section("In short", (Prose(("No block was measured: analyse at least one.",)),)))
    else:
        words = findings.summary or plain_words(findings.table, findings.main_aspect, findings.suggestions,
                                                findings.quiet, findings.yardsticks, findings.labels)  # fmt: skip
        sections.append(Section("In short", (Prose(tuple(words)),)))
        for make in (_suggestions, _aspects, _rankings, _places, _seeds, _steps, _pairs, _pictures):
            section = make(findings)
            if section is not None:
                sections.append(section)
    settings = _settings(findings)
    if settings.blocks:
        sections.append(settings)
    way = METHODS.get(findings.method)
    lead = findings.method if way is None else way.lead.format(**_range(findings))
    return Report(
        f"What each block of {findings.lora.removesuffix('.safetensors')} does",
        lead,
        tuple(sections),
        opening=_opening(findings),
    )


def _range(findings: AnalysisFindings) -> dict[str, str]:
    return {"value": format_weight(findings.value), "base": format_weight(findings.base)}


def _opening(findings: AnalysisFindings) -> tuple[Block, ...]:
    table, main = findings.table, findings.main_aspect
    figures = []
    if main is not None:
        effects, label = ranked(table, main), aspect_label(main, findings.labels)
        strongest = with_unit(short_number(effects[0].mean), label.unit)
        figures.append(Headline("Strongest block", effects[0].block, f"{label.title}: {strongest}"))
        note = "measured" if len(effects) == len(table.blocks) else f"of {len(table.blocks)} measured"
        figures.append(Headline("Blocks", str(len(effects)), note))
        figures.append(Headline("Scenes", str(len(table.scenes)), _scenes_note(table)))
    if findings.suggestions:
        counts = [list(findings.verdicts.values()).count(verdict) for verdict in _ORDER]
        note = " · ".join(f"{count} {verdict.value}" for count, verdict in zip(counts, _ORDER, strict=True))
        figures.append(Headline("Settled", f"{counts[0] + counts[1]} of {sum(counts)}", note))
    facts = [
        ("LoRA", findings.lora),
        ("Model", findings.model),
        ("Method", METHODS[findings.method].name if findings.method in METHODS else findings.method),
        ("Range", "{value}, all others {base}".format(**_range(findings))),
        ("Cost", findings.cost),
    ]
    blocks: list[Block] = [Headlines(tuple(figures))] if figures else []
    return (*blocks, Facts(tuple((name, value) for name, value in facts if value)))


def _scenes_note(table: EffectTable) -> str:
    prompts, seeds = len({scene.prompt for scene in table.scenes}), len({scene.seed for scene in table.scenes})
    return f"{prompts} prompt{'s' * (prompts != 1)}, {seeds} seed{'s' * (seeds != 1)}"


def _suggestions(findings: AnalysisFindings) -> Section | None:
    if not findings.suggestions:
        return None
    chosen = sorted(findings.suggestions, key=lambda each: _ORDER.index(each.verdict))
    effects = tuple(each for each in findings.table.block_effects() if each.inside is not None)
    lead = "From the measurement alone. Unknown means that it does not settle the question, not that a block is idle."
    return Section("Suggestions", (SuggestionTable(tuple(chosen), effects),), lead)


def _aspects(findings: AnalysisFindings) -> Section | None:
    figure = Figure(
        aspect_strips(findings.table, labels=findings.labels, quiet=findings.quiet),
        "Mean over the scenes. Every row has its own scale, so colours compare blocks, not aspects.",
        "Heat strips: a row an aspect, a column a block",
    )
    return Section("Every block by every aspect", (figure, aspects_table(findings.table, findings.labels)))


def _rankings(findings: AnalysisFindings) -> Section | None:
    table, main = findings.table, findings.main_aspect
    shown = [each for each in table.aspects if ":" not in each or each.partition(":")[0] not in ASPECT_LABELS]
    whole = [each for each in shown if each != main and table.effects(each)]
    blocks: list[Block] = []
    for number, aspect in enumerate([main, *whole] if main else whole):
        title = aspect_label(aspect, findings.labels).title
        bars = effect_bars(table, aspect, f"Blocks by {title}", floor=findings.floors.get(aspect),
                           verdicts=findings.verdicts, most=_FURTHER_BARS if number else None,
                           labels=findings.labels)  # fmt: skip
        floor = f" Noise floor: {_floor_text(findings, aspect)}." if aspect in findings.floors else ""
        blocks += [
            Figure(bars, f"{title[:1].upper()}{title[1:]}, strongest first.{floor}", f"Bars: blocks by {title}"),
            ranking_table(table, aspect, findings.labels),
        ]
    return Section("Strongest first", tuple(blocks))


def _floor_text(findings: AnalysisFindings, aspect: str) -> str:
    return with_unit(short_number(findings.floors[aspect]), aspect_label(aspect, findings.labels).unit)


def _places(findings: AnalysisFindings) -> Section | None:
    table = findings.table
    bases = dict.fromkeys(aspect.partition(":")[0] for aspect in table.aspects)
    blocks: list[Block] = []
    for base in bases:
        inside, outside = (table.effects(f"{base}:{region}") for region in (INSIDE, OUTSIDE))
        if not {effect.block for effect in inside} & {effect.block for effect in outside}:
            continue
        title = aspect_label(base, findings.labels).title
        floor = findings.floors.get(f"{base}:{INSIDE}", findings.floors.get(base))
        largest = max(effect.spread[1] for effect in (*inside, *outside))
        drawn = inside_outside_figure(table, base, f"Where blocks work: {title}",
                                      floor=floor if floor else max(largest, 1e-9) / 1000,
                                      typical=_typical(findings) if base == CHANGE else None,
                                      verdicts=findings.verdicts, labels=findings.labels)  # fmt: skip
        caption = f"{title[:1].upper()}{title[1:]} inside the mask against outside, mean and range over the scenes."
        blocks += [Figure(drawn, caption, f"Scatter: {title} inside and outside the mask")]
        blocks += [regions_table(table, base, findings.labels)]
    return Section("Where it works", tuple(blocks)) if blocks else None


def _typical(findings: AnalysisFindings) -> float | None:
    """The ratio inside to outside that the suggestions compare with."""
    ratios = {each.ground.typical for each in findings.suggestions if each.ground is not None and each.ground.ratio}
    return ratios.pop() if len(ratios) == 1 else None


def _seeds(findings: AnalysisFindings) -> Section | None:
    sticks = [each for each in findings.yardsticks if each.mean > 0 and findings.table.effects(each.aspect)]
    if not sticks:
        return None
    figure = Figure(
        seed_yardstick(findings.table, sticks, labels=findings.labels),
        "Every dot is a block. Another seed alone changes a picture by 100 %.",
        "Dots: the effect of each block as a share of what two seeds differ by",
    )
    return Section("Beside another seed", (figure, yardstick_table(findings.table, sticks, findings.labels)))


def _steps(findings: AnalysisFindings) -> Section | None:
    if (each := findings.steps) is None or not each.blocks or not each.steps:
        return None
    drawn = step_map(each.blocks, each.steps, each.values, unit=each.unit, noise_levels=each.noise_levels)
    caption = "The first steps lay out the picture, the last ones its detail. One scale for all cells."
    figure = Figure(drawn, caption, "Heat map: blocks by steps of the sampler")
    return Section("When it works", (figure, steps_table(each.blocks, each.steps, each.values)))


def _pairs(findings: AnalysisFindings) -> Section | None:
    if (each := findings.pairs) is None or len(each.blocks) < 2:
        return None
    drawn = interaction_matrix(each.blocks, each.values, unit=each.unit, marked=each.marked)
    caption = "What two blocks do together beyond the sum of what each does alone."
    figure = Figure(drawn, caption, "Matrix: pairs of blocks that do not add up")
    return Section("Pairs that do not add up", (figure, pairs_table(each.blocks, each.values)))


def _pictures(findings: AnalysisFindings) -> Section | None:
    if findings.main_aspect is None or not findings.pictures:
        return None
    order = [effect.block for effect in ranked(findings.table, findings.main_aspect)]
    comparisons = picture_comparisons(findings.pictures, order, findings.verdicts)
    return Section("Pictures", comparisons) if comparisons else None


def _settings(findings: AnalysisFindings) -> Section:
    scenes = findings.table.scenes
    rows = tuple((str(number), each.label, str(each.seed), each.prompt) for number, each in enumerate(scenes, 1))
    table = (DataTable("The scenes", ("Scene", "label", "seed", "prompt"), rows),) if rows else ()
    facts = (Facts(findings.settings),) if findings.settings else ()
    return Section("Settings", (*facts, *table))
