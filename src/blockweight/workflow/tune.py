"""One round: the variants around the current weights, rendered and laid out as a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.measure import Picture
from blockweight.plan import Round, Scene, Variant
from blockweight.report import Grid, picture_grid, write_png, write_whole
from blockweight.workflow.folders import result_folder
from blockweight.workflow.workbench import Workbench, preview_text

NO_LORA = Variant("no LoRA", None)


@dataclass(frozen=True)
class RenderedRound:
    """A round with its pictures: `pictures[scene][variant]`, `without[scene]` the pictures without the LoRA.
    `settings` tell as plain values what it was made from."""

    settings: Mapping[str, object]
    plan: Round
    scenes: tuple[Scene, ...]
    pictures: Sequence[Sequence[Picture]]
    without: Sequence[Picture]

    def grid(self) -> Grid:
        """A row per scene; columns: no LoRA, then the round's variants by name."""
        cells = [[without, *row] for without, row in zip(self.without, self.pictures, strict=True)]
        columns = [NO_LORA.label, *(planned.variant.label for planned in self.plan.variants)]
        rows = [f"{scene.label}\nseed {scene.seed}" for scene in self.scenes]
        preview = preview_text(self.scenes)
        return picture_grid(cells, rows, columns, title=f"{self.plan.kind} ({preview})" if preview else self.plan.kind)


def run_round(bench: Workbench, plan: Round, scenes: Sequence[Scene]) -> RenderedRound:
    """Render a round's variants, and the pictures without the LoRA, in every scene."""
    variants = [NO_LORA, *(planned.variant for planned in plan.variants)]
    rows = bench.pictures(f"Round {plan.kind}", scenes, variants)
    facts = {"kind": plan.kind, "presets": plan.presets(), "fixed": list(plan.fixed), "rest": plan.weights.rest}
    settings = bench.settings(scenes, **facts)
    bench.project.record("round", settings)
    return RenderedRound(settings, plan, tuple(scenes), [row[1:] for row in rows], [row[0] for row in rows])


def write_round(rendered: RenderedRound, project: Path) -> list[Path]:
    """Write the grid (PNG), and the texts to paste elsewhere (the presets and the Prompt S/R line) to a folder of their
    own in the project's, `round-01-sub`, or of previews `round-01-sub-preview`, beside `settings.json`; returns the
    files."""
    ending = f"-{rendered.plan.kind.lower()}{'-preview' if preview_text(rendered.scenes) else ''}"
    folder = result_folder(project, "round", rendered.settings, ending)
    grid, presets, prompt_sr = (folder / name for name in ("grid.png", "presets.txt", "prompt-sr.txt"))
    write_png(rendered.grid().image, grid)
    write_whole(presets, ("\n".join(rendered.plan.presets()) + "\n").encode())
    write_whole(prompt_sr, (rendered.plan.prompt_sr() + "\n").encode())
    return [grid, presets, prompt_sr]
