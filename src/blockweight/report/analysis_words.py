"""What an analysis found, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from blockweight.measure import Effect, EffectTable, Suggestion, Verdict
from blockweight.report.bar_figures import Yardstick, ranked
from blockweight.report.figure_words import ASPECT_LABELS, Labels, aspect_label, decimals_for, with_unit


@dataclass(frozen=True)
class Method:
    """A way to analyse: its name, and one sentence on how it measures, with {value} and {base} of the Range."""

    name: str
    lead: str


METHODS: Mapping[str, Method] = {
    "eba": Method(
        "One block at a time (EBA)",
        "Every block in turn stands at {value} while all others stay at {base}; what changes in the picture is what "
        "the block does.",
    ),
    "screen": Method(
        "Screening design",
        "Half of the blocks at a time stand at {value} and the others at {base}, in a plan that tells their effects "
        "apart; an effect is a mean over the states of all other blocks, less what columns without a block show. "
        "A block about 0 or below it cannot be told from nothing.",
    ),
    "bisect": Method(
        "Groups, halved",
        "Neighbouring blocks go from {base} to {value} together while all others stay; a group that changes something "
        "is halved until single blocks are left, and the blocks of one that does not share its effect as a bound.",
    ),
    "probe": Method(
        "Probe",
        "No pictures are finished: at a few noise levels every block in turn goes from {base} to {value}, and what "
        "changes in the model's estimate of the picture is what the block does.",
    ),
    "sketch": Method(
        "Sketch",
        "No pictures are finished: at one noise level, random projections of the model's estimate go back to the "
        "weights of all blocks at once; the size of a block's slope, times the way from {base} to {value}, is its "
        "effect.",
    ),
    "gradient": Method(
        "Gradient",
        "One backward pass through the sampler gives the slope of the picture by every block's weight; an effect is "
        "that slope times the way from {base} to {value}, which holds as far as the picture follows in proportion. "
        "Scenes that are about to tip foretell too much, and are made smaller.",
    ),
}
"""By the names of the command line."""

_NAMED = 3
_LISTED = 8


def plain_words(
    table: EffectTable,
    aspect: str,
    suggestions: Sequence[Suggestion] = (),
    quiet: Collection[tuple[str, str]] = (),
    yardsticks: Sequence[Yardstick] = (),
    labels: Labels = ASPECT_LABELS,
) -> tuple[str, ...]:
    """What stands out by `aspect`, a sentence or two a paragraph: the strongest blocks and their share, what noise may
    explain, the size beside another seed, and the suggestions. Empty where no block was measured."""
    effects = ranked(table, aspect)
    if not effects:
        return ()
    label = aspect_label(aspect, labels)
    named = [f"{each.block} ({_figures(each, label.unit)})" for each in effects[:_NAMED]]
    said = [f"Measured by {label.title}, the strongest {_are(len(named))} {joined(named)}."]
    total = sum(abs(each.mean) for each in effects)
    if len(effects) > 2 * _NAMED and total > 0:
        half = _half(effects, total)
        make = "makes" if half == 1 else "make"
        said[0] += f" {half} of the {len(effects)} blocks {make} up half of the sum of all effects."
    stick = next((each for each in yardsticks if each.aspect == aspect and each.mean > 0), None)
    if stick is not None:
        share = abs(effects[0].mean) / stick.mean
        seeds = stick.text(label.unit)
        said.append(
            f"Another seed alone changes the picture by {seeds}; {effects[0].block} reaches {share:.0%} of that."
        )
    hushed = [block for block in table.blocks if (aspect, block) in quiet]
    if hushed:
        count = len(table.scenes)
        scenes = f"{count} scene{'s' * (count != 1)}"
        said.append(f"Not distinguishable from noise with {scenes}: {_listed(hushed)}.")
    said += _suggested(suggestions)
    return tuple(said)


def joined(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _figures(effect: Effect, unit: str) -> str:
    """`6.1 levels, 4.2 to 8.9`; of two scenes the two figures, and of one that one's."""
    decimals, (low, high) = decimals_for(abs(effect.mean)), effect.interval
    if len(effect.samples) < 3:
        return with_unit(effect.text(decimals), unit).replace("-", "−")
    mean = with_unit(f"{effect.mean:.{decimals}f}", unit)
    return f"{mean}, {low:.{decimals}f} to {high:.{decimals}f}".replace("-", "−")


def _are(count: int) -> str:
    return "block is" if count == 1 else "blocks are"


def _half(effects: Sequence[Effect], total: float) -> int:
    reached = 0.0
    for number, effect in enumerate(effects, start=1):
        reached += abs(effect.mean)
        if reached >= total / 2:
            return number
    return len(effects)


def _listed(blocks: Sequence[str]) -> str:
    if len(blocks) <= _LISTED:
        return joined(blocks)
    return f"{', '.join(blocks[:_LISTED])} and {len(blocks) - _LISTED} more"


def _suggested(suggestions: Sequence[Suggestion]) -> list[str]:
    said = []
    for verdict, words in ((Verdict.KEEP, "Suggested to keep"), (Verdict.DROP, "Suggested to drop")):
        blocks = [each.block for each in suggestions if each.verdict is verdict]
        if blocks:
            said.append(f"{words}: {_listed(blocks)}.")
    open_ones = [each.block for each in suggestions if each.verdict is Verdict.UNKNOWN]
    if open_ones and len(open_ones) < len(suggestions):
        said.append(f"The measurement does not settle the other {len(open_ones)}.")
    elif open_ones:
        said.append("The measurement settles no block; more scenes may, or a mask where there is none.")
    return said
