"""Charts of measured effects as SVG or PNG. Colours are told apart without colour vision, and by shape as well."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from blockweight.errors import BlockweightError
from blockweight.measure import NOISE_FLOOR, BlockEffects, Effect, Verdict, typical_ratio
from blockweight.report.figures import font, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ChartFormat = Literal["svg", "png"]

INK = "#1d1f23"
MUTED = "#6a6f78"
RULE = "#d9dbe0"
PAPER = "#fffffe"
BAR = "#5b8def"

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/): distinct for every common kind of colour vision.
VERDICT_COLOURS: dict[Verdict, str] = {
    Verdict.KEEP: "#009e73",
    Verdict.DROP: "#d55e00",
    Verdict.UNKNOWN: "#8a8f98",
}
VERDICT_SIGNS: dict[Verdict, str] = {Verdict.KEEP: "●", Verdict.DROP: "✕", Verdict.UNKNOWN: "?"}
"""Shown beside the colour, so that nobody needs the colour."""
VERDICT_MARKERS: dict[Verdict, str] = {Verdict.KEEP: "o", Verdict.DROP: "X", Verdict.UNKNOWN: "D"}

THEME: dict[str, str] = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    BAR: "--bar",
    VERDICT_COLOURS[Verdict.KEEP]: "--keep",
    VERDICT_COLOURS[Verdict.DROP]: "--drop",
    VERDICT_COLOURS[Verdict.UNKNOWN]: "--unknown",
}
"""Colours of a chart that a page replaces by its own variables, so that one SVG serves light and dark."""

_HEADROOM = 1.12
_EDGE = 0.75
"""The edge under the noise floor reaches down to floor × _EDGE²; its middle is floor × _EDGE."""


def ranked_bars(
    effects: Sequence[Effect],
    unit: str,
    title: str = "",
    *,
    key: str = "bar: mean · dots: seeds · line: 95 % interval",
    floor: float | None = None,
    fmt: ChartFormat = "svg",
) -> bytes:
    """A horizontal bar per effect, strongest first: the bar is the mean, the dots are the seeds, the line is the 95 %
    interval (an arrow where it leaves the chart). A `floor` is drawn as a dashed line; `key` stands under the unit.

    BlockweightError when there is no effect.
    """
    if not effects:
        raise BlockweightError("There are no effects to draw; analyse at least one block.")
    ordered = sorted(effects, key=lambda effect: -effect.mean)
    figure = new_figure(7.6, 1.1 + 0.24 * len(ordered), layout="constrained")
    axes = figure.add_subplot()
    limit = max(max(effect.spread[1] for effect in ordered) * _HEADROOM, floor or 0, 1e-9)
    rows = range(len(ordered))
    axes.barh(rows, [effect.mean for effect in ordered], height=0.66, color=BAR, alpha=0.4, linewidth=0)
    for row, effect in enumerate(ordered):
        _interval(axes, row, effect, limit)
        seeds = [row] * len(effect.samples)
        axes.scatter(effect.samples, seeds, s=13, color=BAR, edgecolors=PAPER, linewidths=0.6, zorder=4, clip_on=False)
    if floor is not None:
        axes.axvline(floor, color=MUTED, linewidth=1, linestyle=(0, (3, 3)), zorder=5)
    axes.set_xlim(0, limit)
    axes.set_ylim(len(ordered) - 0.4, -0.6)
    axes.set_yticks(rows, [effect.block for effect in ordered])
    _style(axes, x_label="\n".join(filter(None, (unit, key))), title=title)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.spines["bottom"].set_visible(False)
    return _save(figure, fmt)


def _interval(axes: Axes, row: int, effect: Effect, limit: float) -> None:
    low, high = effect.interval
    if math.isinf(high):
        return
    axes.plot([max(low, 0), min(high, limit)], [row, row], color=INK, linewidth=1.1, zorder=3)
    if high > limit:
        axes.plot([limit], [row], marker=">", color=INK, markersize=4, clip_on=False, zorder=3)


def inside_outside(
    effects: Sequence[BlockEffects],
    verdicts: Mapping[str, Verdict],
    title: str = "",
    *,
    inside: str = "inside (levels)",
    outside: str = "outside (levels)",
    floor: float = NOISE_FLOOR,
    words: Mapping[Verdict, str] | None = None,
    together: str = "all blocks together",
    fmt: ChartFormat = "svg",
) -> bytes:
    """A point per block: its effect outside the mask (x) and inside (y), both in levels on logarithmic axes.

    The thin lines are the 95 % intervals; on the dashed diagonal a block works equally in both, on the dotted
    one as all blocks `together` do; what lies under the noise floor stands in the shaded edge, where blocks that are
    under it on both axes are counted, not named. Colour and shape are the verdict (`words` names them in the legend).
    BlockweightError when there is no block with both effects.
    """
    from blockweight.report.labels import place_labels  # noqa: PLC0415 - needs matplotlib, see `figures`

    points = [
        _Point(effect.block, effect.inside, effect.outside, verdicts.get(effect.block, Verdict.UNKNOWN))
        for effect in effects
        if effect.inside is not None and effect.outside is not None
    ]
    if not points:
        raise BlockweightError("No block has an effect inside and outside; measure with a mask first.")
    figure = new_figure(6.8, 6.4, layout="constrained")
    axes = figure.add_subplot()
    highest = max(max(point.inside.spread[1], point.outside.spread[1]) for point in points)
    ends = floor * _EDGE**2, max(highest, 2 * floor) * 1.3
    _log_axes(axes, ends, floor)
    for point in points:
        (x, y), (across, up) = point.place(floor), point.intervals(floor, ends[1])
        colour = VERDICT_COLOURS[point.verdict]
        axes.plot(across, (y, y), (x, x), up, color=colour, alpha=0.45, linewidth=1)
    titles = {verdict: verdict.value for verdict in Verdict} | dict(words or {})
    for verdict in Verdict:
        chosen = [point.place(floor) for point in points if point.verdict is verdict]
        top = 5 if verdict is Verdict.DROP else 4  # a cross would vanish under the others where they meet
        axes.scatter([x for x, _ in chosen], [y for _, y in chosen], s=46, marker=VERDICT_MARKERS[verdict],
                     color=VERDICT_COLOURS[verdict], edgecolors=PAPER, linewidths=0.8, zorder=top,
                     label=f"{titles[verdict]} ({len(chosen)})")  # fmt: skip
    typical = typical_ratio(effects, floor)
    axes.plot(ends, (typical * ends[0], typical * ends[1]), color=MUTED, linewidth=1, linestyle=":", label=together)
    _style(axes, x_label=outside, y_label=inside, title=title)
    band = math.log(floor / ends[0]) / math.log(ends[1] / ends[0])
    axes.legend(loc="lower right", bbox_to_anchor=(1, band), frameon=False, labelcolor=INK, handletextpad=0.2,
                prop=font("".join((together, *titles.values())), 9))  # fmt: skip
    lines = [line for point in points for line in point.lines(floor, ends[1])]
    shown = [point for point in points if not point.unseen(floor)]
    places = [point.place(floor) for point in shown]
    names = [point.block for point in shown]
    if len(shown) < len(points):
        # All of them stand on one spot, where names would only cover each other.
        places.append((floor * _EDGE, floor * _EDGE))
        names.append(f"×{len(points) - len(shown)}")
    place_labels(figure, axes, places, names, lines, ink=INK, halo=PAPER)
    return _save(figure, fmt)


@dataclass(frozen=True)
class _Point:
    """One block of the scatter chart. An effect under the floor is drawn in the middle of the edge below it."""

    block: str
    inside: Effect
    outside: Effect
    verdict: Verdict

    def place(self, floor: float) -> tuple[float, float]:
        return _on_axis(self.outside.mean, floor), _on_axis(self.inside.mean, floor)

    def intervals(self, floor: float, highest: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """The 95 % intervals, cut at the axes' ends; the mean alone of a single scene."""
        return _interval_on_axis(self.outside, floor, highest), _interval_on_axis(self.inside, floor, highest)

    def unseen(self, floor: float) -> bool:
        """Whether the block's means lie under the floor on both axes."""
        return max(self.inside.mean, self.outside.mean) < floor

    def lines(self, floor: float, highest: float) -> tuple[tuple[float, float, float, float], ...]:
        """The intervals as segments (x0, y0, x1, y1)."""
        (x, y), ((left, right), (bottom, top)) = self.place(floor), self.intervals(floor, highest)
        return (left, y, right, y), (x, bottom, x, top)


