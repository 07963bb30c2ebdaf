"""Figures from a table of effects: well-formed SVG without styles, every block at its place, honest about noise."""

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from table_samples import FLUX, SCENES, SD, effect_table

from blockweight.errors import BlockweightError
from blockweight.measure import EffectTable, SceneName, Verdict
from blockweight.report import (
    AspectLabel,
    FigureWords,
    Yardstick,
    aspect_strips,
    effect_bars,
    inside_outside_figure,
    interaction_matrix,
    ranked,
    seed_yardstick,
    step_map,
    themed,
)
from blockweight.report.axes import Logarithmic

SVG = "{http://www.w3.org/2000/svg}"
TABLE = effect_table()
STEPS = np.array([[3.0, 2.0, 1.0], [np.nan, -1.0, 0.5]])
PAIRS = np.array([[0.0, 5.0, np.nan], [5.0, 0.0, -2.0], [np.nan, -2.0, 0.0]])

FIGURES = {
    "strips": lambda: aspect_strips(TABLE, quiet={("change", "IN05")}),
    "strips of 61": lambda: aspect_strips(effect_table(FLUX)),
    "bars": lambda: effect_bars(TABLE, "change", floor=0.5, verdicts={"IN05": Verdict.DROP}),
    "signed bars": lambda: effect_bars(TABLE, "green", floor=1.0),
    "scatter": lambda: inside_outside_figure(TABLE, "change", typical=1.2, verdicts={"BASE": Verdict.KEEP}),
    "step map": lambda: step_map(("D00", "S01"), (1, 4, 9), STEPS, unit="levels", noise_levels=(14.6, 2, 0.1)),
    "pairs": lambda: interaction_matrix(("IN01", "M00", "OUT03"), PAIRS, unit="%", marked={("M00", "IN01")}),
    "yardstick": lambda: seed_yardstick(TABLE, [Yardstick("change", 50.0), Yardstick("diff", 30.0)]),
}


def parsed(svg):
    return ET.fromstring(svg)


def texts(svg):
    return [element.text for element in parsed(svg).iter(f"{SVG}text")]


def tips(svg):
    """What is said where the pointer rests."""
    root = parsed(svg)
    return [title.text for title in root.iter(f"{SVG}title") if title is not root[0]]


def of_class(svg, name):
    return [element for element in parsed(svg).iter() if element.get("class") == name]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_named_described_and_the_same_every_time(figure):
    svg = FIGURES[figure]()
    root = parsed(svg)
    assert svg == FIGURES[figure]()
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title" and root[0].text
    assert root[1].tag == f"{SVG}desc" and root[1].text


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_needs_no_style_and_no_id_that_a_page_could_have_too(figure):
    for element in parsed(FIGURES[figure]()).iter():
        assert element.get("style") is None and element.get("id") is None
        assert element.tag != f"{SVG}style"


@pytest.mark.parametrize("figure", FIGURES)
def test_all_numbers_of_a_figure_are_finite_and_within_its_frame(figure):
    root = parsed(FIGURES[figure]())
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root.iter():
        for name, value in element.attrib.items():
            assert "nan" not in value and "inf" not in value, (element.tag, name)
        if element.get("transform") is None:
            xs = [float(element.get(name)) for name in ("x", "x1", "x2", "cx") if element.get(name)]
            ys = [float(element.get(name)) for name in ("y", "y1", "y2", "cy") if element.get(name)]
            assert all(-0.01 <= x <= width + 0.01 for x in xs) and all(-0.01 <= y <= height + 0.01 for y in ys)


def test_a_page_gives_a_figure_its_own_colours():
    svg = themed(FIGURES["bars"]().decode())
    assert "var(--ink, #1d1f23)" in svg and "var(--bar, " in svg
    assert not re.search(r'"#1d1f23"', svg)


def test_strips_have_a_cell_for_every_aspect_and_block():
    said = tips(FIGURES["strips"]())
    assert len(said) == 5 * 26
    assert {line.split(",")[0] for line in said} == set(SD)
    assert "IN01, change · inside: not measured" in said
    assert len(of_class(FIGURES["strips"](), "cell")) == 5 * 25 - 1  # one block lacks, one cell is quiet


def test_what_noise_may_explain_has_no_colour_and_says_so():
    svg = FIGURES["strips"]()
    (quiet,) = (tip for tip in tips(svg) if tip.endswith("(not distinguishable from noise)"))
    assert quiet.startswith("IN05, change:")
    assert len(of_class(svg, "quiet")) == 2  # with the one in the key
    assert "not distinguishable from noise" in texts(svg)


