"""matplotlib where something is drawn: it takes a third of a second to import, which nothing else should wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from blockweight.report.fonts import main_font

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Figure:
    """An empty figure, in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    return Figure(figsize=(width, height), layout=layout)


def font(text: str, size: float) -> FontProperties:
    """A font that has this text's letters, in points."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415

    return FontProperties(fname=str(main_font(text)), size=size)
