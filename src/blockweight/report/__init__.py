"""Grids, charts, exports and the HTML reports: what was measured and decided, as a person looks at it."""

from blockweight.report.analysis_pictures import (
    ScenePictures,
)
from blockweight.report.analysis_report import (
    AnalysisFindings,
    PairFigure,
    StepMapFigure,
    analysis_page,
    analysis_report,
)
from blockweight.report.analysis_words import (
    METHODS,
    Method,
    plain_words,
)
from blockweight.report.bar_figures import (
    Yardstick,
    effect_bars,
    ranked,
    seed_yardstick,
)
from blockweight.report.block_analysis import (
    AnalysisPictures,
    DifferenceColour,
    GridPage,
    analysis_grid,
    analysis_pages,
    block_label,
    difference_picture,
)
from blockweight.report.charts import (
    ChartFormat,
    cosine_bars,
    inside_outside,
    ranked_bars,
)
from blockweight.report.contact_sheet import (
    A4_LANDSCAPE,
    write_contact_sheet,
)
from blockweight.report.exports import (
    SAMPLE_COLUMNS,
    effects_csv,
    effects_parquet,
)
from blockweight.report.figure_tables import (
    aspects_table,
    pairs_table,
    ranking_table,
    regions_table,
    steps_table,
    yardstick_table,
)
from blockweight.report.figure_words import (
    ASPECT_LABELS,
    AspectLabel,
    FigureWords,
    Labels,
    aspect_label,
    decimals_for,
    short_number,
)
from blockweight.report.files import (
    write_whole,
    writing_whole,
)
from blockweight.report.fonts import (
    missing_fonts,
)
from blockweight.report.front_figure import (
    FrontMark,
    FrontPoint,
    FrontWords,
    front_figure,
)
from blockweight.report.grids import (
    Grid,
    automatic_scale,
    picture_grid,
    png_bytes,
    write_png,
)
from blockweight.report.heat_figures import (
    aspect_strips,
    interaction_matrix,
    step_map,
)
from blockweight.report.html import (
    render_report,
    themed,
    write_report,
)
from blockweight.report.loss_curve import (
    loss_curve,
)
from blockweight.report.page import (
    Block,
    Cell,
    Comparison,
    Copyable,
    DataTable,
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
from blockweight.report.plot_grid import (
    PlotAxis,
    PlotCell,
    PlotGrid,
)
from blockweight.report.plot_page import (
    plot_html,
    write_plot_page,
)
from blockweight.report.plot_sheets import (
    SheetFormat,
    write_plot_sheets,
)
from blockweight.report.scatter_figure import (
    inside_outside_figure,
)
from blockweight.report.strips import (
    HeatStrip,
    heat_strips,
)

__all__ = [
    "A4_LANDSCAPE",
    "ASPECT_LABELS",
    "METHODS",
    "SAMPLE_COLUMNS",
    "AnalysisFindings",
    "AnalysisPictures",
    "AspectLabel",
    "Block",
    "Cell",
    "ChartFormat",
    "Comparison",
    "Copyable",
    "DataTable",
    "DifferenceColour",
    "Facts",
    "Figure",
    "FigureWords",
    "FrontMark",
    "FrontPoint",
    "FrontWords",
    "Grid",
    "GridPage",
    "Headline",
    "Headlines",
    "HeatStrip",
    "Labels",
    "Method",
    "Mood",
    "PairFigure",
    "PlotAxis",
    "PlotCell",
    "PlotGrid",
    "Prose",
    "Report",
    "ScenePictures",
    "Section",
    "SheetFormat",
    "StepMapFigure",
    "SuggestionTable",
    "WeightTable",
    "Yardstick",
    "analysis_grid",
    "analysis_page",
    "analysis_pages",
    "analysis_report",
    "aspect_label",
    "aspect_strips",
    "aspects_table",
    "automatic_scale",
    "block_label",
    "cosine_bars",
    "decimals_for",
    "difference_picture",
    "effect_bars",
    "effects_csv",
    "effects_parquet",
    "front_figure",
    "heat_strips",
    "inside_outside",
    "inside_outside_figure",
    "interaction_matrix",
    "loss_curve",
    "missing_fonts",
    "pairs_table",
    "picture_grid",
    "plain_words",
    "plot_html",
    "png_bytes",
    "ranked",
    "ranked_bars",
    "ranking_table",
    "regions_table",
    "render_report",
    "seed_yardstick",
    "short_number",
    "step_map",
    "steps_table",
    "themed",
    "write_contact_sheet",
    "write_plot_page",
    "write_plot_sheets",
    "write_png",
    "write_report",
    "write_whole",
    "writing_whole",
    "yardstick_table",
]
