"""What a report page consists of: plain values, no markup. `html.py` turns them into one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Literal

from blockweight.errors import BlockweightError
from blockweight.measure import BlockEffects, Picture, Suggestion, Verdict
from blockweight.weights import BlockWeights

Encoding = Literal["png", "webp"]


class Mood(Enum):
    """How a figure is to be read."""

    NEUTRAL = "neutral"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Headline:
    """One figure in large type: `label` above, `value`, and a `note` below that says what it means."""

    label: str
    value: str
    note: str = ""
    mood: Mood = Mood.NEUTRAL


@dataclass(frozen=True)
class Headlines:
    """Figures side by side."""

    kind: ClassVar[str] = "headlines"
    figures: tuple[Headline, ...]


@dataclass(frozen=True)
class Prose:
    """Paragraphs of plain text."""

    kind: ClassVar[str] = "prose"
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One picture of a comparison, uint8 (H, W, 3) or None where there is none; a `note` below it; `chosen` frames
    the picture that was decided for, and a `blank` cell is one where no picture belongs."""

    picture: Picture | None
    note: str = ""
    chosen: bool = False
    blank: bool = False


@dataclass(frozen=True)
class Comparison:
    """Pictures in rows and columns with their labels, each to be enlarged by a click; the arrow keys then flip
    through the row. Pictures shown larger than they are keep their pixels. `encoding` is how they are embedded: a PNG
    is exact, a WebP a tenth of its size."""

    kind: ClassVar[str] = "comparison"
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    encoding: Encoding = "png"

    def __post_init__(self) -> None:
        if len(self.cells) != len(self.rows) or any(len(row) != len(self.columns) for row in self.cells):
            raise BlockweightError(
                f"The comparison has {len(self.rows)} × {len(self.columns)} labels for {len(self.cells)} rows of "
                f"{', '.join(str(len(row)) for row in self.cells)} pictures; give one label per row and column."
            )


@dataclass(frozen=True)
class Figure:
    """A chart or a picture: bytes of an SVG or PNG file (charts.py, grids.py), a caption, and in words what it shows.

    `wide` lets a long grid scroll sideways at its own size instead of shrinking it to the page.
    """

    kind: ClassVar[str] = "figure"
    data: bytes
    caption: str
    alt: str
    wide: bool = False


@dataclass(frozen=True)
class WeightTable:
    """Block weights as the tutorial's spreadsheet shows them: a column per block, heat by value, fix marks.

    Every row of `weights` and `hints` has the same layout. `fixed` are blocks whose weight is decided; `italic` blocks
    are those that a standard LoRA lacks; `strength` is a number ≥ 0 per block drawn as small bars (an effect).
    """

    kind: ClassVar[str] = "weights"
    weights: tuple[BlockWeights, ...]
    fixed: frozenset[str] = frozenset()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    strength: Mapping[str, float] = field(default_factory=dict)
    italic: frozenset[str] = frozenset()
    hints: tuple[BlockWeights, ...] = ()
    caption: str = ""

    def __post_init__(self) -> None:
        layouts = {weights.layout.name for weights in (*self.weights, *self.hints)}
        if len(layouts) != 1 or not self.weights:
            raise BlockweightError(
                f"A weight table takes weights of one layout, not of {', '.join(sorted(layouts)) or 'none'}; "
                "expand the shorter ones first."
            )


@dataclass(frozen=True)
class Copyable:
    """A text to take along, with a button that copies it."""

    kind: ClassVar[str] = "copyable"
    label: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class SuggestionTable:
    """Verdicts with their reasons, in the given order; with `effects` also small bars of the effect inside and
    outside, all to one scale."""

    kind: ClassVar[str] = "suggestions"
    suggestions: tuple[Suggestion, ...]
    effects: tuple[BlockEffects, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class DataTable:
    """The numbers of a figure, folded away under the `title`: the first column names a row, the others stand at the
    right."""

    kind: ClassVar[str] = "table"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Facts:
    """Names and values: settings, versions, hashes."""

    kind: ClassVar[str] = "facts"
    facts: tuple[tuple[str, str], ...]


Block = Headlines | Prose | Comparison | Figure | WeightTable | Copyable | SuggestionTable | DataTable | Facts


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    title: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True)
class Report:
    """The whole page. `language` (`en`, `ja`) sets the page's own few words; all other text is the caller's.

    `opening` stands between the lead and the first section, e.g. the headline figures.
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    language: str = "en"
    opening: tuple[Block, ...] = ()
    footer: str = ""
