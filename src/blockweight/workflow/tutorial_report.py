"""The main job's report: one page that tells the story with its pictures and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blockweight import __version__
from blockweight.blocks import family_by_name
from blockweight.demo.outcome import Outcome
from blockweight.measure import GREEN_HUES, Picture, Verdict
from blockweight.plan import Scene
from blockweight.report import (
    Cell,
    Comparison,
    Copyable,
    Facts,
    Figure,
    Headline,
    Headlines,
    Mood,
    Prose,
    Report,
    Section,
    SuggestionTable,
    WeightTable,
    analysis_grid,
    inside_outside,
    picture_grid,
    png_bytes,
    ranked_bars,
    write_png,
    write_report,
)
from blockweight.workflow.tutorial import NAME, RANGE, SEEDS, STEP, Tutorial

BLEED_GOAL = 0.60
FACE_GOAL = 0.85
LIVE_TOLERANCE = 3
"""Levels by which a picture with live weights may differ from that of the baked file: the file's numbers are rounded to
16 bits, and so is the arithmetic on some devices."""

SHOWN_PER_OUTFIT = 2
COLUMNS = ("no LoRA", "ALL (every block 1)", f"{NAME} (tuned)", "baked file")


def write_tutorial_report(tutorial: Tutorial) -> Path:
    """Write `report.html`, and its comparison as `before-after.png`, into the tutorial's folder; returns the report's
    path. The same tutorial gives the same bytes."""
    path = tutorial.folder / "report.html"
    shown = _shown(tutorial)
    grid = picture_grid([row for _, row in shown], [scene.label for scene, _ in shown], COLUMNS)
    write_png(grid.image, tutorial.folder / "before-after.png", {"weights": tutorial.tuned.text()})
    write_report(tutorial_report(tutorial), path)
    return path


def tutorial_report(tutorial: Tutorial) -> Report:
    """The page: figures, before and after, the analysis, the round, the weights to copy, the baked file."""
    return Report(
        title="A goblin princess, cured of her green clothes",
        lead=(
            "The LoRA gobuhime was trained on twelve pictures of a goblin princess whose skin and clothes were both "
            "green. It gives mint hair, horns and green skin to whoever is drawn, and the green bleeds into what she "
            "wears. One weight per block takes it out of the clothes and leaves it in her face."
        ),
        opening=(_headlines(tutorial.outcome),),
        sections=(
            _before_and_after(tutorial),
            _analysis(tutorial),
            _round(tutorial),
            _weights(tutorial),
            _baked(tutorial),
        ),
        footer=f"Made by Blockweight {__version__} with the embedded model.",
    )


def _headlines(outcome: Outcome) -> Headlines:
    without, everything, tuned = outcome.without, outcome.everything, outcome.tuned
    return Headlines(
        (
            Headline(
                "Bleed removed",
                f"{outcome.bleed_removed:.0%}",
                f"of the green that the LoRA adds to the clothes (aim: {BLEED_GOAL:.0%} or more)",
                Mood.GOOD if outcome.bleed_removed >= BLEED_GOAL else Mood.BAD,
            ),
            Headline(
                "Face kept",
                f"{outcome.face_kept:.0%}",
                f"of the green that it gives her face (aim: {FACE_GOAL:.0%} or more)",
                Mood.GOOD if outcome.face_kept >= FACE_GOAL else Mood.BAD,
            ),
            Headline(
                "Look kept",
                f"{outcome.look_kept:.0%}",
                "of all that it changes in her face, ears, hair, horns and choker",
            ),
            Headline(
                "Clothes that look green",
                f"{everything.share:.0%} → {tuned.share:.0%}",
                f"of their pixels ({without.share:.0%} without the LoRA). Mean of G − (R + B)/2: "
                f"{_levels(everything.clothes)} → {_levels(tuned.clothes)} levels of 255 ({_levels(without.clothes)})",
            ),
        )
    )


def _levels(value: float) -> str:
    """A signed number of levels with a real minus."""
    return f"{value:.0f}".replace("-", "−")


def _shown(tutorial: Tutorial) -> list[tuple[Scene, Sequence[Picture]]]:
    """One scene of every outfit with its pictures, in the order of COLUMNS."""
    return list(zip(tutorial.scenes, tutorial.shown, strict=True))[::SHOWN_PER_OUTFIT]


def _before_and_after(tutorial: Tutorial) -> Section:
    shown = _shown(tutorial)
    return Section(
        "Before and after",
        (
            Comparison(
                rows=tuple(scene.label for scene, _ in shown),
                columns=COLUMNS,
                cells=tuple(
                    tuple(Cell(picture, chosen=column == 2) for column, picture in enumerate(row)) for _, row in shown
                ),
            ),
        ),
        lead=(
            f"The analysis saw none of these scenes. The figures above are means over {len(tutorial.scenes)} pictures: "
            f"each scene with {SHOWN_PER_OUTFIT} seeds, of which one is shown. Hues from {GREEN_HUES[0]:.0f}° to "
            f"{GREEN_HUES[1]:.0f}° count as green; the olive of green over yellow lies just below."
        ),
    )


def _analysis(tutorial: Tutorial) -> Section:
    analysis = tutorial.analysis
    value, base = RANGE
    grids = tuple(
        Figure(
            png_bytes(analysis_grid(analysis.first, "gobuhime-locon", change_xy=True).image),
            f"Seed {scene.seed}: all blocks at {base:g}, the block at {value:g}, and the difference.",
            f"A grid of the {len(analysis.ask.blocks)} blocks with their Diff %",
            wide=True,
        )
        for scene in analysis.ask.scenes[:1]
    )
    counts = {verdict: list(analysis.verdicts.values()).count(verdict) for verdict in Verdict}
    return Section(
        "What each block does",
        (
            *grids,
            Figure(
                ranked_bars([effect.diff for effect in analysis.effects], "Diff %"),
                "How much of the picture changes by more than 20 levels when the block goes from 1 to 0.5.",
                "Bars of Diff % for each block, strongest first",
            ),
            Figure(
                inside_outside(
                    analysis.effects,
                    analysis.verdicts,
                    inside="her face and hair (levels)",
                    outside="the rest (levels)",
                ),
                "Where each block works: mean change of her face and hair against that of all the rest. A block is "
                "suggested to be kept when it lies clearly above the dotted line.",
                "Scatter of the effect inside and outside the mask",
            ),
            SuggestionTable(
                analysis.suggestions,
                analysis.effects,
                caption=f"A first classification: {counts[Verdict.KEEP]} keep, {counts[Verdict.DROP]} drop, "
                f"{counts[Verdict.UNKNOWN]} unknown. Suggestions, not truths.",
            ),
        ),
        lead=(
            f"The Effective Block Analyzer: one block at a time goes from {base:g} to {value:g} while the others stay, "
            f"with {len(SEEDS)} seeds of one scene ({analysis.ask.scenes[0].label}). A 95 % interval over the seeds "
            "says how sure a figure is."
        ),
    )


def _round(tutorial: Tutorial) -> Section:
    plan = tutorial.round.plan
    columns = ("no LoRA", *(planned.weights.name for planned in plan.variants))
    decided = {decision.block: decision.value for decision in tutorial.decisions}
    rows = list(zip(tutorial.round.scenes, tutorial.round.without, tutorial.round.pictures, strict=True))[
        ::SHOWN_PER_OUTFIT
    ]
    cells = tuple(
        (
            Cell(without),
            *(
                Cell(picture, chosen=planned.block is not None and decided[planned.block] == planned.value)
                for planned, picture in zip(plan.variants, pictures, strict=True)
            ),
        )
        for _, without, pictures in rows
    )
    facts = Facts(tuple((f"{decision.block} → {decision.value:g}", decision.reason) for decision in tutorial.decisions))
    return Section(
        f"The round {plan.kind}",
        (
            Comparison(tuple(scene.label for scene, _, _ in rows), columns, cells, "Framed: accepted as shown."),
            Prose(
                (
                    "The demo decides by measurement, where a person would look: harm is the green in the clothes, "
                    "good the lesser of the green in her face and her look (face, ears, hair, horns, choker), both in "
                    "percent of what the LoRA does with every block at 1. The cheapest steps come first, and each is "
                    "measured together with those accepted before it: whole, or else by half or a quarter. The "
                    "decisions stand below in the order in which they were made. "
                    f"Together they keep {tutorial.studied.look_kept:.0%} of her look and "
                    f"{tutorial.studied.face_kept:.0%} of the green in her face, and remove "
                    f"{tutorial.studied.bleed_removed:.0%} of the bleed in these scenes.",
                )
            ),
            facts,
        ),
        lead=(f"Kept and undecided blocks stand at 1, dropped ones at 0. Each undecided block in turn loses {STEP:g}."),
    )


def _weights(tutorial: Tutorial) -> Section:
    layout = tutorial.tuned.layout
    standard = next(other for other in family_by_name("sd1").layouts if other is not layout)
    plan = tutorial.round.plan
    return Section(
        "The weights",
        (
            WeightTable(
                weights=(tutorial.tuned,),
                fixed=frozenset(layout.blocks) - {decision.block for decision in tutorial.decisions},
                verdicts=tutorial.analysis.verdicts,
                strength={effect.block: effect.diff.mean for effect in tutorial.analysis.effects},
                italic=frozenset(layout.blocks) - frozenset(standard.blocks),
                hints=(tutorial.start.with_weights({}, "before the round"),),
                caption="Bars: the measured effect. Fixed: settled by the suggestions. Italics: blocks that a standard "
                "LoRA does not have.",
            ),
            Copyable("LoRA Block Weight preset", tutorial.tuned.text(), "a line for the WebUI's Weights setting"),
            Copyable(
                "Prompt tag",
                f"<lora:gobuhime-locon:1:lbw={tutorial.tuned.vector()}>",
                "works in a prompt as it is where LoRA Block Weight is installed",
            ),
            Copyable("Weights of the round", "\n".join(plan.presets())),
            Copyable("Prompt S/R of the round", plan.prompt_sr()),
        ),
    )


def _baked(tutorial: Tutorial) -> Section:
    baked, check = tutorial.baked, tutorial.baked.check
    scene = tutorial.scenes[0]
    return Section(
        "The baked file",
        (
            Headlines(
                (
                    Headline(
                        "Live against baked",
                        f"{tutorial.live_difference} of 255",
                        f"levels: the largest difference of any value in {len(tutorial.scenes)} pictures drawn with "
                        "live weights and with the baked file",
                        Mood.GOOD if tutorial.live_difference <= LIVE_TOLERANCE else Mood.BAD,
                    ),
                )
            ),
            Facts(
                (
                    ("File", baked.out.name),
                    ("SHA-256 of its tensors", baked.digest),
                    ("Modules copied", str(check.count("copied"))),
                    ("Modules scaled", str(check.count("scaled"))),
                    ("Modules dropped", str(check.count("dropped"))),
                    ("Modules that no block claims", str(len(check.rest))),
                    ("Largest relative error of a module", f"{check.max_error:.1e}"),
                    ("Sampler", f"{scene.sampler_name}, {scene.steps} steps, CFG {scene.cfg_scale:g}"),
                )
            ),
        ),
        lead=(
            "The weights are now in the file: it needs no extension, and every tool that loads LoRAs draws what you "
            "see above. Each module was compared with weight × the original's change."
        ),
    )
