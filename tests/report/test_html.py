"""The report page: one file, nothing from outside, hostile labels harmless, equal bytes for equal input."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from report_samples import EFFECTS, SUGGESTIONS, WEIGHTS, every_block, plain

from blockweight.errors import BlockweightError
from blockweight.measure import Verdict
from blockweight.report import (
    Cell,
    Comparison,
    Copyable,
    Figure,
    Prose,
    Report,
    Section,
    SuggestionTable,
    WeightTable,
    picture_grid,
    render_report,
    write_png,
    write_report,
)
from blockweight.report.words import WORDS
from workshop import weights_of

VOID = {"meta", "img", "input", "br", "wbr", "link", "hr"}


class Page(HTMLParser):
    """All elements with their attributes, the text, and whether every tag was closed in order."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.open, self.balanced = [], [], [], True
        self.feed(html)
        self.balanced = self.balanced and not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.balanced = self.balanced and bool(self.open) and self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


def page_of(*blocks, **changes):
    return Page(render_report(replace(Report("T", "", (Section("S", blocks),)), **changes)))


def test_every_kind_of_block_is_on_the_page_and_well_formed():
    page = Page(render_report(every_block()))
    text = " ".join(page.text)
    assert page.balanced
    for words in (
        "71 %",
        "Rows are scenes.",
        "clothes +31",
        "works elsewhere",
        "Gobuhime",
        "DPM++ 2M",
        "Nothing to show",
    ):
        assert words in text


def test_the_page_needs_nothing_from_outside():
    html = render_report(every_block())
    page = Page(html)
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "poster", "data"):
            assert attributes.get(name, "#").startswith(("data:", "#")), (tag, name)
    assert not page.all("link") and not page.all("iframe") and not any("src" in script for script in page.all("script"))
    assert "@import" not in html and not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in html


def test_equal_reports_are_equal_bytes():
    assert render_report(every_block()) == render_report(every_block())


def test_ids_are_unique_outside_the_drawings():
    html = re.sub(r"<svg.*?</svg>", "", render_report(every_block()), flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_references_inside_the_drawings_lead_somewhere():
    html = render_report(every_block())
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= ids
    assert set(re.findall(r'xlink:href="#([^"]+)"', html)) <= ids


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"


def test_hostile_labels_are_only_text():
    page = page_of(
        Prose((HOSTILE,)),
        Comparison((HOSTILE,), (HOSTILE,), ((Cell(plain(1, 2, 3), HOSTILE),),), HOSTILE),
        Copyable(HOSTILE, HOSTILE, HOSTILE),
        SuggestionTable((replace(SUGGESTIONS[0], block=HOSTILE, reasons=(HOSTILE,)),), EFFECTS),
        WeightTable((replace(WEIGHTS, name=HOSTILE),)),
        title=HOSTILE,
        lead=HOSTILE,
        footer=HOSTILE,
    )
    assert len(page.all("script")) == 1
    assert all(image["src"].startswith("data:") and "onerror" not in image for image in page.all("img"))
    assert page.balanced


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=40)
def test_any_text_comes_out_as_it_went_in(text):
    page = page_of(Copyable("x", "|" + text + "|"))
    shown = "".join(page.text).replace("\r\n", "\n").replace("\r", "\n")
    assert "|" + text.replace("\r\n", "\n").replace("\r", "\n") + "|" in shown


def test_a_picture_on_the_page_has_the_pixels_that_it_was_given():
    picture = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    page = page_of(Comparison(("row",), ("column",), ((Cell(picture),),)))
    (image,) = page.all("img")
    assert image["alt"] == "row: column"
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), picture)


def test_pictures_of_one_row_are_one_group_to_flip_through():
    cells = ((Cell(plain(1, 2, 3)), Cell(plain(1, 2, 3))), (Cell(plain(1, 2, 3)), Cell(None)))
    page = page_of(Comparison(("a", "b"), ("x", "y"), cells))
    groups = [radio["name"] for radio in page.all("input")]
    assert len(set(groups)) == 2
    assert [groups.count(name) for name in dict.fromkeys(groups)] == [3, 2]  # one to close, one per picture
    targets = {label["for"] for label in page.all("label")}
    assert targets == {radio["id"] for radio in page.all("input")}


def test_a_comparison_with_too_few_pictures_is_refused():
    with pytest.raises(BlockweightError, match="2 × 1 labels"):
        Comparison(("a", "b"), ("x",), ((Cell(None),),))


def test_weights_stand_under_their_blocks_with_fix_marks_and_verdicts():
    page = page_of(WeightTable((WEIGHTS,), frozenset({"BASE"}), {"IN00": Verdict.DROP}, italic=frozenset({"IN00"})))
    headers = [header for header in page.all("th") if header.get("scope") == "col"]
    assert len(headers) == 26 and [header.get("class") for header in headers[:3]] == [None, "italic", None]
    heats = [cell["style"] for cell in page.all("td") if "heat" in cell.get("class", "")]
    assert heats[:3] == ["--heat:1.000", "--heat:0.000", "--heat:0.500"]
    assert sum("minus" in cell.get("class", "") for cell in page.all("td")) == 1
    assert sum(mark.get("class") == "fix" for mark in page.all("span")) == 1


def test_weights_of_two_layouts_do_not_share_a_table():
    short = weights_of(",".join(["1"] * 17))
    with pytest.raises(BlockweightError, match="one layout"):
        WeightTable((WEIGHTS, short))


def test_charts_follow_light_and_dark():
    html = render_report(every_block())
    assert "var(--ink, #1d1f23)" in html
    assert "prefers-color-scheme: dark" in html


def test_a_png_figure_is_embedded(tmp_path):
    write_png(picture_grid([[plain(1, 2, 3)]], ["a"], ["x"]).image, tmp_path / "grid.png")
    (image,) = page_of(Figure((tmp_path / "grid.png").read_bytes(), "c", 'a "grid"', wide=True)).all("img")
    assert image["src"].startswith("data:image/png;base64,") and image["alt"] == 'a "grid"'


@pytest.mark.parametrize(
    "data",
    [b"GIF89a", b"<svg><script>alert(1)</script></svg>", b'<svg onload="x()"/>', b'<svg><a href="http://x"/></svg>'],
)
def test_a_figure_that_is_not_a_plain_drawing_is_refused(data):
    with pytest.raises(BlockweightError, match="figure"):
        page_of(Figure(data, "c", "a"))


def test_empty_parts_say_that_they_are_empty():
    page = page_of(Comparison((), (), ()), SuggestionTable(()))
    assert "".join(page.text).count("Nothing to show here.") == 2


@pytest.mark.parametrize("language", WORDS)
def test_the_page_speaks_its_language(language):
    page = page_of(Copyable("x", "y"), language=language)
    assert page.all("html") == [{"lang": language}]
    assert WORDS[language]["copy"] in "".join(page.text)


def test_every_language_has_every_word():
    assert len({tuple(sorted(words)) for words in WORDS.values()}) == 1


def test_a_language_without_words_is_refused():
    with pytest.raises(BlockweightError, match="language 'tlh'"):
        page_of(language="tlh")


def test_the_report_is_written_whole_and_as_utf_8(tmp_path):
    path = tmp_path / "report.html"
    write_report(replace(every_block(), title="ゴブ姫"), path)
    assert "<h1>ゴブ姫</h1>" in path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]
