"""The plot's page in a browser: opened from a folder, with labels that stay, cells near the view, and comparing."""

import io
import json
import re
from pathlib import Path

import pytest
from markupsafe import escape
from PIL import Image
from playwright.sync_api import expect
from plot_samples import axis, colour_of, plot, write_picture

from blockweight.errors import BlockweightError
from blockweight.report import PlotCell, PlotGrid, write_plot_page
from blockweight.report.plot_page import embedded_json, picture_address, plot_html
from blockweight.report.words import PLOT_WORDS
from browser import drawn, tab_of

HOSTILE = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'> \u2028 {{ 7 * 7 }} & \"'"


@pytest.fixture
def page(browser):
    with tab_of(browser, viewport={"width": 1000, "height": 700}) as opened:
        opened.errors = []
        opened.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
        yield opened
        assert opened.errors == []


def show(page, grid, folder):
    write_plot_page(grid, folder / "plot.html")
    page.goto((folder / "plot.html").as_uri())
    page.wait_for_selector(".cell")
    return page


def entered(page):
    """The name of the cell that has the focus."""
    return page.evaluate("document.activeElement.getAttribute('aria-label')")


def picture_shown(page, selector):
    """The file of the picture that lies on top in a cell, whatever else is there."""
    return page.evaluate(
        """(selector) => {
          const images = [...document.querySelectorAll(`${selector} img`)];
          const seen = images.filter((image) => getComputedStyle(image).visibility === 'visible');
          return seen.at(-1)?.getAttribute('src') ?? null;
        }""",
        selector,
    )


