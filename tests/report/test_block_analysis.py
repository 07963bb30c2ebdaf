"""The Effective Block Analyzer's grid and table."""

import csv
import io

import numpy as np
import pytest
from report_samples import EFFECTS, plain

from blockweight.errors import BlockweightError
from blockweight.measure import measure_effects
from blockweight.report import (
    CSV_COLUMNS,
    AnalysisPictures,
    analysis_grid,
    block_label,
    difference_picture,
    effects_csv,
)

SOURCE = plain(100, 100, 100)
CHANGED = (("BASE", plain(130, 100, 100)), ("IN00", plain(100, 100, 100)))
ANALYSIS = AnalysisPictures(0.5, 7, SOURCE, CHANGED)


def shown(grid):
    """The colour in the middle of every cell."""
    return [
        [grid.image.getpixel(((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)) for box in row] for row in grid.boxes
    ]


def test_each_block_is_a_row_of_difference_value_and_source():
    assert shown(analysis_grid(ANALYSIS, "gobuhime")) == [
        [(30, 0, 0), (130, 100, 100), (100, 100, 100)],
        [(0, 0, 0), (100, 100, 100), (100, 100, 100)],
    ]


def test_change_xy_makes_three_rows_of_source_value_and_difference():
    assert shown(analysis_grid(ANALYSIS, "gobuhime", change_xy=True)) == [
        [(100, 100, 100), (100, 100, 100)],
        [(130, 100, 100), (100, 100, 100)],
        [(30, 0, 0), (0, 0, 0)],
    ]


def test_white_is_255_minus_the_difference():
    black, white = (difference_picture(CHANGED[0][1], SOURCE, colour) for colour in ("black", "white"))
    assert np.array_equal(white, 255 - black)
    assert shown(analysis_grid(ANALYSIS, "gobuhime", colour="white"))[0][0] == (225, 255, 255)


def test_another_colour_is_refused():
    with pytest.raises(BlockweightError, match="not on 'red'"):
        difference_picture(SOURCE, SOURCE, "red")


def test_the_label_is_the_one_of_lora_block_weight():
    assert block_label("BASE", CHANGED[0][1], SOURCE) == "BASE\n Diff : 33.333%"
    assert block_label("IN00", CHANGED[1][1], SOURCE) == "IN00\n Diff : 0.0%"
    assert block_label("BASE", CHANGED[0][1], SOURCE, threshold=30) == "BASE\n Diff : 0.0%"


def rows_of(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_the_table_has_a_row_for_every_block_and_sample():
    header, *rows = rows_of(effects_csv(EFFECTS, [("sky", 1), ("sky", 2), ("夜", 1)]))
    assert tuple(header) == CSV_COLUMNS
    assert len(rows) == 3 * len(EFFECTS)
    assert rows[2] == ["BASE", "夜", "1", "3.85", "3.85", "6.4", "1.3"]


def test_excel_recognises_the_table_as_utf_8():
    assert effects_csv(EFFECTS, [("夜", 1), ("b", 2), ("c", 3)]).startswith(b"\xef\xbb\xbf")


def test_what_was_not_measured_is_empty():
    effects = measure_effects({"IN01": [(SOURCE, SOURCE)]})
    assert rows_of(effects_csv(effects, [("sky", 1)]))[1] == ["IN01", "sky", "1", "0", "0", "", ""]


def test_samples_without_a_name_are_refused():
    with pytest.raises(BlockweightError, match="3 samples, but 1 scenes"):
        effects_csv(EFFECTS, [("sky", 1)])