def test_a_row_is_as_opaque_as_its_share_of_the_strongest():
    table = EffectTable(("change",), ("A", "B"), SCENES[:1], np.array([[[4.0], [1.0]]]))
    strong, weak = (float(cell.get("fill-opacity")) for cell in of_class(aspect_strips(table), "cell"))
    assert weak == pytest.approx(strong / 4, abs=0.01)


def test_61_blocks_stand_in_three_bands_each_with_the_scales():
    svg = aspect_strips(effect_table(FLUX))
    names = [text for text in texts(svg) if text in FLUX]
    assert names == list(FLUX)
    assert texts(svg).count("change · inside") == 3


def test_bars_stand_strongest_first_and_say_what_is_not_measured():
    shown = texts(FIGURES["bars"]())
    blocks = [text for text in shown if text in SD]
    assert blocks[:3] == ["IN00", "BASE", "IN02"] and len(blocks) == 25
    assert "not measured (1): IN01" in shown


def test_a_dot_a_scene_and_no_interval_from_a_single_one():
    svg = FIGURES["bars"]()
    assert len(of_class(svg, "scene")) == 24 * 3 + 1
    assert len(of_class(svg, "interval")) == 24


def test_signed_effects_diverge_from_zero_with_the_floor_on_both_sides():
    svg = FIGURES["signed bars"]()
    ends = sorted((float(bar.get("x")), float(bar.get("width"))) for bar in of_class(svg, "bar"))
    zero = max(x + width for x, width in ends if x + width < ends[-1][0] + 1)
    assert {bar.get("fill") for bar in of_class(svg, "bar")} == {"#5b8def", "#d55e00"}
    floors = sorted(float(line.get("x1")) for line in of_class(svg, "floor"))
    assert len(floors) == 2 and floors[0] < zero < floors[1]


def test_a_signed_aspect_is_ranked_by_size():
    assert [effect.block for effect in ranked(TABLE, "green")[:3]] == ["BASE", "IN00", "IN02"]
    assert ranked(TABLE, "green")[0].mean < 0 < ranked(TABLE, "green")[1].mean


def test_only_so_many_bars_are_drawn_and_the_rest_is_named():
    shown = texts(effect_bars(TABLE, "change", most=3))
    assert sum(text in SD for text in shown) == 3
    assert any(text.startswith("weaker (22): IN04, ") for text in shown)


def test_points_of_the_scatter_stand_above_the_diagonal_where_a_block_works_inside():
    values = np.array([[[8.0], [2.0]], [[2.0], [8.0]]])
    table = EffectTable(("colour:inside", "colour:outside"), ("IN", "OUT"), SCENES[:1], values)
    svg = inside_outside_figure(table, "colour", verdicts={"IN": Verdict.KEEP})
    (diagonal,) = of_class(svg, "diagonal")
    left, bottom, right, top = (float(diagonal.get(name)) for name in ("x1", "y1", "x2", "y2"))
    (disc,) = parsed(svg).iterfind(f".//{SVG}g[@class='block']/{SVG}circle")
    x, y = float(disc.get("cx")), float(disc.get("cy"))
    assert (x - left) / (right - left) < (bottom - y) / (bottom - top)
    assert "colour · inside (ΔE)" in texts(svg)


def test_lines_in_the_scatter_are_the_intervals_cut_at_the_axes_and_named():
    values = np.array([[[8.0, 9.0, 10.0], [2.0, np.nan, np.nan]], [[2.0, 3.0, 20.0], [8.0, np.nan, np.nan]]])
    table = EffectTable(("change:inside", "change:outside"), ("IN", "OUT"), SCENES, values)
    svg = inside_outside_figure(table, "change")
    lines = [tuple(float(each.get(name)) for name in ("x1", "x2", "y1", "y2")) for each in of_class(svg, "interval")]
    assert len(lines) == 2  # one scene alone has none
    across, up = lines
    (diagonal,) = of_class(svg, "diagonal")
    left, right, bottom, top = (float(diagonal.get(name)) for name in ("x1", "x2", "y1", "y2"))
    ends = table.effect("change:inside", "IN").interval
    assert up[2:] == pytest.approx([Logarithmic(0.5, 25.0, bottom, top).at(end) for end in ends], abs=0.01)
    assert table.effect("change:outside", "IN").interval[1] > 25.0
    assert left < across[0] < across[1] == pytest.approx(right, abs=0.01)
    assert "95 %\N{NO-BREAK SPACE}interval" in texts(svg)


def test_blocks_under_the_floor_in_both_regions_are_counted_not_named():
    shown = texts(inside_outside_figure(TABLE, "change", floor=5.0))
    named = [text for text in shown if text in SD]
    (count,) = (text for text in shown if text.startswith("×"))
    assert len(named) + int(count[1:]) == 25


