"""Heat strips: every block has a cell, coloured by its number."""

import io

import pytest
from matplotlib.text import Text
from PIL import Image

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.report import HeatStrip, heat_strips
from blockweight.report.strips import _figure, _rows, _short

BLOCKS = ("BASE", "IN00", "IN01", "M00")
STRIP = HeatStrip("strength", (2.0, None, 1.0, None))
PRESENT = (True, False, True, True)


def texts(blocks, strips, present, title="") -> list[str]:
    """What is written, in drawing order."""
    return [text.get_text() for text in _figure(blocks, strips, present, title).findobj(Text)]


def test_strips_are_a_png_the_same_every_time():
    first, second = (heat_strips(BLOCKS, [STRIP], PRESENT, title="ゴブ姫") for _ in range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.format == "PNG"


def test_every_block_is_named_and_every_number_written():
    written = texts(BLOCKS, [STRIP, HeatStrip("rank", (None,) * 4)], PRESENT)
    assert {*BLOCKS, "2", "1", "strength · 0 … 2", "rank"} <= set(written)


def test_a_title_that_is_too_long_is_cut():
    assert texts(BLOCKS, [STRIP], PRESENT, "short")[-1] == "short"
    (cut,) = (text for text in texts(BLOCKS, [STRIP], PRESENT, "WINGS" * 40) if text.startswith("WINGS"))
    assert 10 < len(cut) < 40
    assert cut.endswith("…")


def test_the_largest_number_has_the_darkest_cell_and_a_missing_block_none():
    with Image.open(io.BytesIO(heat_strips(BLOCKS, [STRIP], PRESENT))) as image:
        levels = image.convert("L")
    # Four cells of 0.36 inches at 160 points from the margin of 0.3; the one strip is the second line.
    y = levels.height - round(160 * (0.15 + 1.6 * 0.36 + 0.36 * 0.85))
    cells = [levels.getpixel((round(160 * (0.3 + 0.36 * (place + 0.15))), y)) for place in range(4)]
    assert cells[0] < cells[2] < 250
    assert cells[1] > 250
    assert cells[3] > 250


def test_a_long_layout_is_broken_into_even_rows():
    assert _rows(26) == [range(26)]
    assert _rows(61) == [range(31), range(31, 61)]
    assert [len(row) for row in _rows(97)] == [25, 25, 25, 22]
    blocks = family_by_name("flux1").layout.blocks
    numbers = tuple(float(place) for place in range(len(blocks)))
    assert set(blocks) <= set(texts(blocks, [HeatStrip("x", numbers)], (True,) * len(blocks)))


def test_numbers_fit_their_cells():
    numbers = (0.0, 0.0123, 0.5, 1.0, 12.34, 999.6, 1234.0, 99999.0, 2e-5, 1e-12)
    assert [_short(number) for number in numbers] == [
        "0", ".012", ".5", "1", "12.3", "1000", "1234", "1e5", "2e-5", "1e-12",
    ]  # fmt: skip


def test_nothing_to_draw_is_refused():
    for blocks, strips in ((), [STRIP]), (BLOCKS, []):
        with pytest.raises(BlockweightError, match="no blocks to draw"):
            heat_strips(blocks, strips, ())
