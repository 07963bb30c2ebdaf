"""Charts: they exist as SVG and PNG, repeat byte for byte, and name what they draw."""

import io
import itertools
import xml.etree.ElementTree as ET

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from report_samples import EFFECTS, VERDICTS

from blockweight.errors import BlockweightError
from blockweight.measure import BlockEffects, Effect
from blockweight.report import inside_outside, ranked_bars
from blockweight.report.labels import place_labels

CHARTS = {
    "bars": lambda fmt: ranked_bars([effect.overall for effect in EFFECTS], "levels", "Effect", floor=0.5, fmt=fmt),
    "scatter": lambda fmt: inside_outside(EFFECTS, VERDICTS, "Where", fmt=fmt),
}


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_a_well_formed_svg_and_the_same_every_time(chart):
    first, second = CHARTS[chart]("svg"), CHARTS[chart]("svg")
    assert first == second
    assert ET.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_a_png_on_demand(chart):
    with Image.open(io.BytesIO(CHARTS[chart]("png"))) as image:
        assert image.format == "PNG" and image.width > 600
    assert CHARTS[chart]("png") == CHARTS[chart]("png")


def test_bars_stand_strongest_first():
    svg = CHARTS["bars"]("svg").decode()
    # Matplotlib writes each label as a comment beside its outlines, in drawing order.
    places = [svg.index(f"<!-- {block} -->") for block in ("OUT04", "BASE", "OUT11", "IN00")]
    assert places[0] == min(places) and places[-1] == max(places)


def test_a_single_seed_and_no_effect_at_all_can_be_drawn():
    assert ranked_bars([Effect("IN01", (5.0,))], "levels").startswith(b"<?xml")
    assert ranked_bars([Effect("IN01", (0.0, 0.0))], "levels").startswith(b"<?xml")


def test_names_of_crowded_points_do_not_cover_each_other():
    figure = Figure(figsize=(6, 6))
    axes = figure.add_subplot(xlim=(0, 10), ylim=(0, 10))
    points = [(5.0, 5.0)] * 6 + [(5.2, 5.0), (9.9, 9.9), (0.1, 0.1)]
    names = [f"OUT{number:02}" for number in range(len(points))]
    place_labels(figure, axes, points, names, [(4, 5, 6, 5)], ink="#000000", halo="#ffffff")
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines to the points
    assert [text.get_text() for text in axes.texts] == names
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


def test_japanese_titles_can_be_drawn():
    assert inside_outside(EFFECTS, VERDICTS, "階層の影響", inside="顔", outside="それ以外").startswith(b"<?xml")


def test_nothing_to_draw_is_refused():
    with pytest.raises(BlockweightError, match="no effects"):
        ranked_bars([], "levels")
    with pytest.raises(BlockweightError, match="with a mask"):
        inside_outside([BlockEffects("IN01", Effect("IN01", (1.0,)), Effect("IN01", (1.0,)))], {})
