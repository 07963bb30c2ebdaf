"""Sums, parts and other forms of LoRA files, from what is typed to verified files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import (
    PRECISIONS,
    ConvertReport,
    Dialect,
    MergeReport,
    RankRule,
    SplitFile,
    Term,
    convert_names,
    merge,
    open_lora,
    resized,
    same_layers,
    split,
    split_names,
)
from blockweight.weights import parse_blocks
from blockweight.workflow.lora_specs import open_terms, parse_rank, parse_ranks, widest_rank
from blockweight.workflow.progress import Progress


def merge_files(
    texts: Sequence[str],
    out: Path,
    progress: Progress,
    *,
    rank: str,
    fill: float | None,
    rest: float | None,
    names: str,
    precision: str,
    overwrite: bool,
) -> tuple[MergeReport, tuple[str, ...]]:
    """Merge LoRAs given as FILE[:STRENGTH[:WEIGHTS]] to `out`; returns the report and the blocks that took the fill
    value. `rank` is empty, a number, `auto` (the parents' largest) or `energy[:share]`; `names` is empty or a dialect.
    BlockweightError as in `open_terms`, `parse_rank` and `merge`."""
    terms, filled = open_terms(texts, fill, rest)
    rule = parse_rank(rank, widest_rank(terms)) if rank.strip() else None
    with _counted(progress, f"Merging into {out.name}", terms) as step:
        report = merge(
            terms,
            out,
            rules=lambda _: rule,
            dialect=parse_dialect(names) if names else None,
            dtype=parse_precision(precision),
            overwrite=overwrite,
            step=step,
        )
    return report, filled


def resize_file(
    source: Path, out: Path, progress: Progress, *, rank: str, ranks: str, precision: str, overwrite: bool
) -> MergeReport:
    """Cut a LoRA's ranks: `rank` for all blocks, `ranks` (`IN04=8,OUT03-OUT05=4`) for single ones; with `ranks` alone
    the other blocks keep theirs. BlockweightError if neither is given, and as in `parse_ranks` and `merge`."""
    if not rank.strip() and not ranks.strip():
        raise BlockweightError("No rank was given; add --rank 8, --rank energy:0.95, or --ranks IN04=8,OUT03-OUT05=4.")
    lora = open_lora(source)
    usual = parse_rank(rank) if rank.strip() else None
    single = parse_ranks(ranks, lora) if ranks.strip() else {}

    def rule(block: str) -> RankRule | None:
        return single.get(block, usual)

    with _counted(progress, f"Resizing {source.name}", [Term(lora)]) as step:
        return merge(
            [Term(lora)],
            out,
            rules=rule,
            dtype=parse_precision(precision),
            overwrite=overwrite,
            metadata=resized,
            step=step,
        )


def split_file(
    source: Path, folder: Path, progress: Progress, *, blocks: str, overwrite: bool
) -> tuple[SplitFile, ...]:
    """Write each block of a LoRA, or each of `blocks` (an expression; REST may be among them), to
    `folder/<name>-<block>.safetensors`. The folder is made if its parent exists. BlockweightError as in `split`."""
    lora = open_lora(source)
    chosen: tuple[str, ...] | None = None
    if blocks.strip():
        items = [item for item in blocks.replace("、", ",").split(",") if item.strip()]
        rest = tuple("REST" for item in items if item.strip().upper() == "REST")[:1]
        others = ",".join(item for item in items if item.strip().upper() != "REST")
        chosen = (parse_blocks(others, lora.family.layout) if others else ()) + rest
    count = len(split_names(lora) if chosen is None else chosen)
    made = _folder(folder)
    try:
        with progress.track(f"Splitting {source.name}", count) as bar:
            return split(
                lora,
                lambda block: folder / f"{source.stem}-{block}.safetensors",
                blocks=chosen,
                overwrite=overwrite,
                step=bar.advance,
            )
    except BlockweightError:
        if made:
            folder.rmdir()
        raise


def convert_file(
    source: Path, out: Path, to: str, progress: Progress, *, precision: str, overwrite: bool
) -> ConvertReport:
    """Give a LoRA's modules the names of the other dialect, `kohya` or `peft`, its numbers `exact` or in the format
    that they have (`keep`). BlockweightError as in `convert_names`."""
    if precision not in ("exact", "keep"):
        raise BlockweightError(f"There is no precision {quoted(precision)} for names; give exact or keep.")
    lora = open_lora(source)
    with progress.track(f"Converting {source.name}", len(lora.modules)) as bar:
        return convert_names(
            lora, parse_dialect(to), out, exact=precision == "exact", overwrite=overwrite, step=bar.advance
        )


def parse_dialect(name: str) -> Dialect:
    """`kohya` or `peft`; BlockweightError for another word."""
    if name == "kohya":
        return "kohya"
    if name == "peft":
        return "peft"
    raise BlockweightError(f"There are no names called {quoted(name)}; give kohya or peft.")


def parse_precision(precision: str) -> str | None:
    """The format of fp16, bf16 or fp32, None for `keep`; BlockweightError for another word."""
    if precision == "keep":
        return None
    if precision not in PRECISIONS:
        raise BlockweightError(f"There is no precision {quoted(precision)}; give keep, {', '.join(PRECISIONS)}.")
    return PRECISIONS[precision]


def _folder(folder: Path) -> bool:
    """Make the folder if it is not there; whether it was made."""
    try:
        if folder.is_dir():
            return False
        folder.mkdir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"The folder '{folder}' cannot be made ({reason}); choose another.") from None
    return True


@contextmanager
def _counted(progress: Progress, title: str, terms: Sequence[Term]) -> Iterator[Callable[[], None]]:
    """Twice the number of layers: each is planned, and checked when it is made."""
    with progress.track(title, 2 * len(same_layers(terms))) as bar:
        yield bar.advance