def _interval_on_axis(effect: Effect, floor: float, highest: float) -> tuple[float, float]:
    low, high = effect.interval
    if math.isinf(high):
        low = high = effect.mean
    return _on_axis(low, floor), min(_on_axis(high, floor), highest)


def _on_axis(value: float, floor: float) -> float:
    return value if value >= floor else floor * _EDGE


def _log_axes(axes: Axes, ends: tuple[float, float], floor: float) -> None:
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    axes.set_aspect("equal")
    axes.axvspan(ends[0], floor, color=RULE, alpha=0.5, linewidth=0)
    axes.axhspan(ends[0], floor, color=RULE, alpha=0.5, linewidth=0)
    axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
    ticks = [tick for tick in _log_ticks(*ends) if tick > floor * 1.2]
    texts = [f"<{floor:g}", *(f"{tick:g}" for tick in ticks)]
    axes.set_xticks([floor * _EDGE, *ticks], texts)
    axes.set_yticks([floor * _EDGE, *ticks], texts)
    axes.minorticks_off()


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, … between the ends."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for power in powers for tick in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if low <= tick <= high]


def cosine_bars(blocks: Sequence[tuple[str, float | None]], title: str = "", *, fmt: ChartFormat = "svg") -> bytes:
    """A bar per block from 0 to its cosine (−1 to 1), to the left where two changes work against each other; nothing
    where there is no cosine (None), which the label says. BlockweightError when there is no block."""
    if not blocks:
        raise BlockweightError("There are no blocks to draw; compare LoRAs that have some.")
    figure = new_figure(7.6, 1.1 + 0.24 * len(blocks), layout="constrained")
    axes = figure.add_subplot()
    rows = range(len(blocks))
    colours = [VERDICT_COLOURS[Verdict.DROP] if (cosine or 0) < 0 else BAR for _, cosine in blocks]
    axes.barh(rows, [cosine or 0 for _, cosine in blocks], height=0.66, color=colours, linewidth=0)
    for row, (_, cosine) in enumerate(blocks):
        text = "in one of them only" if cosine is None else f"{round(cosine, 2) + 0.0:+.2f}"
        left = (cosine or 0) < 0
        axes.annotate(text, (cosine or 0, row), xytext=(-4 if left else 4, 0), textcoords="offset points", fontsize=8,
                      color=MUTED, va="center", ha="right" if left else "left")  # fmt: skip
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_xlim(-1.15, 1.15)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_ylim(len(blocks) - 0.4, -0.6)
    axes.set_yticks(rows, [block for block, _ in blocks])
    _style(axes, x_label="cosine of the two changes: −1 cancel · 0 apart · 1 add up", title=title)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.spines["bottom"].set_visible(False)
    return _save(figure, fmt)


def _style(axes: Axes, x_label: str = "", y_label: str = "", title: str = "") -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    axes.set_axisbelow(True)
    axes.set_xlabel(x_label, color=MUTED, fontproperties=font(x_label, 9))
    axes.set_ylabel(y_label, color=MUTED, fontproperties=font(y_label, 9))
    if title:
        axes.set_title(title, color=INK, loc="left", fontproperties=font(title, 12), pad=10)


def _save(figure: Figure, fmt: ChartFormat) -> bytes:
    buffer = io.BytesIO()
    if fmt == "png":
        figure.set_facecolor(PAPER)
        figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
        return buffer.getvalue()
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    import matplotlib as mpl  # noqa: PLC0415 - see `figures`

    # A random salt and a date are all that makes matplotlib's SVG differ from run to run. The salt follows the
    # content, so that the ids of two charts on one page differ.
    salt = hashlib.sha256("|".join(text.get_text() for text in figure.findobj(mpl.text.Text)).encode()).hexdigest()
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return buffer.getvalue()