def colour_at(page, selector):
    """The colour in the middle of what is drawn there, once its pictures can be drawn."""
    page.locator(f"{selector} img").evaluate_all("(images) => Promise.all(images.map((image) => image.decode()))")
    drawn(page)
    with Image.open(io.BytesIO(page.locator(selector).screenshot())) as image:
        return image.convert("RGB").getpixel((image.width // 2, image.height // 2))


def made(page):
    """Wait until every cell near the view is there, which the page makes once nobody has scrolled for a moment; what is
    further away has gone before."""
    page.wait_for_function(
        """() => {
          const view = document.querySelector(".view").getBoundingClientRect();
          const near = (selector, start, end) => [...document.querySelectorAll(selector)]
            .map((each, number) => ({ number, box: each.getBoundingClientRect() }))
            .filter(({ box }) => box[end] > view[start] - 100 && box[start] < view[end] + 100);
          const columns = near(".head", "left", "right");
          return near(".row:not(.heads)", "top", "bottom").every((row) => columns.every((column) =>
            document.querySelector(`.cell[data-row="${row.number}"][data-column="${column.number}"]`)));
        }"""
    )


CURRENT = ".cell[tabindex='0']"


def test_a_page_of_a_thousand_cells_has_pictures_only_near_the_view(page, tmp_path):
    cells = plot(tmp_path, columns=1, rows=1).cells[0, 0, 0]
    grid = PlotGrid(
        "Many",
        axis("Weights", map(str, range(40))),
        axis("Seed", map(str, range(25))),
        cells={(x, y, 0): cells for x in range(40) for y in range(25)},
    )
    show(page, grid, tmp_path)
    made(page)
    first = page.locator("img").count()
    page.evaluate("document.querySelector('.view').scrollTo(3000, 2000)")
    made(page)
    assert 20 < first < 150
    assert 20 < page.locator("img").count() < 250
    assert page.locator("[role=columnheader]").count() == 41 and page.locator("[role=rowheader]").count() == 25


def test_a_bar_of_many_lines_leaves_no_cell_in_view_unmade(page, tmp_path):
    page.set_viewport_size({"width": 260, "height": 700})
    show(page, plot(tmp_path, columns=3, rows=20), tmp_path)
    assert page.locator(".view").bounding_box()["y"] > 250
    made(page)


def test_labels_stay_in_view_in_both_directions(page, tmp_path):
    show(page, plot(tmp_path, columns=30, rows=20), tmp_path)
    page.evaluate("document.querySelector('.view').scrollTo(1500, 1200)")
    drawn(page)
    view = page.locator(".view").bounding_box()
    for selector, side in ((".heads", "y"), (".row:nth-child(9) .side", "x")):
        assert page.locator(selector).bounding_box()[side] == pytest.approx(view[side], abs=1)
    cell = page.locator(".cell").nth(20).bounding_box()
    assert cell is not None


def test_a_long_prompt_is_whole_beside_its_row(page, tmp_path):
    prompt = "a prompt of many words, " * 60
    grid = plot(tmp_path, y=axis("Prompt", ["short", prompt]))
    show(page, grid, tmp_path)
    side = page.locator(".side").nth(1)
    assert side.text_content() == prompt
    assert side.evaluate("(each) => each.scrollHeight <= each.clientHeight && each.clientWidth <= 320")
    bottom = side.evaluate("(each) => each.getBoundingClientRect().bottom")
    assert bottom <= page.locator(".row").nth(2).evaluate("(each) => each.getBoundingClientRect().bottom") + 1


def test_a_label_above_a_column_is_never_wider_than_it(page, tmp_path):
    show(page, plot(tmp_path, x=axis("Weights", ["a" * 90, "重要な層" * 20, "c"])), tmp_path)
    fits = "(heads) => heads.every((head) => head.scrollWidth <= head.clientWidth)"
    assert page.locator(".head").evaluate_all(fits)


def test_the_keys_walk_from_cell_to_cell_and_no_further_than_the_grid(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    walked = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "End", "ArrowRight", "Home", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
        walked.append(entered(page).split(",")[0])
    assert walked == ["c1 · r0", "c1 · r1", "c1 · r1", "c2 · r1", "c2 · r1", "c0 · r1", "c0 · r0", "c0 · r0"]


def test_the_entered_cell_is_brought_into_view_beside_the_labels(page, tmp_path):
    show(page, plot(tmp_path, columns=20, rows=12), tmp_path)
    for key in ["ArrowRight"] * 15 + ["ArrowDown"] * 10 + ["ArrowLeft"] * 12 + ["ArrowUp"] * 8:
        page.keyboard.press(key)
    box, head, side = (page.locator(each).first.bounding_box() for each in (CURRENT, ".heads", ".side"))
    assert entered(page) == "c3 · r2"
    assert box["x"] >= side["x"] + side["width"] and box["y"] >= head["y"] + head["height"]


def test_space_shows_the_reference_in_the_same_place_while_it_is_held(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.locator(f"{CURRENT} img").evaluate_all("(images) => Promise.all(images.map((image) => image.decode()))")
    assert picture_shown(page, CURRENT) == "pictures/1-1-0.png"
    before = page.locator(CURRENT).bounding_box()
    page.keyboard.down(" ")
    assert picture_shown(page, CURRENT) == "pictures/0-1-0.png"
    assert page.locator(CURRENT).bounding_box() == before
    page.keyboard.up(" ")
    assert picture_shown(page, CURRENT) == "pictures/1-1-0.png"


def test_a_chosen_cell_is_what_all_others_are_compared_with(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    page.keyboard.press("End")
    page.keyboard.press("r")
    page.select_option("#against", "-1")
    page.locator(CURRENT).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.down(" ")
    assert picture_shown(page, CURRENT) == "pictures/2-0-0.png"


@pytest.mark.parametrize(("presses", "times"), [(0, 3), (1, 8), (2, 1)])
def test_the_difference_is_of_the_right_pictures_and_as_bright_as_asked(page, tmp_path, presses, times):
    show(page, plot(tmp_path), tmp_path)
    for key in ["End", "d"] + ["b"] * presses:
        page.keyboard.press(key)
    difference = [abs(a - b) for a, b in zip(colour_of((2, 0, 0)), colour_of((0, 0, 0)), strict=True)]
    assert difference == [8, 0, 0]
    assert colour_at(page, f"{CURRENT} .frame") == pytest.approx([8 * times, 0, 0], abs=2)
    page.keyboard.press("d")
    assert colour_at(page, f"{CURRENT} .frame") == pytest.approx(colour_of((2, 0, 0)), abs=1)


def test_a_baseline_is_the_first_reference_and_set_apart(page, tmp_path):
    grid = plot(tmp_path, x=axis("Weights", ["c0", "no LoRA", "c2"], [1]))
    show(page, grid, tmp_path)
    assert "reference" in page.locator("[aria-label^='no LoRA · r1']").get_attribute("aria-label")
    first, second, third = (page.locator(".head").nth(number).bounding_box() for number in range(3))
    assert second["x"] - first["x"] - first["width"] > 10
    assert third["x"] - second["x"] - second["width"] > 10


def test_a_missing_cell_is_shown_as_empty(page, tmp_path):
    show(page, plot(tmp_path, missing=[(1, 0, 0)]), tmp_path)
    empty = page.locator("[aria-label='c1 · r0, not rendered yet']")
    assert empty.locator("img").count() == 0
    assert "not rendered yet" in empty.locator(".frame").evaluate("(each) => getComputedStyle(each, '::after').content")


def test_a_picture_that_is_gone_says_so(page, tmp_path):
    grid = plot(tmp_path)
    write_plot_page(grid, tmp_path / "plot.html")
    grid.cells[1, 0, 0].picture.unlink()
    page.goto((tmp_path / "plot.html").as_uri())
    page.wait_for_selector(".cell.broken")
    expect(page.locator(".cell.broken")).to_have_attribute("aria-label", "c1 · r0")
    drawn(page)  # Chromium itself says that a file is missing
    page.errors.clear()


def test_a_plot_without_any_picture_still_has_its_page(page, tmp_path):
    show(page, plot(tmp_path, missing=[(x, y, 0) for x in range(3) for y in range(2)]), tmp_path)
    expect(page.locator(".cell.empty")).to_have_count(6)


def test_enter_opens_the_cell_beside_its_reference_with_its_settings(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".loupe")).to_be_visible()
    assert picture_shown(page, ".loupe .left") == "pictures/0-0-0.png"
    assert picture_shown(page, ".loupe .right") == "pictures/1-0-0.png"
    assert page.locator(".loupe pre").text_content() == "seed 1, weights 0, layer 0"
    page.keyboard.press("ArrowRight")
    assert picture_shown(page, ".loupe .right") == "pictures/2-0-0.png"
    page.keyboard.down(" ")
    assert picture_shown(page, ".loupe .right") == "pictures/0-0-0.png"
    page.keyboard.up(" ")
    page.keyboard.press("Escape")
    expect(page.get_by_label("c2 · r0", exact=True)).to_be_focused()  # a browser tells of the closing in its own time


def test_both_pictures_of_the_large_view_are_zoomed_and_moved_alike(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    page.locator(".cell").nth(1).click()
    box = page.locator(".loupe .right .frame").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, -600)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 30)
    page.mouse.up()
    drawn(page)
    left, right = (
        page.locator(f".loupe .{side} .own").evaluate("(image) => getComputedStyle(image).transform")
        for side in ("left", "right")
    )
    assert left == right and left.startswith("matrix(7.")


def test_the_settings_are_copied_whole(page, tmp_path):
    settings = "1girl, ゴブ姫\nNegative prompt: </script>\nSteps: 20"
    grid = plot(tmp_path)
    grid.cells[0, 0, 0] = PlotCell(grid.cells[0, 0, 0].picture, settings)
    page.add_init_script("navigator.clipboard.writeText = async (text) => { window.copied = text; };")
    show(page, grid, tmp_path)
    page.keyboard.press("Enter")
    page.click("[data-do=copy]")
    page.wait_for_function("(settings) => window.copied === settings", arg=settings)


def test_rows_and_columns_are_swapped_around_the_entered_cell(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    page.keyboard.press("End")
    page.keyboard.press("x")
    expect(page.locator(".head")).to_have_text(["r0", "r1"])
    assert entered(page) == "c2 · r0"
    page.keyboard.press("ArrowRight")
    assert entered(page) == "c2 · r1"


def test_a_third_axis_is_tabs_that_the_keys_go_through(page, tmp_path):
    show(page, plot(tmp_path, layers=3), tmp_path)
    page.keyboard.press("PageDown")
    assert picture_shown(page, CURRENT) == "pictures/0-0-1.png"
    page.locator("[role=tab]").nth(2).click()
    assert picture_shown(page, CURRENT) == "pictures/0-0-2.png"
    page.select_option("#layout", "2,1,0")
    expect(page.locator("[role=tab]")).to_have_text(["c0", "c1", "c2"])
    expect(page.locator(".head")).to_have_text(["l0", "l1", "l2"])


@pytest.mark.parametrize("only", ["x", "y", "z"])
def test_a_plot_of_one_axis_shows_all_its_cells(page, tmp_path, only):
    cell = plot(tmp_path, columns=1, rows=1).cells[0, 0, 0]
    places = [tuple(number if each == only else 0 for each in "xyz") for number in range(3)]
    grid = PlotGrid("", **{only: axis("Weights", "abc")}, cells=dict.fromkeys(places, cell))
    show(page, grid, tmp_path)
    expect(page.locator(".cell")).to_have_count(3)
    expect(page.locator("[role=tab]")).to_have_count(0)


def test_labels_that_are_markup_do_nothing(page, tmp_path):
    grid = plot(tmp_path, x=axis(HOSTILE, [HOSTILE, "b", "c"]), y=axis(HOSTILE, ["r0", HOSTILE]))
    grid.cells[0, 0, 0] = PlotCell(grid.cells[0, 0, 0].picture, HOSTILE)
    show(page, PlotGrid(HOSTILE, grid.x, grid.y, cells=grid.cells), tmp_path)
    page.keyboard.press("Enter")
    expect(page.locator(".loupe pre")).to_be_visible()
    page.evaluate("() => Promise.allSettled([...document.images].map((image) => image.decode()))")
    drawn(page)
    assert page.evaluate("window.broken") is None
    assert page.locator("h1").text_content() == HOSTILE
    assert page.locator(".head").first.text_content() == HOSTILE
    assert page.locator(".loupe pre").text_content() == HOSTILE


def test_pictures_with_odd_names_are_found(page, tmp_path):
    folder = tmp_path / "絵 #1 100%?"
    grid = plot(folder.parent)
    folder.mkdir()
    odd = folder / "a'b & ;c.png"
    grid.cells[0, 0, 0].picture.rename(odd)
    grid.cells[0, 0, 0] = PlotCell(odd)
    show(page, grid, tmp_path)
    assert page.evaluate("document.querySelector('.cell img').decode().then(() => true)")


def test_a_picture_is_named_from_the_page_even_above_it(tmp_path):
    assert picture_address(tmp_path / "a.png", tmp_path / "pages") == "../a.png"


def test_the_size_slider_and_keys_change_the_cells(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    before = page.locator(CURRENT).bounding_box()["width"]
    page.keyboard.press("+")
    assert page.locator(CURRENT).bounding_box()["width"] == pytest.approx(before * 1.25, abs=8)


def test_pictures_of_several_sizes_are_shown_at_one_scale(page, tmp_path):
    grid = plot(tmp_path, columns=3, rows=1, size=(32, 48))
    for number, size in ((1, (16, 24)), (2, (32, 16))):
        write_picture(tmp_path / "pictures", (number, 0, 0), size)
    show(page, grid, tmp_path)
    page.wait_for_function("[...document.querySelectorAll('.own')].every((each) => each.naturalWidth)")
    drawn(page)
    boxes = [page.locator(".cell .own").nth(number).bounding_box() for number in range(3)]
    whole = page.locator(".cell").nth(0).bounding_box()
    assert [(box["width"] / whole["width"], round(box["height"] / whole["height"], 2)) for box in boxes] == [
        (1, 1), (0.5, 0.5), (1, 0.33),
    ]  # fmt: skip
    page.keyboard.press("d")
    page.wait_for_function("document.querySelectorAll('.cell .other')[0]?.naturalWidth")
    drawn(page)
    other = page.locator(".cell").nth(1).locator(".other").bounding_box()
    assert other == boxes[1], "what a cell is compared with lies where its own picture does"


def test_what_differs_is_told_to_those_who_do_not_see_it(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    assert page.locator("[role=grid]").get_attribute("aria-rowcount") == "3"
    assert page.locator("[role=grid]").get_attribute("aria-colcount") == "4"
    assert page.locator("[role=gridcell]").first.get_attribute("aria-colindex") == "2"
    page.click("[data-do=difference]")
    expect(page.locator("[data-do=difference]")).to_have_attribute("aria-pressed", "true")


def test_the_keys_are_explained(page, tmp_path):
    show(page, plot(tmp_path), tmp_path)
    page.keyboard.press("?")
    expect(page.locator(".help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".help")).to_be_hidden()


@pytest.mark.parametrize("language", PLOT_WORDS)
def test_the_page_speaks_its_language(tmp_path, language):
    grid = plot(tmp_path)
    html = plot_html(PlotGrid("", grid.x, grid.y, cells=grid.cells, language=language), tmp_path)
    assert f'<html lang="{language}">' in html
    assert escape(PLOT_WORDS[language]["help_flip"]) in html


def test_every_language_has_the_same_words():
    assert len({tuple(sorted(words)) for words in PLOT_WORDS.values()}) == 1


def test_every_word_of_the_page_is_in_use():
    templates = Path(plot_html.__code__.co_filename).parent
    source = "".join(path.read_text(encoding="utf-8") for path in (templates / "templates").glob("plot*"))
    source += "".join((templates / name).read_text(encoding="utf-8") for name in ("plot_page.py", "plot_breaks.py"))
    assert [word for word in PLOT_WORDS["en"] if not re.search(rf'(words\.{word}\b|"{word}")', source)] == []


def test_a_language_without_words_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="language 'xx'"):
        write_plot_page(PlotGrid("", language="xx"), tmp_path / "plot.html")
    assert list(tmp_path.iterdir()) == []


def test_equal_plots_make_equal_pages(tmp_path):
    assert plot_html(plot(tmp_path), tmp_path) == plot_html(plot(tmp_path), tmp_path)


def test_embedded_values_come_back_as_they_were():
    assert json.loads(embedded_json([HOSTILE])) == [HOSTILE]
    assert not re.search("[<>&\u2028]", embedded_json([HOSTILE]))