def test_names_in_the_scatter_of_61_blocks_do_not_cover_each_other():
    table = effect_table(FLUX, aspects=("change:inside", "change:outside"))
    boxes = []
    for name in of_class(inside_outside_figure(table, "change", floor=0.1), "name"):
        x, y, half = float(name.get("x")), float(name.get("y")), 3.0 * len(name.text)
        boxes.append((x - half, x + half, y - 7.5, y))
    assert len(boxes) > 50
    crossing = [
        (a, b)
        for a, b in itertools.combinations(boxes, 2)
        if min(a[1], b[1]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[2], b[2]) > 1
    ]
    assert not crossing


def test_a_signed_aspect_is_scattered_around_zero():
    values = np.array([[[5.0], [-4.0], [0.01]], [[-3.0], [2.0], [0.02]]])
    table = EffectTable(("green:inside", "green:outside"), ("A1", "B2", "C3"), SCENES[:1], values)
    shown = texts(inside_outside_figure(table, "green", floor=0.1))
    assert {"A1", "B2", "×1", "0", "−2"} <= set(shown) and "C3" not in shown


def test_a_step_map_tells_block_step_and_value_of_every_cell():
    said = tips(FIGURES["step map"]())
    assert said[0] == "D00, step 1: 3 levels"
    assert said[3] == "S01, step 1: not measured"
    assert {"1", "4", "9", "14.6", "0.1"} <= set(texts(FIGURES["step map"]()))


def test_pairs_that_do_not_add_up_are_framed_whatever_their_order():
    for pair in (("M00", "IN01"), ("IN01", "M00")):
        svg = interaction_matrix(("IN01", "M00", "OUT03"), PAIRS, unit="%", marked={pair})
        assert tips(svg)[0] == "IN01 + M00: 5 % (does not add up)"
        assert len(tips(svg)) == 3
        assert len(of_class(svg, "marked")) == 1


def test_effects_are_drawn_as_shares_of_what_two_seeds_differ_by():
    svg = FIGURES["yardstick"]()
    assert "IN00" in texts(svg)
    share = TABLE.effect("change", "IN00").mean / 50
    assert f"IN00: {share:.1%}" in tips(svg)
    assert "100 % = 50 levels" in texts(svg)


def test_labels_are_text_and_never_markup():
    hostile = "\"'><script>&\x00\ud800"
    scenes = (SceneName(hostile, 1),)
    table = EffectTable((hostile, f"{hostile}:inside"), (hostile,), scenes, np.ones((2, 1, 1)))
    for svg in (aspect_strips(table), effect_bars(table, hostile, hostile), step_map([hostile], [hostile], [[1.0]])):
        assert all(element.tag != f"{SVG}script" for element in parsed(svg).iter())
        assert any(text and "<script>" in text for text in texts(svg))


def test_words_and_names_of_aspects_can_be_in_another_language():
    words = FigureWords(inside="内側", outside="外側", not_measured="未測定")
    labels = {"change": AspectLabel("変化", "階調")}
    shown = texts(aspect_strips(TABLE, labels=labels, words=words))
    spans = FigureWords(span="{low}〜{high}", both="{one}と{other}", estimate="{mean}（{low}〜{high}）")
    for svg in (aspect_strips(TABLE, words=spans), effect_bars(TABLE, "change", words=spans)):
        assert any("〜" in text for text in [*texts(svg), *tips(svg)])
        assert not any(" to " in text or " and " in text for text in [*texts(svg), *tips(svg)])
    assert {"変化 · 内側", "変化 · 外側", "未測定"} <= set(shown)
    assert any(text.endswith("階調") for text in shown)


def test_figures_of_nothing_are_refused():
    empty = EffectTable((), (), (), np.zeros((0, 0, 0)))
    one = EffectTable(("change",), ("M00",), SCENES[:1], np.full((1, 1, 1), np.nan))
    for draw in (
        lambda: aspect_strips(empty),
        lambda: effect_bars(one, "change"),
        lambda: effect_bars(one, "colour"),
        lambda: inside_outside_figure(one, "change"),
        lambda: step_map((), (), np.zeros((0, 0))),
        lambda: interaction_matrix(("M00",), [[0.0]]),
        lambda: seed_yardstick(one, [Yardstick("change", 3.0)]),
    ):
        with pytest.raises(BlockweightError, match=r"analyse|probe|measure"):
            draw()


@pytest.mark.parametrize("value", [0.0, 1e-9, 5.0])
def test_a_single_block_in_a_single_scene_can_be_drawn(value):
    aspects = ("change", "change:inside", "change:outside")
    table = EffectTable(aspects, ("M00",), SCENES[:1], np.full((3, 1, 1), value))
    for svg in (aspect_strips(table), effect_bars(table, "change"), inside_outside_figure(table, "change")):
        assert parsed(svg).tag == f"{SVG}svg"
