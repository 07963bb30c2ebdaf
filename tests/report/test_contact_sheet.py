"""The PDF of a plot: numbered pages of paper, every cell once, labels as text."""

import re
import shutil
import subprocess
from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from plot_samples import colour_of, plot
from test_plot_sheets import spread, written

from blockweight.errors import BlockweightError
from blockweight.report import A4_LANDSCAPE, PlotGrid, write_contact_sheet
from blockweight.report.contact_sheet import contact_pages
from blockweight.report.fonts import default_font, main_font
from blockweight.report.grid_frame import BACKGROUND, EMPTY


def text_of(path):
    """What a reader finds in the PDF."""
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext on this system (poppler-utils)")
    return subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout


@given(st.integers(1, 60), st.integers(1, 60), st.integers(64, 2000), st.integers(64, 2000))
@settings(max_examples=30)
def test_every_cell_is_on_exactly_one_page_of_the_paper(columns, rows, width, height):
    pages = contact_pages(spread(columns, rows), (width, height))
    places = Counter(place for page in pages for place, _, _ in page.places())
    assert set(places.values()) == {1} and len(places) == columns * rows
    for page in pages:
        assert page.frame.size[0] <= 297 / 25.4 * 72 * 4 + 1
        assert page.frame.size[1] <= 210 / 25.4 * 72 * 4 + 1


def test_the_labels_of_a_page_are_whole():
    grid = spread(12, 9, label="a prompt of many words {} in an old classroom at dusk " * 6)
    for page in contact_pages(grid, (512, 512)):
        shown = written(page.frame)
        assert all(grid.x.labels[number].replace(" ", "") in shown for number in page.columns)
        assert all(grid.y.labels[number].replace(" ", "") in shown for number in page.rows)


def test_the_paper_is_a4_landscape_and_the_pages_are_counted(tmp_path):
    grid = plot(tmp_path, columns=30, rows=2)
    count = write_contact_sheet(grid, tmp_path / "plot.pdf")
    data = (tmp_path / "plot.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", data)) == count > 1
    width, height = (float(each) for each in re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data).groups())
    assert (width / 72 * 25.4, height / 72 * 25.4) == pytest.approx(A4_LANDSCAPE, abs=0.2)


def test_every_picture_is_embedded_once(tmp_path):
    write_contact_sheet(plot(tmp_path, columns=4, rows=3, missing=[(1, 1, 0)]), tmp_path / "plot.pdf")
    assert (tmp_path / "plot.pdf").read_bytes().count(b"/Subtype /Image") == 11


def test_labels_are_text_that_can_be_searched(tmp_path):
    if main_font("姫") == default_font():
        pytest.skip("there is no CJK font on this system")
    grid = plot(tmp_path)
    write_contact_sheet(PlotGrid("ゴブ姫 の表", grid.x, grid.y, cells=grid.cells), tmp_path / "plot.pdf")
    found = text_of(tmp_path / "plot.pdf")
    assert "ゴブ姫" in found and "c2" in found and "r1" in found


def test_equal_plots_make_equal_bytes(tmp_path):
    for name in ("a.pdf", "b.pdf"):
        write_contact_sheet(plot(tmp_path), tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


def test_the_date_of_a_page_is_no_part_of_it(tmp_path):
    write_contact_sheet(plot(tmp_path), tmp_path / "a.pdf")
    assert f"D:{date.today():%Y%m%d}".encode() not in (tmp_path / "a.pdf").read_bytes()


def test_paper_too_small_for_a_picture_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="larger paper"):
        write_contact_sheet(plot(tmp_path), tmp_path / "plot.pdf", paper=(30, 20))


def test_a_pdf_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(BlockweightError, match="could not be written"):
        write_contact_sheet(plot(tmp_path), tmp_path / "taken")
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "pictures"}


def test_pages_are_dark_and_pictures_are_where_their_labels_say(tmp_path):
    if shutil.which("pdftoppm") is None:
        pytest.skip("there is no pdftoppm on this system (poppler-utils)")
    grid = plot(tmp_path, missing=[(1, 1, 0)])
    write_contact_sheet(grid, tmp_path / "plot.pdf")
    # 72 points an inch, and four of the frame's units in each.
    command = ["pdftoppm", "-r", "72", "-png", "-singlefile", tmp_path / "plot.pdf", tmp_path / "page"]
    subprocess.run(command, check=True, capture_output=True)
    (page,) = contact_pages(grid, (32, 32))
    with Image.open(tmp_path / "page.png") as image:
        assert image.getpixel((2, 2)) == BACKGROUND
        for place, row, column in page.places():
            left, top, right, bottom = page.frame.cell(row, column)
            shown = image.getpixel(((left + right) // 8, (top + bottom) // 8))
            assert shown == (pytest.approx(colour_of(place), abs=4) if place in grid.cells else EMPTY)
