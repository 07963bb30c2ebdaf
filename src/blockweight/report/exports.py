"""What was measured as files for other programs: CSV, JSON, Parquet, and the ranking as text."""

from __future__ import annotations

import csv
import io
import json

import numpy as np

from blockweight.errors import BlockweightError
from blockweight.measure import EffectTable
from blockweight.report.figure_words import ASPECT_LABELS, Labels, aspect_label
from blockweight.weights import format_weight

SAMPLE_COLUMNS = ("block", "scene", "seed", "prompt")
"""What names a row of the exported table; a column for every aspect follows."""

DECIMALS = 6
"""Decimals in the table: far below anything measurable, and the same text on every machine."""


def effects_csv(table: EffectTable) -> bytes:
    """A row a block and scene, a column an aspect (by its name, `colour:inside`), empty where nothing was measured; a
    row without any measurement is left out.

    No totals and no units in the cells: one row is one measurement, which is what a pivot table or pandas wants, and
    an aspect is a value field of its own there. UTF-8 with a byte order mark, because Excel reads a CSV without one in
    the system's old code page and garbles Japanese labels; other readers skip the mark.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*SAMPLE_COLUMNS, *table.aspects])
    for name, values in _samples(table):
        writer.writerow([*name, *("" if value is None else _decimal(value) for value in values)])
    return text.getvalue().encode("utf-8-sig")


def effects_parquet(table: EffectTable, labels: Labels = ASPECT_LABELS) -> bytes:
    """The rows of `effects_csv` as a Parquet file, unrounded: text, int64 seeds, float64 aspects with nulls. The file's
    metadata has the units under `blockweight.units`, a JSON object by aspect.

    BlockweightError when pyarrow is not there.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and half a second
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        raise BlockweightError(
            'Parquet needs pyarrow, which is not installed; run: pip install "blockweight[parquet]", or take the CSV.'
        ) from error
    rows = list(_samples(table))
    fields = [(name, pa.int64() if name == "seed" else pa.string()) for name in SAMPLE_COLUMNS]
    fields += [(aspect, pa.float64()) for aspect in table.aspects]
    columns: list[list[object]] = [[name[place] for name, _ in rows] for place in range(len(SAMPLE_COLUMNS))]
    columns += [[values[place] for _, values in rows] for place in range(len(table.aspects))]
    units = json.dumps({aspect: aspect_label(aspect, labels).unit for aspect in table.aspects}, ensure_ascii=False)
    schema = pa.schema(fields, metadata={"blockweight.units": units})
    buffer = io.BytesIO()
    arrays = [pa.array(column, type=kind) for column, (_, kind) in zip(columns, fields, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer)
    return buffer.getvalue()


def _samples(table: EffectTable) -> list[tuple[tuple[str, str, int, str], list[float | None]]]:
    """Block by block, scene by scene: what names the row, and a value for each aspect."""
    made = []
    for number, block in enumerate(table.blocks):
        for place, scene in enumerate(table.scenes):
            values = table.values[:, number, place]
            if not np.isnan(values).all():
                found = [None if np.isnan(value) else float(value) for value in values]
                made.append(((block, scene.label, scene.seed, scene.prompt), found))
    return made


def _decimal(value: float) -> str:
    return format_weight(round(value, DECIMALS))
