"""LoRAs into checkpoints, and out of them, from what is typed to verified files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import (
    CheckpointReport,
    ExtractReport,
    changed_count,
    extract,
    layer_count,
    merge_into_checkpoint,
    open_checkpoint,
)
from blockweight.workflow.lora_algebra import parse_precision
from blockweight.workflow.lora_specs import open_terms, parse_rank
from blockweight.workflow.progress import Progress


def merge_checkpoint_file(
    checkpoint: Path,
    texts: Sequence[str],
    out: Path,
    progress: Progress,
    *,
    fill: float | None,
    rest: float | None,
    overwrite: bool,
) -> tuple[CheckpointReport, tuple[str, ...]]:
    """Merge LoRAs given as FILE[:STRENGTH[:WEIGHTS]] into a checkpoint; returns the report and the blocks that took the
    fill value. BlockweightError as in `open_checkpoint`, `open_terms` and `merge_into_checkpoint`."""
    base = open_checkpoint(checkpoint)
    terms, filled = open_terms(texts, fill, rest, family_by_name(base.family))
    with progress.track(f"Merging into {out.name}", 2 * changed_count(base, terms)) as bar:
        report = merge_into_checkpoint(base, terms, out, overwrite=overwrite, step=bar.advance)
    return report, filled


def extract_file(
    tuned: Path,
    base: Path,
    out: Path,
    progress: Progress,
    *,
    rank: str,
    conv_rank: str,
    precision: str,
    overwrite: bool,
) -> ExtractReport:
    """Write the difference of two checkpoints as a LoRA. `rank` and `conv_rank` as in `parse_rank`; an empty
    `conv_rank` leaves convolutions out. BlockweightError as in `open_checkpoint`, `parse_rank` and `extract`."""
    rule, conv_rule = parse_rank(rank), parse_rank(conv_rank) if conv_rank.strip() else None
    dtype = parse_precision(precision)
    if dtype is None:
        raise BlockweightError("There is no format to keep in a LoRA that is made anew; give fp16, bf16 or fp32.")
    one, other = open_checkpoint(tuned), open_checkpoint(base)
    layers = layer_count(one, other, convolutions=conv_rule is not None)
    with progress.track(f"Extracting {out.name}", 3 * layers) as bar:
        return extract(one, other, out, rule, conv_rule=conv_rule, dtype=dtype, overwrite=overwrite, step=bar.advance)
