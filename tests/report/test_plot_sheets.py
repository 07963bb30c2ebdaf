"""Pages of a plot: every cell on one of them, no larger than viewers open, and every label whole on each."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from plot_samples import axis, colour_of, plot, write_picture

from blockweight.errors import BlockweightError
from blockweight.report import PlotCell, PlotGrid, write_plot_sheets
from blockweight.report.plot_breaks import even_parts
from blockweight.report.plot_sheets import MOST_PIXELS, MOST_SIDE, sheet_pages


def spread(columns, rows, layers=1, label="{}", title="A plot", baseline=()):
    """A plot without pictures, to be broken into pages."""
    labels = [[label.replace("{}", str(number)) for number in range(count)] for count in (columns, rows, layers)]
    return PlotGrid(title, axis("Weights", labels[0], baseline), axis("Seed", labels[1]), axis("Layer", labels[2]))


def written(frame):
    """The texts of a frame, by where they begin, with nothing between them."""
    return "".join(text.text for text in frame.texts()).replace(" ", "")


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 3),
    st.integers(64, 1600),
    st.integers(64, 1600),
    st.sampled_from([(), (0,), (0, 3)]),
)
@settings(max_examples=30)
def test_every_cell_is_on_exactly_one_page_and_every_page_can_be_opened(columns, rows, layers, width, height, baseline):
    grid = spread(columns, rows, layers, baseline=[each for each in baseline if each < columns])
    pages = sheet_pages(grid, (width, height))
    places = Counter(place for page in pages for place, _, _ in page.places())
    assert set(places.values()) == {1}
    assert len(places) == columns * rows * layers
    for page in pages:
        across, down = page.frame.size
        assert max(across, down) <= MOST_SIDE and across * down <= MOST_PIXELS
        _, _, right, bottom = page.frame.cell(len(page.rows) - 1, len(page.columns) - 1)
        assert right <= across and bottom <= down


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(50, 200))
def test_parts_are_in_order_whole_and_within_their_room(lengths, room):
    parts = even_parts(lengths, [2] * (len(lengths) - 1), room)
    assert [number for part in parts for number in part] == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in part) + 2 * (len(part) - 1) <= room for part in parts)


def test_the_labels_of_a_page_are_all_of_its_rows_and_columns_whole():
    label = "a prompt of many words, {}, black school uniform, in an old classroom at dusk " + "and so on " * 30
    grid = spread(9, 7, label=label, title="A long title of a plot " * 20)
    for page in sheet_pages(grid, (512, 512)):
        shown = written(page.frame)
        for number in page.columns:
            assert grid.x.labels[number].replace(" ", "") in shown
        for number in page.rows:
            assert grid.y.labels[number].replace(" ", "") in shown
        assert grid.title.replace(" ", "") in shown


def test_no_label_reaches_into_another_or_out_of_the_page():
    grid = spread(5, 5, label="words of a label {} " * 12)
    for page in sheet_pages(grid, (256, 256)):
        frame = page.frame
        left, top, _, _ = frame.cell(0, 0)
        assert max(label.width for label in frame.rows) < left
        assert all(label.width <= frame.column_width for label in frame.columns)
        assert frame.heading + frame.head < top
        heights = zip(frame.rows, frame.row_heights, strict=True)
        assert all(label.height <= height for label, height in heights)


def test_a_page_says_which_part_of_the_plot_it_is():
    pages = sheet_pages(spread(40, 30), (512, 512))
    notes = ["".join(page.frame.note.lines) for page in pages]
    assert notes[1].startswith(f"Layer: 0 · page 2 of {len(pages)} · columns ")
    assert " of 40 · rows 1–" in notes[1]


def test_one_page_says_nothing_of_pages(tmp_path):
    (page,) = sheet_pages(plot(tmp_path), (64, 64))
    assert page.frame.note.lines == ()


def test_columns_stay_together_where_a_page_holds_them():
    pages = sheet_pages(spread(14, 40), (512, 512))
    assert {page.columns for page in pages} == {range(14)}


def test_a_baseline_is_set_apart():
    (page,) = sheet_pages(spread(3, 1, baseline=[0]), (64, 64))
    (_, _, first, _), (second, _, after, _), (third, _, _, _) = (page.frame.cell(0, column) for column in range(3))
    assert second - first > third - after


def test_a_label_longer_than_a_page_is_refused_with_the_way_out():
    with pytest.raises(BlockweightError, match="HTML page, which shows any"):
        sheet_pages(spread(1, 1, label="words " * 12_000), (512, 512))


@pytest.mark.parametrize("sheet_format", ["png", "webp"])
def test_every_picture_is_where_its_labels_say(tmp_path, sheet_format):
    grid = plot(tmp_path, columns=3, rows=2, layers=2, size=(64, 64))
    files = write_plot_sheets(grid, tmp_path / "sheets", sheet_format=sheet_format)
    assert [file.name for file in files] == [f"plot-1of2.{sheet_format}", f"plot-2of2.{sheet_format}"]
    for file, page in zip(files, sheet_pages(grid, (192, 192)), strict=True):
        with Image.open(file) as image:
            assert image.size == page.frame.size
            for place, row, column in page.places():
                left, top, right, bottom = page.frame.cell(row, column)
                shown = image.convert("RGB").getpixel(((left + right) // 2, (top + bottom) // 2))
                assert shown == pytest.approx(colour_of(place), abs=0 if sheet_format == "png" else 4)


def test_pictures_of_different_sizes_are_centred_at_one_scale(tmp_path):
    cells = {
        (0, 0, 0): PlotCell(write_picture(tmp_path, (0, 0, 0), (200, 100))),
        (1, 0, 0): PlotCell(write_picture(tmp_path, (1, 0, 0), (100, 200))),
    }
    (file,) = write_plot_sheets(PlotGrid("", axis("", "ab"), cells=cells), tmp_path, scale=0.5)
    (page,) = sheet_pages(PlotGrid("", axis("", "ab"), cells=cells), (100, 100))
    with Image.open(file) as image:
        for column, place in enumerate(cells):
            left, top, right, bottom = page.frame.cell(0, column)
            part = image.crop((left, top, right, bottom))
            colours = {colour: count for count, colour in part.getcolors()}
            assert colours[colour_of(place)] == 50 * 100


def test_a_missing_cell_is_empty(tmp_path):
    grid = plot(tmp_path, missing=[(1, 1, 0)])
    (file,) = write_plot_sheets(grid, tmp_path, scale=1)
    (page,) = sheet_pages(grid, (32, 32))
    left, top, right, bottom = page.frame.cell(1, 1)
    with Image.open(file) as image:
        red, green, blue = image.getpixel(((left + right) // 2, (top + bottom) // 2))
    assert red == green == blue


@pytest.mark.parametrize("scale", [0, -1.0, float("nan")])
def test_a_scale_that_is_none_is_refused(tmp_path, scale):
    with pytest.raises(BlockweightError, match="above 0"):
        write_plot_sheets(plot(tmp_path), tmp_path, scale=scale)


def test_pictures_too_large_for_a_page_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(BlockweightError, match="smaller scale"):
        write_plot_sheets(plot(tmp_path), tmp_path / "sheets", scale=400)
    assert not (tmp_path / "sheets").exists()


def test_a_plot_without_pictures_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="no picture yet"):
        write_plot_sheets(spread(2, 2), tmp_path)


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    grid = plot(tmp_path)
    grid.cells[1, 1, 0].picture.write_bytes(b"no picture")
    with pytest.raises(BlockweightError, match=r"1-1-0\.png.*cannot be read"):
        write_plot_sheets(grid, tmp_path)


def test_half_a_picture_is_named_and_no_page_of_it_is_left(tmp_path):
    grid = plot(tmp_path, size=(300, 300))
    picture = grid.cells[1, 1, 0].picture
    picture.write_bytes(picture.read_bytes()[:-40])
    with pytest.raises(BlockweightError, match=r"1-1-0\.png.*cannot be read"):
        write_plot_sheets(grid, tmp_path / "sheets")
    assert list((tmp_path / "sheets").iterdir()) == []
