"""Bake block weights into a LoRA file, from text to a verified file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.blocks import Family, Layout
from blockweight.errors import BlockweightError
from blockweight.lora import (
    ALPHA_READERS,
    BakeReport,
    BlockRefusedError,
    Estimate,
    Lora,
    Recipe,
    UnbakeReport,
    bake,
    estimate_bake,
    open_lora,
    plan_blocks,
    unbake,
)
from blockweight.weights import DEFAULT_NAME, BlockWeights, Context, convert_for, parse_elemental, read_weights
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.conversions import presets_in
from blockweight.workflow.number_texts import size_text

__all__ = [
    "ALPHA_READERS",
    "Recipe",
    "Typed",
    "bake_text",
    "baked_name",
    "estimate_lines",
    "estimate_text",
    "read_weights_for",
    "refused_facts",
    "report_lines",
    "unbake_file",
    "weights_for",
]


def weights_for(
    lora: Lora, text: str, fill: float | None, rest: float | None = None, book: Path | None = None
) -> tuple[BlockWeights, tuple[str, ...]]:
    """Read `text`, block weights in any notation, for the LoRA: `read_weights_for` its family and blocks."""
    return read_weights_for(lora.family, lora.blocks, text, fill, rest, book=book)


def read_weights_for(
    family: Family,
    blocks: Sequence[str],
    text: str,
    fill: float | None,
    rest: float | None = None,
    *,
    name: str = DEFAULT_NAME,
    book: Path | None = None,
    layout: Layout | None = None,
) -> tuple[BlockWeights, tuple[str, ...]]:
    """Read `text`, block weights in any notation, for a LoRA of this family with these blocks, in its family's longest
    layout; also the blocks that were filled. Names of presets are looked up in the `book`, then among the default ones.
    `rest` is for the modules that no block claims; without it they take what the text says, or 1. `name` is for weights
    without one, `layout` what a vector is of where its length does not tell.

    Blocks that a shorter vector lacks get `fill`. Without one, BlockweightError if the LoRA has modules there: to guess
    would silently change or silence them. So does a prompt's tag that says more than block weights.
    """
    context = Context(family=family, fill=fill, presets=presets_in(book), own_lengths=True, name=name, layout=layout)
    reading = read_weights(text, context)
    _refuse_more_than_weights(reading.tag)
    weights = reading.weights if rest is None else replace(reading.weights, rest=rest)
    converted = convert_for(weights, family.layout, blocks, fill)
    return converted.weights, (*reading.filled, *converted.filled)


def _refuse_more_than_weights(tag: LoraTag | None) -> None:
    said = [] if tag is None else tag.beside_weights()
    if said:
        raise BlockweightError(
            f"The tag says more than block weights ({', '.join(said)}); give the text after lbw= alone, and what "
            "else you want by options such as --strength."
        )


def baked_name(source: Path, weights: BlockWeights, strength: float = 1.0) -> Path:
    """Where a baked file goes by default: beside the source, `<name>_<strength>_<weights' name>.safetensors`, as
    SuperMerger calls it (`gobuhime-Defmix2_1.0_Gobuhime.safetensors`)."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in weights.name[:_MOST_LETTERS])
    return source.with_name(f"{source.stem}_{strength!r}_{safe}.safetensors")


_MOST_LETTERS = 40
"""Of the weights' name in a file's: systems take 255 bytes, and a Japanese letter is three."""


@dataclass(frozen=True)
class Typed:
    """What a person types to bake: weights in any notation, the fill for blocks that they lack, the weight of REST
    (None: as the text says), an elemental preset, empty for none, and a preset book to look names up in."""

    weights: str
    fill: float | None = None
    rest: float | None = None
    elemental: str = ""
    book: Path | None = None

    def read(self, source: Path, recipe: Recipe) -> tuple[BlockWeights, tuple[str, ...], Recipe]:
        """The weights for this LoRA, the blocks that took the fill, and the recipe with the elemental preset."""
        weights, filled = weights_for(open_lora(source), self.weights, self.fill, self.rest, self.book)
        if not self.elemental.strip():
            return weights, filled, recipe
        return weights, filled, replace(recipe, elemental=parse_elemental(self.elemental, weights.layout))


def bake_text(
    source: Path,
    typed: Typed,
    out: Path | None,
    recipe: Recipe = Recipe(),
    *,
    overwrite: bool = False,
    known: Callable[[BlockWeights, Recipe], Mapping[str, object]] = lambda _weights, _recipe: {},
) -> tuple[BakeReport, tuple[str, ...]]:
    """Bake typed weights, to `out` or `baked_name`; returns the report and the blocks that took the fill value. What is
    `known` of the weights goes along in the new file's stamp."""
    weights, filled, whole = typed.read(source, recipe)
    target = baked_name(source, weights, recipe.strength) if out is None else out
    return bake(source, weights, target, whole, overwrite=overwrite, evidence=known(weights, whole)), filled


