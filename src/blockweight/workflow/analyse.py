"""Analyse what each block does, by the Effective Block Analyzer's way of changing one block at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blockweight.measure import (
    CHANGE,
    DIFF,
    DIFF_THRESHOLD,
    INSIDE,
    NOISE_FLOOR,
    OUTSIDE,
    BlockEffects,
    EffectTable,
    Mask,
    Picture,
    SceneName,
    Suggestion,
    Verdict,
    mask_digest,
    measure_effects,
    prompt_groups,
    suggest_all,
)
from blockweight.plan import BlockAnalysis, Scene
from blockweight.report import (
    AnalysisPictures,
    DifferenceColour,
    analysis_pages,
    effects_csv,
    inside_outside,
    ranked_bars,
    write_png,
    write_whole,
)
from blockweight.workflow.folders import result_folder
from blockweight.workflow.workbench import Workbench, preview_text


@dataclass(frozen=True)
class Analysis:
    """A rendered and measured analysis. `pictures[scene][0]` is the scene's source, `[1 + n]` the plan's block n;
    `settings` tell as plain values what it was made from."""

    settings: Mapping[str, object]
    plan: BlockAnalysis
    scenes: tuple[Scene, ...]
    pictures: Sequence[Sequence[Picture]]
    effects: tuple[BlockEffects, ...]
    suggestions: tuple[Suggestion, ...]

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Block → suggested verdict."""
        return {suggestion.block: suggestion.verdict for suggestion in self.suggestions}

    def seed_pictures(self, number: int) -> AnalysisPictures:
        """One scene's pictures, as the grid wants them."""
        source, *changed = self.pictures[number]
        pairs = tuple(zip(self.plan.blocks, changed, strict=True))
        return AnalysisPictures(self.plan.value, self.scenes[number].seed, source, pairs)


def analyse(
    bench: Workbench,
    plan: BlockAnalysis,
    scenes: Sequence[Scene],
    inside: Mask | None = None,
    region: str = "the masked region",
    threshold: int = DIFF_THRESHOLD,
) -> Analysis:
    """Render what the plan needs, measure every block in every scene, and suggest a verdict per block.

    `inside` is the mask of what the LoRA is for (its face, say), called `region` in the reasons. What previews suggest
    is not recorded in the project.
    """
    pictures = bench.pictures("Analysing the blocks", scenes, plan.variants())
    pairs = {block: [(row[1 + number], row[0]) for row in pictures] for number, block in enumerate(plan.blocks)}
    groups = prompt_groups([scene.prompt for scene in scenes])
    effects = measure_effects(pairs, inside, threshold, groups)
    suggestions = suggest_all(effects, NOISE_FLOOR, region=region)
    if not preview_text(scenes):
        told = {suggestion.block: [suggestion.verdict.value, *suggestion.reasons] for suggestion in suggestions}
        bench.project.record("suggested", told)
    mask = None if inside is None else mask_digest(inside)
    facts = {"blocks": list(plan.blocks), "range": [plan.value, plan.base], "threshold": threshold, "mask": mask}
    settings = bench.settings(scenes, **facts)
    return Analysis(settings, plan, tuple(scenes), pictures, effects, suggestions)


def write_analysis(
    analysis: Analysis,
    project: Path,
    lora: str,
    *,
    change_xy: bool = True,
    colour: DifferenceColour = "black",
    threshold: int = DIFF_THRESHOLD,
) -> list[Path]:
    """Write what a person takes away to a folder of its own in the project's, `analysis-01`: a grid per seed (PNG), the
    table (CSV), the ranking (SVG), and with a mask the effect inside against outside (SVG). Results of previews say
    that they are: `analysis-01-preview`. Returns the files."""
    drawn = {**analysis.settings, "difference": colour, "column_per_block": change_xy}
    preview = preview_text(analysis.scenes)
    folder = result_folder(project, "analysis", drawn, "-preview" if preview else "")
    written = []
    for number, scene in enumerate(analysis.scenes):
        pages = analysis_pages(
            analysis.seed_pictures(number),
            f"{lora} ({preview})" if preview else lora,
            f"blocks-{number + 1:02}-seed{scene.seed}",
            change_xy=change_xy,
            colour=colour,
            threshold=threshold,
        )
        for page in pages:
            written.append(folder / f"{page.name}.png")
            write_png(page.grid.image, written[-1], {"parameters": scene.prompt})
    written.append(folder / "effects.csv")
    labels = [f"{scene.label} ({preview})" if preview else scene.label for scene in analysis.scenes]
    write_whole(written[-1], effects_csv(_table(analysis, labels)))
    written.append(folder / "ranking.svg")
    scale = f"Diff % ({preview})" if preview else "Diff %"
    write_whole(written[-1], ranked_bars([effect.diff for effect in analysis.effects], scale))
    if analysis.effects[0].inside is not None:
        written.append(folder / "inside-outside.svg")
        write_whole(written[-1], inside_outside(analysis.effects, analysis.verdicts))
    return written


def _table(analysis: Analysis, labels: Sequence[str]) -> EffectTable:
    """The effects by aspect, with the scenes under these labels."""
    measured = {DIFF: "diff", CHANGE: "overall", f"{CHANGE}:{INSIDE}": "inside", f"{CHANGE}:{OUTSIDE}": "outside"}
    aspects = {aspect: [getattr(block, name) for block in analysis.effects] for aspect, name in measured.items()}
    found = {aspect: effects for aspect, effects in aspects.items() if None not in effects}
    values = np.array([[effect.samples for effect in effects] for effects in found.values()])
    blocks = tuple(block.block for block in analysis.effects)
    named = zip(labels, analysis.scenes, strict=True)
    scenes = tuple(SceneName(label, scene.seed, scene.prompt) for label, scene in named)
    return EffectTable(tuple(found), blocks, scenes, values)
