"""An inspection as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from blockweight.blocks import REST, TEXT_ENCODERS
from blockweight.lora import (
    Basis,
    Finding,
    Part,
    block_learning_rates,
    cover_images,
    description,
    module_name,
    training_settings,
)
from blockweight.weights import display_width
from blockweight.workflow.inspection import Inspection
from blockweight.workflow.number_texts import norm_text, size_text

_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WIDTH = 110
_ABSENT = "–"
# So many values are listed, and more are drawn together to a span; so many absent blocks share a row.
_FEW, _MANY = 3, 4

_HEAD = ("block", "modules", "kinds", "rank", "alpha", "params", "size", "eff. rank", "top", "rms", "strength")
_LEFT = frozenset(("block", "kinds"))

_LEGEND = (
    "strength: ‖ΔW‖ (Frobenius) at LoRA strength 1, alpha / rank included; rms: the same per number of ΔW;",
    "top: the largest singular value; eff. rank: exp(entropy of the singular values), the mean over the modules.",
)
_MARKS = {
    Basis.DIRECTION: ("*", "before DoRA's normalisation, which needs the base model's weights"),
    Basis.BASE_MODEL: (
        "+",
        "without modules that multiply the base model's weights (GLoRA, IA3, OFT): not known without it",
    ),
    Basis.BROKEN: ("!", "without broken modules"),
}


def inspection_lines(inspection: Inspection) -> Iterator[str]:
    """What `blockweight lora inspect` prints: a head, the table of blocks, REST, training, description, warnings."""
    yield one_line(inspection.facts.lora.path.name, _WIDTH)
    yield from _aligned(_head(inspection), "")
    yield ""
    yield from _table(inspection.facts.blocks)
    yield from _rest(inspection)
    metadata = inspection.facts.lora.header.metadata
    yield from _section("Training", training_settings(metadata) | block_learning_rates(metadata))
    covers = cover_images(metadata)
    yield from _section("Description", description(metadata) | ({"cover_images": str(covers)} if covers else {}))
    yield from _warnings(inspection.findings)


def _head(inspection: Inspection) -> dict[str, str]:
    facts, lora = inspection.facts, inspection.facts.lora
    layout = lora.family.layout
    guess = ", a guess from the numbers in its keys" if lora.family.guessed else ""
    absent = _absent(facts.blocks)
    encoders = [part for part in facts.components if part.name in TEXT_ENCODERS]
    others = [part for part in facts.components if part.name not in TEXT_ENCODERS]
    formats = ", ".join(facts.formats)
    return {
        "Family": f"{lora.family.title} ({layout.name}){guess}",
        "Blocks": f"{len(lora.blocks)} of {len(layout)}" + (f", without {absent}" if absent else ""),
        "Dialect": ", ".join(inspection.dialects),
        "Modules": f"{len(facts.modules):,}: {_counts(facts.whole.algorithms)}",
        "Model": ", ".join(f"{part.name} {len(part.modules)}" for part in others) or "none",
        "Text": ", ".join(f"{part.name} {len(part.modules)}" for part in encoders) or "no text encoder",
        "Size": f"{size_text(lora.header.file_size)}, {facts.whole.parameters:,} numbers in {formats}; header "
        f"{size_text(lora.header.data_start)}",
        "Strength": f"{_number(facts.whole.norm)}{_mark(facts.whole)} over all blocks",
    }


def _table(blocks: Sequence[Part]) -> Iterator[str]:
    runs = list(_runs(blocks))
    rows = [_cells(run) for run in runs]
    widths = [
        max(len(head), *(len(row[place]) for row in rows if len(row) > place)) for place, head in enumerate(_HEAD)
    ]
    largest = max((part.norm for part in blocks if part.norm is not None), default=0.0)
    marks = max(len(_mark(part)) for part in blocks)
    yield _row(_HEAD, widths)
    for (part, *_), row in zip(runs, rows, strict=True):
        bar = "" if part.norm is None or not largest else _bar(part.norm / largest)
        yield f"{_row(row, widths)}{_mark(part):<{marks}}  {bar}".rstrip()
    yield ""
    yield from _LEGEND
    bases = {basis for part in blocks for basis in part.bases}
    for basis, (mark, meaning) in _MARKS.items():
        if basis in bases:
            yield f"{mark} {meaning}."


def _runs(blocks: Iterable[Part]) -> Iterator[tuple[Part, ...]]:
    """The rows of the table: one block each, but many absent ones in a row together."""
    for present, parts in groupby(blocks, key=lambda part: bool(part.modules)):
        run = tuple(parts)
        if present or len(run) < _MANY:
            yield from ((part,) for part in run)
        else:
            yield run


def _cells(run: tuple[Part, ...]) -> tuple[str, ...]:
    part = run[0]
    if not part.modules:
        return part.name if len(run) == 1 else f"{part.name}-{run[-1].name}", _ABSENT
    top = None if part.singular_values is None else next(iter(part.singular_values), None)
    return (
        part.name,
        f"{len(part.modules):,}",
        " ".join(part.algorithms),
        _span(part.ranks),
        _span(part.alphas),
        f"{part.parameters:,}",
        size_text(part.bytes),
        _ABSENT if part.effective_rank is None else f"{part.effective_rank:.1f}",
        _number(top),
        _ABSENT if part.rms is None else f"{part.rms:.1e}",
        _number(part.norm),
    )


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.ljust(width) if head in _LEFT else cell.rjust(width)
        for cell, width, head in zip(cells, widths, _HEAD, strict=False)
    ).rstrip()


def _rest(inspection: Inspection) -> Iterator[str]:
    rest = inspection.facts.lora.rest
    if rest:
        yield ""
        yield f"{REST}: {len(rest)} module{'s' if len(rest) > 1 else ''} that no block claims"
        yield from (f"  {one_line(module_name(module), _WIDTH)}" for module in rest)


def _section(title: str, facts: Mapping[str, str]) -> Iterator[str]:
    if facts:
        yield ""
        yield title
        yield from _aligned(facts, "  ")


def _warnings(findings: Iterable[Finding]) -> Iterator[str]:
    found = tuple(findings)
    yield ""
    if not found:
        yield "No warnings."
        return
    yield "Warnings"
    for finding in found:
        count = len(finding.names)
        about = f" ({count:,} {finding.kind}{'s' if count > 1 else ''})" if count else ""
        yield f"{'!' if finding.fault else '-'} {finding.title}{about}"
        yield from textwrap.wrap(finding.text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        if count:
            yield f"  {one_line(finding.names[0], _WIDTH)}" + (f" and {count - 1:,} more" if count > 1 else "")


def _aligned(facts: Mapping[str, str], indent: str) -> Iterator[str]:
    width = max(map(display_width, facts))
    for name, text in facts.items():
        yield f"{indent}{name}{' ' * (width - display_width(name))}  {one_line(text, _WIDTH)}"


def one_line(text: str, most: int) -> str:
    """A text on one line of at most `most` columns, full-width letters counted as two, without control characters.

    >>> one_line("ゴブ姫\\nの服", 8)
    'ゴブ姫…'
    """
    clean = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * most]).strip()
    if display_width(clean) <= most:
        return clean
    while display_width(clean) > most - 1:
        clean = clean[:-1]
    return f"{clean.rstrip()}…"


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _mark(part: Part) -> str:
    return "".join(mark for basis, (mark, _) in _MARKS.items() if basis in part.bases)


def _number(value: float | None) -> str:
    return _ABSENT if value is None else norm_text(value)


def _span(values: Sequence[float]) -> str:
    if len(values) <= _FEW:
        return ", ".join(f"{value:g}" for value in values) or _ABSENT
    return f"{values[0]:g}–{values[-1]:g}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _absent(blocks: Iterable[Part]) -> str:
    """The blocks without modules, three or more neighbours as a range: `IN00, IN09-OUT02`."""
    groups = groupby(blocks, key=lambda part: bool(part.modules))
    runs = [[part.name for part in parts] for present, parts in groups if not present]
    return ", ".join(", ".join(run) if len(run) < _FEW else f"{run[0]}-{run[-1]}" for run in runs)
