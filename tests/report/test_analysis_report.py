"""The report of an analysis: all that there is data for, nothing that there is not, in one file of bounded size."""

import re

import numpy as np
import pytest
from report_samples import plain
from table_samples import FLUX, SCENES, effect_table

from blockweight.measure import EffectTable, SeedDifference, Verdict, suggest_all
from blockweight.report import (
    AnalysisFindings,
    AnalysisPictures,
    Comparison,
    DataTable,
    Figure,
    PairFigure,
    ScenePictures,
    StepMapFigure,
    Yardstick,
    analysis_page,
    analysis_report,
    plain_words,
)
from blockweight.report.analysis_pictures import picture_comparisons

TABLE = effect_table(("BASE", "IN00", "IN01", "IN02", "M00", "OUT03", "OUT04", "OUT05"))
EMPTY = EffectTable((), (), (), np.zeros((0, 0, 0)))
SUGGESTIONS = suggest_all(effect_table(("BASE", "REST")).block_effects()[:1])


def findings(table=TABLE, **more):
    return AnalysisFindings("ghost.safetensors", "model-v1", "eba", table, 0.5, 1.0, **more)


def everything():
    pictures = AnalysisPictures(0.5, 7, plain(9, 9, 9), (("BASE", plain(60, 9, 9)), ("M00", plain(9, 9, 12))))
    return findings(
        cost="27 pictures",
        suggestions=SUGGESTIONS,
        floors={"change": 0.5},
        quiet=frozenset({("change", "OUT05")}),
        yardsticks=(Yardstick("change", 40.0),),
        steps=StepMapFigure(("BASE", "M00"), (1, 5), [[1.0, 2.0], [3.0, 4.0]]),
        pairs=PairFigure(("BASE", "M00"), [[0.0, 1.0], [1.0, 0.0]]),
        pictures=(ScenePictures("夜, seed 7", pictures),),
        settings=(("Sampler", "Euler"),),
    )


def titles(report):
    return [section.title for section in report.sections]


def test_what_there_is_data_for_is_on_the_page_in_order():
    assert titles(analysis_page(everything())) == [
        "In short",
        "Suggestions",
        "Every block by every aspect",
        "Strongest first",
        "Where it works",
        "Beside another seed",
        "When it works",
        "Pairs that do not add up",
        "Pictures",
        "Settings",
    ]


def test_what_there_is_no_data_for_is_left_out():
    table = EffectTable(("change",), ("M00",), SCENES[:1], np.ones((1, 1, 1)))
    expected = ["In short", "Every block by every aspect", "Strongest first", "Settings"]
    assert titles(analysis_page(findings(table))) == expected


def test_every_figure_has_its_table_beside_it():
    for section in analysis_page(everything()).sections:
        for number, block in enumerate(section.blocks):
            if isinstance(block, Figure):
                assert isinstance(section.blocks[number + 1], DataTable)


def test_the_page_says_what_was_analysed_and_in_which_way():
    html = analysis_report(everything())
    for words in ("What each block of ghost does", "model-v1", "One block at a time (EBA)", "0.5, all others 1",
                  "27 pictures", "Every block in turn stands at 0.5", "a sky", "Euler"):  # fmt: skip
        assert words in html
    assert "&lt;sky&gt; &amp; sea" in html and "<sky>" not in html


def test_equal_findings_are_equal_bytes():
    assert analysis_report(everything()) == analysis_report(everything())


def test_an_analysis_of_nothing_says_so():
    report = analysis_page(findings(EMPTY))
    assert titles(report) == ["In short"]
    assert "No block was measured" in analysis_report(findings(EMPTY))


def test_61_blocks_with_large_noisy_pictures_stay_under_5_mb():
    noise = np.random.default_rng(1).integers(0, 255, (3, 200, 300, 3), dtype=np.uint8)
    changed = tuple((block, noise[1 + number % 2]) for number, block in enumerate(FLUX[3:9]))
    scenes = tuple(ScenePictures(f"s{n}", AnalysisPictures(0.5, n, noise[0], changed)) for n in range(3))
    html = analysis_report(findings(effect_table(FLUX), pictures=scenes))
    assert "data:image/webp" in html
    assert len(html.encode()) < 5_000_000


def test_pictures_show_the_strongest_blocks_of_three_scenes_and_a_brightened_difference():
    changed = tuple((f"S{n:02}", plain(100 + n, 100, 100)) for n in range(8))
    scenes = [ScenePictures(str(n), AnalysisPictures(0.5, n, plain(100, 100, 100), changed)) for n in range(5)]
    order = ["S07", "S06", "S05", "S04", "S03", "S02"]
    made = picture_comparisons(scenes, order, {"S07": Verdict.KEEP})
    assert len(made) == 3
    assert made[0].columns == ("source", *(f"{block} at 0.5" for block in order[:5]))
    assert made[0].rows == ("0", "difference × 8")
    above, below = made[0].cells
    assert np.array_equal(above[1].picture, plain(107, 100, 100)) and above[1].note == "suggested: keep"
    assert below[0].blank and np.array_equal(below[1].picture, plain(56, 0, 0))


def test_small_pictures_stay_exact_and_large_ones_are_reduced_to_fit():
    small = ScenePictures("s", AnalysisPictures(0.5, 1, plain(1, 2, 3), (("M00", plain(4, 5, 6)),)))
    (exact,) = picture_comparisons([small], ["M00"])
    assert isinstance(exact, Comparison) and exact.encoding == "png"
    noise = np.random.default_rng(1).integers(0, 255, (2, 300, 300, 3), dtype=np.uint8)
    large = ScenePictures("s", AnalysisPictures(0.5, 1, noise[0], (("M00", noise[1]),)))
    (reduced,) = picture_comparisons([large], ["M00"], most_bytes=30_000)
    assert reduced.encoding == "webp" and max(reduced.cells[0][0].picture.shape) < 300
    assert picture_comparisons([large], ["M00"], most_bytes=10) == ()


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (r"the strongest blocks are BASE \(20.0 levels, [\d.]+ to [\d.]+\), IN00 \(13.6 levels\) and IN02", {}),
        (r"1 of the 7 blocks makes up half", {}),
        (r"Another seed alone changes the picture by 40 levels; BASE reaches \d+% of that", {"yardsticks": True}),
        (r"Not distinguishable from noise with 3 scenes: M00\.", {"quiet": {("change", "M00")}}),
        (r"settles no block", {"suggestions": suggest_all(TABLE.block_effects()[1:2])}),
    ],
)
def test_the_findings_are_told_in_plain_words(words, more):
    if more.get("yardsticks"):
        more = {"yardsticks": [Yardstick("change", 40.0)]}
    assert re.search(words, " ".join(plain_words(TABLE, "change", **more)))


def test_nothing_measured_has_no_words():
    assert plain_words(EMPTY, "change") == ()


def test_what_another_seed_does_says_over_how_many_pairs_it_was_measured():
    stick = Yardstick("change", 40.0, SeedDifference(40.0, (30.0, 52.0), 6))
    assert stick.text("levels") == "40 levels (30.0 to 52.0, 6 pairs)"
    assert Yardstick("change", 40.0, SeedDifference(40.0, None, 1)).text("levels") == "40 levels (one pair)"
