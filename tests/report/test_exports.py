"""Measured effects as files: what was measured is there once, what was not is empty, and nothing else."""

import csv
import io
import json
import sys

import numpy as np
import pytest
from table_samples import ASPECTS, SCENES, effect_table

from blockweight.errors import BlockweightError
from blockweight.measure import EffectTable
from blockweight.report import SAMPLE_COLUMNS, effects_csv, effects_parquet

TABLE = effect_table()
MEASURED = 24 * 3 + 1
"""A block was measured in one scene alone, and one in none."""


def rows_of(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_the_csv_has_a_row_a_block_and_scene_and_a_column_an_aspect():
    header, *rows = rows_of(effects_csv(TABLE))
    assert header == [*SAMPLE_COLUMNS, *ASPECTS]
    assert len(rows) == MEASURED
    assert rows[0] == ["BASE", "夜", "7", "1girl, night", "8", "16", "24", "32", "-80"]
    assert [row[1] for row in rows if row[0] == "IN00"] == ["夜"]
    assert not any(row[0] == "IN01" for row in rows)


def test_excel_recognises_the_csv_as_utf_8():
    assert effects_csv(TABLE).startswith(b"\xef\xbb\xbf")


def test_what_was_not_measured_is_empty():
    table = EffectTable(("diff", "change"), ("M00",), SCENES[:1], np.array([[[1.5]], [[np.nan]]]))
    assert rows_of(effects_csv(table))[1] == ["M00", "夜", "7", "1girl, night", "1.5", ""]


def test_parquet_holds_the_rows_of_the_csv_with_types_and_units():
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the parquet extra")
    table = parquet.read_table(io.BytesIO(effects_parquet(TABLE)))
    assert table.column_names == [*SAMPLE_COLUMNS, *ASPECTS]
    assert table.num_rows == MEASURED
    assert str(table.schema.field("seed").type) == "int64" and str(table.schema.field("change").type) == "double"
    assert table["change"][0].as_py() == TABLE.values[1, 0, 0]
    assert json.loads(table.schema.metadata[b"blockweight.units"])["change:inside"] == "levels"


def test_parquet_without_pyarrow_is_refused_with_what_to_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BlockweightError, match=r'pip install "blockweight\[parquet\]"'):
        effects_parquet(TABLE)
