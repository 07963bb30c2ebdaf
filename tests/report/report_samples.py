"""Small pictures and effects that the report's tests share."""

import numpy as np

from blockweight.measure import BlockEffects, Effect, Verdict, suggest_all
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
    inside_outside,
    ranked_bars,
)
from workshop import weights_of

VECTOR = "1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,-0.5"
WEIGHTS = weights_of(f"Gobuhime:{VECTOR}")


def plain(*colour, height=8, width=8):
    picture = np.empty((height, width, 3), np.uint8)
    picture[...] = colour
    return picture


def block_effects(block, inside, outside):
    overall = tuple((within + beyond) / 2 for within, beyond in zip(inside, outside, strict=True))
    return BlockEffects(
        block, Effect(block, overall), Effect(block, overall), Effect(block, inside), Effect(block, outside)
    )


EFFECTS = (
    block_effects("BASE", (5.8, 6.1, 6.4), (1.1, 1.2, 1.3)),
    block_effects("IN00", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    block_effects("OUT04", (2.0, 6.0, 9.0), (6.0, 2.0, 2.0)),
    block_effects("OUT11", (1.1, 1.2, 1.3), (5.8, 6.1, 6.4)),
)
SUGGESTIONS = suggest_all(EFFECTS)
VERDICTS = {suggestion.block: suggestion.verdict for suggestion in SUGGESTIONS}


def every_block():
    """A report with one block of every kind."""
    red, green = plain(200, 30, 30), plain(30, 200, 30)
    return Report(
        title="Ghost <LoRA>",
        lead="What it does.",
        opening=(Headlines((Headline("Bleed removed", "71 %", "of 31 levels", Mood.GOOD),)),),
        sections=(
            Section(
                "Before and after",
                (
                    Prose(("Rows are scenes.",)),
                    Comparison(
                        ("red dress", "sky"),
                        ("no LoRA", "ALL"),
                        ((Cell(red), Cell(green, "clothes +31", chosen=True)), (Cell(None), Cell(green))),
                        "Same seeds.",
                    ),
                ),
            ),
            Section(
                "Analysis",
                (
                    Figure(ranked_bars([effect.diff for effect in EFFECTS], "Diff %", "Ranked"), "Ranked.", "bars"),
                    Figure(inside_outside(EFFECTS, VERDICTS), "Where.", "scatter"),
                    SuggestionTable(SUGGESTIONS, EFFECTS, "Three seeds."),
                ),
            ),
            Section(
                "Weights",
                (
                    WeightTable(
                        (WEIGHTS,),
                        frozenset({"BASE"}),
                        {"IN00": Verdict.DROP},
                        {"BASE": 3.0},
                        frozenset({"IN00"}),
                        caption="Italic: not in a standard LoRA.",
                    ),
                    Copyable("Preset", WEIGHTS.text()),
                    Facts((("Sampler", "DPM++ 2M"),)),
                ),
            ),
            Section("Empty", ()),
        ),
        footer="Made by Blockweight",
    )
