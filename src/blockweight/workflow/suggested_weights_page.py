"""What a weight suggestion leaves in the project: predicted pictures, one page to look at, and its numbers."""

from __future__ import annotations

import json
from pathlib import Path

from blockweight.measure import Gain, gain_of
from blockweight.report import (
    Cell,
    Comparison,
    Copyable,
    Facts,
    Prose,
    Report,
    Section,
    WeightTable,
    write_png,
    write_report,
    write_whole,
)
from blockweight.workflow.folders import result_folder
from blockweight.workflow.suggest_weights import RenderedSuggestion, SuggestedWeights
from blockweight.workflow.suggested_weights_text import (
    OF_THESE_SCENES,
    analysis_text,
    bound_text,
    budget_text,
    error_text,
    figures_texts,
    reason_text,
    settings_facts,
    suggested_facts,
)
from blockweight.workflow.tuning_project import TuningProject


def write_suggested(
    tuning: TuningProject, suggested: SuggestedWeights, rendered: RenderedSuggestion | None = None
) -> list[Path]:
    """Write a folder `suggestion-01` in the project's: the predicted pictures (PNG), `page.html` with them beside the
    pictures without the LoRA, with all blocks, and (once there are any) rendered, and `suggestion.json`. The same
    suggestion again goes to the same folder. Returns the files."""
    settings = {**settings_facts(suggested), "weights": suggested.weights.text()}
    folder = result_folder(tuning.folder, "suggestion", settings)
    written = []
    scenes = suggested.plan.scenes
    for number, (scene, picture) in enumerate(zip(scenes, suggested.found.pictures, strict=True), 1):
        written.append(folder / f"predicted-{number:02}-seed{scene.seed}.png")
        write_png(picture, written[-1], {"Comment": f"Predicted, not rendered: {suggested.weights.text()}"})
    written += [folder / "page.html", folder / "suggestion.json"]
    write_report(_report(suggested, rendered), written[-2])
    facts = json.dumps(suggested_facts(suggested, rendered), ensure_ascii=False, indent=2)
    write_whole(written[-1], f"{facts}\n".encode("utf-8", "backslashreplace"))
    return written


def _report(suggested: SuggestedWeights, rendered: RenderedSuggestion | None) -> Report:
    found = suggested.found
    figures = [f"{name}: {told}" for name, told in figures_texts(suggested.predicted)]
    basis = Facts((("Analysis", analysis_text(suggested)), ("Budget", budget_text(suggested))))
    sections = [Section("The pictures", (_pictures(suggested, rendered),))]
    if rendered is not None:
        lines = [f"{name}: {text}" for name, text in figures_texts(rendered.figures)]
        sections.append(Section("As rendered", (Prose((*lines, error_text(rendered))),)))
    reasons = tuple((f"{each.block} {each.weight:g}", reason_text(each, suggested)) for each in found.blocks)
    table = WeightTable((suggested.weights,), fixed=frozenset(suggested.held))
    weights = (table, Copyable("Weights", suggested.weights.text()), Facts(reasons))
    return Report(
        title="The least weights",
        lead="Each block is lowered as far as what the LoRA does inside the mask allows. The predicted pictures are "
        "put together from single blocks' effects; nothing was rendered for them.",
        opening=(basis, Prose((*figures, bound_text(found), OF_THESE_SCENES))),
        sections=(*sections, Section("The weights", weights)),
    )


def _pictures(suggested: SuggestedWeights, rendered: RenderedSuggestion | None) -> Comparison:
    columns = ["no LoRA", f"all at {suggested.plan.base:g}", "predicted", *([] if rendered is None else ["rendered"])]
    rows, cells = [], []
    for number, (plain, scene) in enumerate(zip(suggested.plan.scenes, suggested.scenes, strict=True)):
        rows.append(f"{plain.label}, seed {plain.seed}")
        made = [suggested.found.pictures[number], *([] if rendered is None else [rendered.pictures[number]])]
        row = [Cell(scene.without), Cell(scene.source)]
        for picture in made:
            gain = None if scene.without is None else gain_of(picture, scene.without, scene.source, scene.inside)
            row.append(Cell(picture, _note(gain)))
        cells.append(tuple(row))
    return Comparison(tuple(rows), tuple(columns), tuple(cells))


def _note(gain: Gain | None) -> str:
    if gain is None:
        return ""
    told = {"kept inside": gain.kept, "gone outside": gain.gone}
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in told.items() if share is not None)
