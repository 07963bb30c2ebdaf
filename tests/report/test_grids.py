"""The labelled grid: every picture where its label says, at the size that was asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from report_samples import plain

from blockweight.errors import BlockweightError
from blockweight.project import picture_texts
from blockweight.report import automatic_scale, picture_grid, write_png
from blockweight.report.grid_frame import BACKGROUND, INK, FrameStyle
from blockweight.report.label_text import laid_out, wrap

GUTTER = FrameStyle().gutter


def test_every_cell_holds_its_own_picture():
    cells = [[plain(10 * row, 20 * column, 200) for column in range(3)] for row in range(2)]
    grid = picture_grid(cells, ["a", "b"], ["x", "y", "z"], scale=10)
    for row in range(2):
        for column in range(3):
            left, top, right, bottom = grid.boxes[row][column]
            assert (right - left, bottom - top) == (80, 80)
            for point in ((left, top), (right - 1, bottom - 1), (left + 40, top + 40)):
                assert grid.image.getpixel(point) == (10 * row, 20 * column, 200)


def test_rows_run_down_and_columns_to_the_right_with_dark_gutters_between():
    grid = picture_grid([[plain(9, 9, 9)] * 2] * 2, ["a", "b"], ["x", "y"], scale=10)
    (first, second), (below, _) = grid.boxes
    assert second[0] - first[2] == GUTTER and second[1] == first[1]
    assert below[1] - first[3] == GUTTER and below[0] == first[0]
    assert grid.image.getpixel((first[2] + 1, first[1] + 5)) == BACKGROUND


def test_enlarged_pixels_stay_squares_of_one_colour():
    picture = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    grid = picture_grid([[picture]], ["a"], ["x"], scale=30)
    shown = np.asarray(grid.image.crop(grid.boxes[0][0]))
    assert np.array_equal(shown, picture.repeat(30, axis=0).repeat(30, axis=1))


@pytest.mark.parametrize(("side", "scale"), [(64, 3), (128, 2), (256, 1), (512, 1), (1024, 1), (8, 24)])
def test_small_pictures_are_enlarged_by_a_whole_number(side, scale):
    assert automatic_scale(side, side) == scale


def test_an_empty_cell_stays_empty():
    grid = picture_grid([[None, plain(1, 2, 3)]], ["a"], ["x", "y"])
    assert grid.boxes[0][0] is None
    assert grid.boxes[0][1] is not None


def test_a_smaller_picture_is_centred_in_its_cell():
    grid = picture_grid(
        [[plain(9, 9, 9, height=20, width=100), plain(7, 7, 7, height=100)]], ["a"], ["x", "y"], scale=1
    )
    wide, tall = grid.boxes[0]
    assert (wide[1] + wide[3]) / 2 == (tall[1] + tall[3]) / 2


def ink_box(grid):
    """Where the labels' ink is: the bounding box of bright pixels."""
    bright = np.asarray(grid.image).min(axis=2) > 150
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return columns[0], rows[0], columns[-1], rows[-1]


def test_row_labels_stand_left_and_column_labels_above():
    cells = [[plain(0, 0, 0)]]
    left, top, _, _ = picture_grid(cells, ["row"], ["column"], scale=20).boxes[0][0]
    box = ink_box(picture_grid(cells, ["row"], [""], scale=20))
    assert box[2] < left
    box = ink_box(picture_grid(cells, [""], ["column"], scale=20))
    assert box[3] < top


def test_a_long_label_is_wrapped_and_never_cut():
    label = "black school uniform at the old classroom, seed 12345678, with a straw hat"
    grid = picture_grid([[plain(0, 0, 0, height=64, width=64)]], [label], [label], scale=1, title=label, corner=label)
    left, top, right, bottom = ink_box(grid)
    assert left >= 8 and top >= 8
    assert right <= grid.image.width - 8 and bottom <= grid.image.height - 8


def test_a_row_grows_with_its_label_and_a_prompt_of_many_words_is_whole():
    labels = ["three lines of words " * 3, "many words " * 200, "b"]
    grid = picture_grid([[plain(0, 0, 0)]] * 3, labels, ["x"], scale=1)
    (first,), (second,), (third,) = grid.boxes
    assert second[1] - first[1] > 40 and third[1] - second[1] > 40
    assert ink_box(grid)[3] < grid.image.height - 8


def test_a_longer_label_gets_a_wider_band_before_its_row_grows():
    short, long = "a seed", "many words of a prompt " * 8
    narrow, wide = (
        picture_grid([[plain(0, 0, 0, height=150, width=150)]], [label], ["x"], scale=1).boxes[0][0]
        for label in (short, long)
    )
    assert wide[0] > narrow[0] and wide[3] - wide[1] == narrow[3] - narrow[1]


def test_a_label_longer_than_any_page_is_refused_not_cut():
    with pytest.raises(BlockweightError, match="too long for a page"):
        picture_grid([[plain(0, 0, 0)]], ["many words " * 5_000], ["x"])


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=60), st.integers(40, 300))
def test_wrapping_keeps_every_character_and_the_width(text, width):
    lines = wrap(text, len, width // 10)
    assert "".join(lines) == text
    assert all(len(line) <= width // 10 for line in lines)


@given(st.text(st.sampled_from("abcdefgh ,ゴブ姫é한🙂\n"), max_size=60), st.integers(120, 300))
def test_no_line_of_a_label_is_wider_than_its_place(text, width):
    assert laid_out(text, width, 14).width <= width


def test_a_list_of_weights_is_broken_after_a_comma():
    assert all(line.endswith(",") for line in wrap("1,0.5,0.25," * 8, len, 12))


def test_a_line_break_in_a_label_is_kept():
    assert wrap("BASE\n Diff : 33.007%", len, 40) == ["BASE", "Diff : 33.007%"]


def test_a_grid_without_a_picture_is_refused():
    with pytest.raises(BlockweightError, match="no picture"):
        picture_grid([[None]], ["a"], ["x"])


def test_labels_that_do_not_fit_the_cells_are_refused():
    with pytest.raises(BlockweightError, match="1 × 2 labels"):
        picture_grid([[plain(0, 0, 0)]], ["a"], ["x", "y"])


def test_a_png_carries_its_metadata_in_any_script(tmp_path):
    path = tmp_path / "grid.png"
    write_png(plain(1, 2, 3), path, {"parameters": "1girl, ゴブ姫", "Seed": "7"})
    with Image.open(path) as image:
        assert image.text == {"parameters": "1girl, ゴブ姫", "Seed": "7"}
        assert image.convert("RGB").getpixel((0, 0)) == (1, 2, 3)


def test_equal_grids_give_equal_files(tmp_path):
    for name in ("a.png", "b.png"):
        write_png(picture_grid([[plain(1, 2, 3)]], ["a"], ["x"]).image, tmp_path / name, {"k": "v"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(BlockweightError, match="could not be written"):
        write_png(plain(1, 2, 3), tmp_path / "missing" / "grid.png")
    (tmp_path / "taken").mkdir()
    with pytest.raises(BlockweightError, match="could not be written"):
        write_png(plain(1, 2, 3), tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_label_ink_is_light_on_dark():
    assert min(INK) - max(BACKGROUND) > 150


def test_the_ending_decides_the_format(tmp_path):
    for name, kind in (("a.png", "PNG"), ("a.webp", "WEBP"), ("a.jpg", "JPEG")):
        write_png(plain(1, 2, 3), tmp_path / name, {"parameters": "1girl, ゴブ姫"})
        found = picture_texts((tmp_path / name).read_bytes())
        assert (found.kind, found.infotext) == (kind, "1girl, ゴブ姫")