def unbake_file(baked: Path, out: Path | None, original: Path | None, *, overwrite: bool = False) -> UnbakeReport:
    """Take a bake back, to `out` or `<name>_unbaked.safetensors` beside it (see `lora.unbake`)."""
    target = baked.with_name(f"{baked.stem}_unbaked.safetensors") if out is None else out
    return unbake(baked, target, original, overwrite=overwrite)


def refused_facts(error: BlockweightError, source: Path, typed: Typed, recipe: Recipe = Recipe()) -> dict[str, object]:
    """What `--json` says where `bake_text` with the same arguments raised this error: no output, the error, and per
    block (none, if the file or the weights cannot be read) what would become of it, or that it is refused and why."""
    try:
        weights, _, whole = typed.read(source, recipe)
        parts = {part.block: part for part in plan_blocks(open_lora(source), weights, whole)[1]}
    except BlockweightError:
        parts = {}
    if isinstance(error, BlockRefusedError) and error.block in parts:
        # Also what shows only in the numbers, such as one that is too large.
        parts[error.block] = replace(parts[error.block], action="refused", reason=str(error))
    blocks = {block: part.facts() for block, part in parts.items()}
    return {"output": None, "verified": False, "error": str(error), "blocks": blocks}


def estimate_text(source: Path, typed: Typed, recipe: Recipe = Recipe()) -> Estimate:
    """What `bake_text` with the same arguments would give."""
    weights, _, whole = typed.read(source, recipe)
    return estimate_bake(source, weights, whole)


def report_lines(report: BakeReport, filled: tuple[str, ...]) -> list[str]:
    """A bake's report for a person: file, weights, what became of the modules, and how exact it is."""
    check, recipe = report.check, report.recipe
    guess = ", a guess from the numbers in its keys" if report.weights.layout.family == "generic" else ""
    lines = [f"Baked:    {report.out}", f"Family:   {report.weights.layout.family}{guess}"]
    lines.append(f"Weights:  {report.weights.text()}")
    if recipe.elemental:
        lines.append(f"Elements: {recipe.elemental.text()}")
    if recipe.strength != 1 or recipe.te is not None:
        text_encoders = "" if recipe.te is None else f" (text encoders: {recipe.te:g})"
        lines.append(f"Strength: {recipe.strength:g}{text_encoders}, multiplied with every block weight")
    if filled:
        lines.append(f"Filled:   {', '.join(filled)}")
    actions = [f"{check.count(action)} {action}" for action in ("copied", "scaled", "dropped")]
    if check.count("zeroed"):
        actions.append(f"{check.count('zeroed')} zeroed")
    lines.append(f"Modules:  {', '.join(actions)}")
    if check.rest:
        lines.append(f"REST:     {len(check.rest)} modules that no block claims, weight {report.weights.rest:g}:")
        lines += [f"          {module.module.component} {module.module.path}" for module in check.rest]
    if check.unknown_keys:
        lines.append(f"Unknown:  {len(check.unknown_keys)} tensors copied as they are, e.g. {check.unknown_keys[0]}")
    lines.append(
        f"Verified: every module's change is weight × the original's, to a relative error of {check.max_error:.1e} "
        f"(rounding may cause {check.max_limit:.1e})"
    )
    return lines


def estimate_lines(estimate: Estimate) -> list[str]:
    """An estimate for a person: size, time, precision, and the blocks that would be refused."""
    lines = [
        f"Size:      {size_text(estimate.data_bytes)} without the header (the LoRA has "
        f"{size_text(estimate.source_bytes)} with its own)",
        f"Time:      about {estimate.seconds:.1f} s",
    ]
    if estimate.scaled and estimate.max_error == 0 and estimate.tried == estimate.scaled:
        lines.append("Precision: exact, no number is rounded")
    elif estimate.scaled:
        tried = "" if estimate.tried == estimate.scaled else f", by {estimate.tried} of {estimate.scaled} tensors"
        lines.append(f"Precision: relative error up to {estimate.max_error:.1e}{tried}")
    else:
        lines.append("Precision: exact, nothing is scaled")
    actions: dict[str, list[str]] = {}
    for block in estimate.blocks:
        actions.setdefault(block.action, []).append(block.block)
    lines += [f"{f'{action.capitalize()}:':<10} {', '.join(blocks)}" for action, blocks in sorted(actions.items())]
    return lines + sorted({block.reason for block in estimate.blocks if block.reason})
