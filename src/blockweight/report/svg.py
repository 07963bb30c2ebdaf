"""Drawings as SVG that stay text: small, searchable, read out by a screen reader, and free of inline styles, which a
strict page refuses. Colours are the theme's, so that one drawing serves light and dark (charts.THEME)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from blockweight.report.charts import INK
from blockweight.report.fonts import main_font, sized_font

FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Hiragino Sans', 'Yu Gothic UI', "
    "'Noto Sans CJK JP', 'Noto Sans JP', Meiryo, IPAPGothic, 'DejaVu Sans', sans-serif"
)

_MEASURED_AT = 40
"""Pixels at which text is measured: widths are then proportional to within a hundredth."""

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Value = str | float


def text_width(text: str, size: float) -> float:
    """How wide the text is in pixels at this font size, by DejaVu Sans or the system's CJK font. Both are wide, so the
    reader's own font seldom needs more."""
    return sized_font(main_font(text), _MEASURED_AT).getlength(clean(text)) * size / _MEASURED_AT


def fitted(text: str, size: float, width: float) -> str:
    """The text, or as much of it as fits into this width with … behind it."""
    shown = clean(text)
    while len(shown) > 1 and text_width(shown, size) > width:
        shown = f"{shown.removesuffix('…')[:-1]}…"
    return shown


def clean(text: str) -> str:
    """The text with what XML cannot hold (control characters, lone surrogates) replaced, on one line."""
    return " ".join(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", text).split("\n"))


@dataclass
class Drawing:
    """An SVG under construction, `width` × `height` pixels, (0, 0) top left. `title` is its name and `description` what
    it shows, both for whoever does not see it. A `tip` is shown where the pointer rests."""

    width: float
    height: float
    title: str
    description: str = ""
    _parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, fill: str, tip: str = "", **more: Value) -> None:
        """A rectangle by its top left corner."""
        self._add("rect", tip, x=x, y=y, width=max(width, 0), height=max(height, 0), fill=fill, **more)

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1, **more: Value) -> None:
        """A straight line."""
        self._add("line", "", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, **more)

    def path(self, d: str, tip: str = "", **more: Value) -> None:
        """A path by its commands."""
        self._add("path", tip, d=d, **more)

    def circle(self, x: float, y: float, radius: float, fill: str, tip: str = "", **more: Value) -> None:
        """A disc."""
        self._add("circle", tip, cx=x, cy=y, r=radius, fill=fill, **more)

    def text(self, x: float, y: float, text: str, size: float = 11, fill: str = INK, **more: Value) -> None:
        """One line of text with its baseline at y; `text_anchor` is start, middle or end."""
        attributes = _attributes({"x": x, "y": y, "font_size": size, "fill": fill, **more})
        self._parts.append(f"<text{attributes}>{escape(clean(text))}</text>")

    def open(self, **more: Value) -> None:
        """Begin a group; `class_` names it."""
        self._parts.append(f"<g{_attributes(more)}>")

    def close(self) -> None:
        """End the group begun last."""
        self._parts.append("</g>")

    def svg(self) -> bytes:
        """The whole drawing as an SVG file."""
        width, height = _number(self.width), _number(self.height)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" font-family={quoteattr(FONTS)}>'
        )
        told = f"<title>{escape(clean(self.title))}</title>"
        if self.description:
            told += f"<desc>{escape(clean(self.description))}</desc>"
        return "\n".join((head, told, *self._parts, "</svg>\n")).encode()

    def _add(self, name: str, tip: str, **attributes: Value) -> None:
        body = f"><title>{escape(clean(tip))}</title></{name}>" if tip else "/>"
        self._parts.append(f"<{name}{_attributes(attributes)}{body}")


def _attributes(values: dict[str, Value]) -> str:
    names = (name.rstrip("_").replace("_", "-") for name in values)
    shown = (clean(value) if isinstance(value, str) else _number(value) for value in values.values())
    return "".join(f" {name}={quoteattr(value)}" for name, value in zip(names, shown, strict=True))


def _number(value: float) -> str:
    """At most two decimals: a hundredth of a pixel is nothing to see."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
