"""A plot's values: axes that may be absent, cells that may be missing, and nothing that does not fit."""

from pathlib import Path

import pytest
from plot_samples import axis

from blockweight.errors import BlockweightError
from blockweight.report import PlotCell, PlotGrid


def test_an_absent_axis_has_one_place():
    assert PlotGrid("", y=axis("Seed", "ab")).shape == (1, 2, 1)


def test_an_axis_without_values_is_refused():
    with pytest.raises(BlockweightError, match="leave the axis out"):
        axis("Seed", ())


def test_a_baseline_that_is_no_value_is_refused():
    with pytest.raises(BlockweightError, match="number 2 is none of them"):
        axis("Seed", "ab", [2])


@pytest.mark.parametrize("place", [(2, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0)])
def test_a_cell_outside_the_axes_is_refused(place):
    with pytest.raises(BlockweightError, match="none of them"):
        PlotGrid("", axis("Weights", "ab"), cells={place: PlotCell(Path("a.png"))})
