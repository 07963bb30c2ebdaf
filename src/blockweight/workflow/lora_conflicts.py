"""Two LoRAs compared, block by block: a table, plain values, and a chart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.lora import BlockConflict, conflicts, same_layers
from blockweight.report import cosine_bars, write_whole
from blockweight.workflow.lora_specs import open_terms
from blockweight.workflow.number_texts import norm_text
from blockweight.workflow.progress import Progress
from blockweight.workflow.weight_table import aligned


@dataclass(frozen=True)
class Conflicts:
    """Two LoRAs (their file names), the blocks that either changes with their total, and the blocks that took the fill
    value."""

    names: tuple[str, str]
    blocks: tuple[BlockConflict, ...]
    filled: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: `a`, `b`, `blocks` (and `all`) with `shared`, `layers`, `norm_a`, `norm_b`,
        `cosine` (null where one changes nothing), `together`."""
        told = {
            each.block: {
                "shared": each.shared,
                "layers": each.layers,
                "norm_a": each.norms[0],
                "norm_b": each.norms[1],
                "cosine": each.cosine,
                "together": each.together,
            }
            for each in self.blocks
        }
        total = told.pop("all")
        return {"a": self.names[0], "b": self.names[1], "blocks": told, "all": total, "filled": list(self.filled)}

    def lines(self) -> list[str]:
        """A line per block: the layers that both change, of all; each change's size; the cosine; the sum's size."""
        rows = [("block", "layers", "A", "B", "cosine", "A + B")]
        for each in self.blocks:
            cosine = "-" if each.cosine is None else f"{each.cosine:+.3f}"
            one, other, together = map(norm_text, (*each.norms, each.together))
            rows.append((each.block, f"{each.shared}/{each.layers}", one, other, cosine, together))
        return [f"A: {self.names[0]}", f"B: {self.names[1]}", "", *aligned(rows)]


def compare_files(
    first: str, second: str, progress: Progress, *, fill: float | None, rest: float | None, plot: Path | None
) -> Conflicts:
    """Compare two LoRAs given as FILE[:STRENGTH[:WEIGHTS]], and draw the cosines to `plot` (.png or .svg; a file of
    this name is replaced). BlockweightError as in `open_terms` and `conflicts`."""
    kind = _kind(plot)
    (one, other), filled = open_terms((first, second), fill, rest)
    with progress.track("Comparing", len(same_layers((one, other)))) as bar:
        blocks = conflicts(one, other, bar.advance)
    found = Conflicts((one.lora.path.name, other.lora.path.name), blocks, filled)
    if plot is not None:
        shown = [(each.block, each.cosine) for each in blocks]
        write_whole(plot, cosine_bars(shown, f"{found.names[0]} and {found.names[1]}", fmt=kind))
    return found


def _kind(plot: Path | None) -> Literal["svg", "png"]:
    if plot is None or plot.suffix.lower() == ".png":
        return "png"
    if plot.suffix.lower() == ".svg":
        return "svg"
    raise BlockweightError(f"'{plot}' is neither a .png nor a .svg; give the picture one of these endings.")
