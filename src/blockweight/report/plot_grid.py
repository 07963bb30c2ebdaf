"""A finished or unfinished plot in up to three axes, as plain values: labels, and where each cell's picture lies.

Three writers show one: `write_plot_page` (an HTML page beside the pictures), `write_plot_sheets` (PNG or WebP pages)
and `write_contact_sheet` (a PDF). Pictures are named here and read only when they are drawn, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blockweight.errors import BlockweightError

Place = tuple[int, int, int]
"""Where a cell lies: the numbers of its labels on x, y and z, from 0; 0 on an axis that the plot has not."""


@dataclass(frozen=True)
class PlotAxis:
    """One axis: its name (`Block weights`, `Seed`; may be empty) and a label for each of its values, in order.

    `baseline` are the numbers of the labels that are there to compare with ("no LoRA"); they are drawn set apart.
    BlockweightError for an axis without labels (a plot without that axis has None) or a baseline that is no label.
    """

    name: str
    labels: tuple[str, ...]
    baseline: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.labels:
            raise BlockweightError(f"The axis '{self.name}' has no values; give it one, or leave the axis out.")
        strange = sorted(self.baseline - set(range(len(self.labels))))
        if strange:
            raise BlockweightError(
                f"The axis '{self.name}' has {len(self.labels)} values, and number {strange[0]} is none of them; "
                "give the baseline as a label's number, from 0."
            )


@dataclass(frozen=True)
class PlotCell:
    """One finished picture: its file (PNG, JPEG or WebP), and the text that says how it was made."""

    picture: Path
    infotext: str = ""


@dataclass(frozen=True)
class PlotGrid:
    """A plot: `x` are columns, `y` rows, `z` sections; None where the plot has no such axis.

    `infotext` says how the plot was made, for the files of its pages. `cells` has a cell for each place that is
    rendered; a place that it lacks is shown as empty. `language` (`en`, `ja`) sets the few words that
    the writers add. BlockweightError for a cell outside the axes.
    """

    title: str
    x: PlotAxis | None = None
    y: PlotAxis | None = None
    z: PlotAxis | None = None
    cells: Mapping[Place, PlotCell] = field(default_factory=dict)
    language: str = "en"
    infotext: str = ""

    def __post_init__(self) -> None:
        for place in self.cells:
            if any(not 0 <= number < size for number, size in zip(place, self.shape, strict=True)):
                raise BlockweightError(
                    f"The plot has {' × '.join(map(str, self.shape))} places (x, y, z), and {place} is none of them; "
                    "number the labels of each axis from 0."
                )

    @property
    def axes(self) -> tuple[PlotAxis | None, PlotAxis | None, PlotAxis | None]:
        """x, y and z."""
        return self.x, self.y, self.z

    @property
    def shape(self) -> Place:
        """How many places there are along x, y and z, at least 1 each."""
        x, y, z = (1 if axis is None else len(axis.labels) for axis in self.axes)
        return x, y, z

    @property
    def texts(self) -> Iterator[str]:
        """Everything that is written around the pictures: the title, the axes' names and labels."""
        yield self.title
        for axis in self.axes:
            if axis is not None:
                yield axis.name
                yield from axis.labels
