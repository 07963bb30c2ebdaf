"""Grids, charts and the HTML report: what was measured and decided, as a person looks at it."""

from blockweight.report.block_analysis import (
    CSV_COLUMNS,
    AnalysisPictures,
    DifferenceColour,
    analysis_grid,
    block_label,
    difference_picture,
    effects_csv,
)
from blockweight.report.charts import ChartFormat, cosine_bars, inside_outside, ranked_bars
from blockweight.report.files import write_whole
from blockweight.report.grids import Grid, automatic_scale, picture_grid, png_bytes, write_png
from blockweight.report.html import render_report, write_report
from blockweight.report.page import (
    Block,
    Cell,
    Comparison,
    Copyable,
    Facts,
    Figure,
    Headline,
    Headlines,
    Mood,
    Prose,
    Report,
    Section,
    SuggestionTable,
    WeightTable,
)
from blockweight.report.strips import HeatStrip, heat_strips

__all__ = [
    "CSV_COLUMNS",
    "AnalysisPictures",
    "Block",
    "Cell",
    "ChartFormat",
    "Comparison",
    "Copyable",
    "DifferenceColour",
    "Facts",
    "Figure",
    "Grid",
    "Headline",
    "Headlines",
    "HeatStrip",
    "Mood",
    "Prose",
    "Report",
    "Section",
    "SuggestionTable",
    "WeightTable",
    "analysis_grid",
    "automatic_scale",
    "block_label",
    "cosine_bars",
    "difference_picture",
    "effects_csv",
    "heat_strips",
    "inside_outside",
    "picture_grid",
    "png_bytes",
    "ranked_bars",
    "render_report",
    "write_png",
    "write_report",
    "write_whole",
]
