"""The report as one HTML file that needs nothing else: pictures, styles and the little script are inside."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure import BlockEffects, Picture
from blockweight.report.charts import THEME, VERDICT_SIGNS
from blockweight.report.files import write_whole
from blockweight.report.grids import png_bytes
from blockweight.report.page import Block, Comparison, Encoding, Figure, Report
from blockweight.report.words import words_of
from blockweight.weights import format_weight

WIDE_COLUMNS = 6
"""A comparison with more columns scrolls sideways inside its frame."""


WEBP_QUALITY = 88


def picture_uri(picture: Picture, encoding: Encoding = "png") -> str:
    """A uint8 (H, W, 3) picture as a data URI: of a PNG, which is exact, or of a much smaller WebP."""
    if encoding == "webp":
        return data_uri(webp_bytes(picture), "image/webp")
    return data_uri(png_bytes(picture), "image/png")


def webp_bytes(picture: Picture) -> bytes:
    """A lossy WebP file of good quality."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="WEBP", quality=WEBP_QUALITY)
    return buffer.getvalue()


def data_uri(data: bytes, media_type: str) -> str:
    """Bytes as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def figure_markup(figure: Figure) -> Markup:
    """The figure's `<img>` (PNG) or inline `<svg>`, whose theme colours become the page's variables so that a chart
    follows light and dark. BlockweightError when it is neither, or an SVG that is not drawing only."""
    if figure.data.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = Image.open(io.BytesIO(figure.data)).size
        tag = Markup('<img src="{}" alt="{}" width="{}" height="{}">')
        return tag.format(data_uri(figure.data, "image/png"), figure.alt, width, height)
    text = figure.data.decode("utf-8", errors="replace")
    start = text.find("<svg")
    if start < 0:
        raise BlockweightError("A figure must be the bytes of a PNG or SVG file; draw it with charts or grids.")
    if re.search(r"<(?:script|foreignObject|image|a)\b|\son\w+\s*=|href\s*=\s*[\"'](?!#)", text[start:], re.IGNORECASE):
        raise BlockweightError("A figure's SVG may only draw: it must hold no scripts, links or outside pictures.")
    svg = themed(re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", text[start:], flags=re.DOTALL))
    svg = re.sub(r'^(<svg[^>]*?) role="img"', r"\1", svg)
    opening = Markup('<svg role="img" aria-label="{}"').format(figure.alt)
    return Markup(opening + Markup(svg.removeprefix("<svg")))  # noqa: S704 - checked above to be drawing only


def themed(svg: str) -> str:
    """The drawing with its colours as the page's variables (charts.THEME), so that it follows light and dark."""
    for colour, variable in THEME.items():
        svg = svg.replace(colour, f"var({variable}, {colour})")
    return svg


def render_report(report: Report) -> str:
    """The report as HTML text: self-contained, autoescaped, and the same for the same input.

    BlockweightError for a language without words, or a figure that cannot be embedded.
    """
    page = page_template("report.html.j2")
    numbers = {id(block): number for number, block in enumerate(_blocks(report), start=1)}
    return page.render(report=report, words=words_of(report.language), number_of=lambda block: numbers[id(block)])


def page_template(name: str) -> Template:
    """A page's template; what it is given is escaped."""
    return _ENVIRONMENT.get_template(name)


def write_report(report: Report, path: Path) -> None:
    """Write `render_report` to a UTF-8 file, whole or not at all; an existing one is replaced.

    BlockweightError as for `render_report`, or when the file cannot be written.
    """
    write_whole(path, render_report(report).encode("utf-8"))


def _blocks(report: Report) -> list[Block]:
    return [*report.opening, *(block for section in report.sections for block in section.blocks)]


def _shown_width(comparison: Comparison) -> int:
    """The most CSS pixels that a picture is wide on the page: small pictures are enlarged, very large ones reduced."""
    widths = [cell.picture.shape[1] for row in comparison.cells for cell in row if cell.picture is not None]
    return min(512, max(256, *widths)) if widths else 256


def _heat(value: float) -> str:
    """How strongly a weight colours its field, 0…1."""
    return f"{min(abs(value), 1.0):.3f}"


def _largest_effect(effects: tuple[BlockEffects, ...]) -> float:
    means = [effect.mean for block in effects for effect in (block.inside, block.outside) if effect is not None]
    return max([*means, 1e-9])


def _percent(value: float, largest: float) -> str:
    """A length in CSS percent of the largest."""
    return f"{100 * value / largest:.1f}%" if largest > 0 else "0%"


def _unbroken(text: str) -> str:
    """The text with its "6.1 ± 0.8" kept on one line."""
    return text.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")


def _breakable(text: str) -> Markup:
    """The text escaped, with leave to break a line after its commas; what is copied stays the same."""
    return Markup(",<wbr>").join(text.split(","))


def _largest(strength: Mapping[str, float]) -> float:
    return max(strength.values(), default=0.0)


_ENVIRONMENT = Environment(
    loader=PackageLoader("blockweight.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["signs"] = {verdict.value: sign for verdict, sign in VERDICT_SIGNS.items()}
_ENVIRONMENT.globals["wide_columns"] = WIDE_COLUMNS
_ENVIRONMENT.filters.update(
    breakable=_breakable,
    figure=figure_markup,
    heat=_heat,
    largest=_largest,
    largest_effect=_largest_effect,
    percent=_percent,
    picture=picture_uri,
    shown_width=_shown_width,
    unbroken=_unbroken,
    weight=format_weight,
)
