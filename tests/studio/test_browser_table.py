"""The weight table in a real browser: typing, keys, painting, pasting, the text twin, undo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser import drawn, tab_of
from workshop import WEIGHTS


@pytest.fixture
def page(browser, server):
    with tab_of(browser) as opened:
        opened.goto(f"{server.url}weights?weights=Gobuhime:{WEIGHTS}")
        opened.wait_for_selector("html.scripted")
        yield opened


def cell(page, block):
    return page.get_by_label(f"{block} weight")


def fix(page, block):
    return page.get_by_label(f"Fix {block}", exact=True)


def twin(page):
    return page.locator("textarea[name=weights]")


def settle(page):
    """Wait until the newest answer is shown; what was asked is stale from the moment on in which it is asked."""
    page.wait_for_selector("#outputs:not(.stale)", state="attached")


def row(page):
    return page.locator("weight-table").evaluate("table => table.cells")


def paste(page, locator, text):
    """Paste as the browser does: an event with the clipboard's text."""
    locator.focus()
    locator.evaluate(
        """(input, text) => {
          const data = new DataTransfer();
          data.setData("text", text);
          input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    settle(page)


def test_a_typed_number_is_taken_when_the_cell_is_left(page):
    cell(page, "IN04").click()
    page.keyboard.type("-0.75")
    assert "-0.75" not in twin(page).input_value()
    page.keyboard.press("Tab")
    settle(page)
    assert twin(page).input_value().split(",")[5] == "-0.75"
    assert "IN04_-1.25" in page.locator("#outputs").inner_text()


def test_a_click_selects_the_number_so_that_typing_replaces_it(page):
    cell(page, "BASE").click()
    page.keyboard.type("0.3")
    page.keyboard.press("Enter")
    assert row(page)[0] == "0.3"


def test_bad_text_is_shown_as_bad_and_nothing_is_swallowed(page):
    before = page.locator("#outputs pre").first.inner_text()
    cell(page, "IN04").fill("0.7x")
    cell(page, "IN04").press("Tab")
    settle(page)
    expect(cell(page, "IN04")).to_have_value("0.7x")
    expect(cell(page, "IN04")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#problem")).to_have_text(re.compile("^IN04: '0.7x' is not a number"))
    assert twin(page).input_value().split(",")[5] == "0.7x"
    assert before not in page.locator("#outputs").inner_text()
    cell(page, "IN04").fill("0.7")
    cell(page, "IN04").press("Tab")
    settle(page)
    assert cell(page, "IN04").get_attribute("aria-invalid") is None
    expect(page.locator("#problem")).to_be_hidden()


def test_a_bad_cell_is_said_in_the_pages_language(page):
    page.get_by_role("button", name="日本語").click()
    page.wait_for_selector("html.scripted[lang=ja]")
    page.get_by_label("IN04の重み").fill("半分")
    page.get_by_label("IN04の重み").press("Tab")
    settle(page)
    problem = page.locator("#problem")
    expect(problem).to_have_text("IN04: '半分'は数値ではありません。1、0.5、-0.25のように書いてください。")
    expect(problem).to_have_attribute("lang", "ja")


def test_no_number_is_rounded(page):
    long = "0.12345678901234567891"
    cell(page, "IN01").fill(long)
    cell(page, "IN01").press("Tab")
    settle(page)
    assert row(page)[2] == long


def test_a_full_width_number_is_read(page):
    cell(page, "IN01").fill("０．２５")
    cell(page, "IN01").press("Tab")
    settle(page)
    assert row(page)[2] == "0.25"


def test_arrows_go_from_block_to_block(page):
    cell(page, "IN04").focus()
    for key, name in (
        ("ArrowRight", "IN05 weight"),
        ("ArrowLeft", "IN04 weight"),
        ("End", "OUT11 weight"),
        ("Home", "BASE weight"),
        ("ArrowDown", "Fix BASE"),
        ("ArrowRight", "Fix IN00"),
        ("ArrowUp", "IN00 weight"),
    ):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.ariaLabel").startswith(name)


def test_arrows_move_in_the_text_while_a_number_is_typed(page):
    cell(page, "IN04").click()
    page.keyboard.type("12")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("5")
    assert cell(page, "IN04").input_value() == "152"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.evaluate("document.activeElement.ariaLabel") == "IN05 weight"
    assert row(page)[5] == "152"


def test_space_fixes_a_block_and_escape_gives_its_number_back(page):
    cell(page, "IN04").click()
    page.keyboard.press("Space")
    settle(page)
    expect(fix(page, "IN04")).to_be_checked()
    assert "IN04" not in page.get_by_label("Effective Block Analyzer, Blocks", exact=True).inner_text().split(",")
    page.keyboard.type("9")
    page.keyboard.press("Escape")
    assert cell(page, "IN04").input_value() == "0.5"


def test_alt_and_an_arrow_add_the_step_in_decimals(page):
    page.get_by_label("Step", exact=True).fill("0.1")
    cell(page, "IN01").fill("0.2")
    cell(page, "IN01").press("Alt+ArrowUp")
    settle(page)
    assert row(page)[2] == "0.3"
    for _ in range(4):
        page.keyboard.press("Alt+ArrowDown")
    settle(page)
    assert row(page)[2] == "-0.1"


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, start, end):
    drawn(page)
    page.mouse.move(*middle(start))
    page.mouse.down()
    page.mouse.move(*middle(end), steps=20)
    page.mouse.up()
    settle(page)


def test_dragging_across_cells_paints_the_first_ones_number(page):
    drag(page, cell(page, "IN07"), cell(page, "M00"))
    assert row(page)[8:14] == ["1"] * 6
    assert twin(page).input_value() == "Gobuhime:" + ",".join(row(page))


def test_dragging_across_fix_boxes_paints_their_state(page):
    drag(page, fix(page, "IN07").locator("xpath=.."), fix(page, "IN11").locator("xpath=.."))
    assert page.locator("weight-table").evaluate("table => table.fixed") == ["IN07", "IN08", "IN09", "IN10", "IN11"]


def test_a_click_on_a_fix_box_turns_that_one(page):
    fix(page, "IN07").locator("xpath=..").click()
    settle(page)
    assert page.locator("weight-table").evaluate("table => table.fixed") == ["IN07"]


@pytest.mark.parametrize(
    ("text", "layout", "first"),
    [
        (f"Other:{WEIGHTS.replace('0.5', '0.25')}", "sd1-26", ["1", "0", "0.25"]),
        ("\t".join(["0.5", *["1"] * 16]), "sd1-17", ["0.5", "1"]),
        ("<lora:girl:1:lbw=1,0.5," + ",".join(["0"] * 10) + ">", "sdxl-12", ["1", "0.5", "0"]),
        ("１，０．５，" + "，".join(["０"] * 18), "sdxl-20", ["1", "0.5", "0"]),
        (",".join(["0.5"] * 61), "flux1-61", ["0.5"] * 61),
    ],
)
def test_a_whole_row_in_any_notation_is_pasted_into_a_cell(page, text, layout, first):
    paste(page, cell(page, "IN04"), text)
    expect(page.locator("select[name=layout]")).to_have_value(layout)
    assert row(page)[: len(first)] == first
    assert twin(page).input_value().endswith(",".join(row(page)))


def test_a_few_numbers_fill_the_cells_from_the_one_they_are_pasted_into(page):
    paste(page, cell(page, "IN04"), "0.1\t0.2\t0.3")
    assert row(page)[4:9] == ["0.5", "0.1", "0.2", "0.3", "1"]
    assert page.evaluate("document.activeElement.ariaLabel") == "IN04 weight"


def test_a_paste_that_cannot_be_read_changes_nothing_and_says_why(page):
    before = row(page)
    paste(page, cell(page, "IN04"), "1,2,three")
    expect(page.locator("#problem")).to_contain_text("A vector of length 3 was given")
    assert row(page) == before


def test_the_twin_makes_the_table(page):
    twin(page).fill('{"BASE": 1, "IN04": 0.5}')
    twin(page).press("Enter")
    settle(page)
    expect(page.locator("#problem")).to_contain_text("Nothing is said of")
    expect(twin(page)).to_have_attribute("aria-invalid", "true")
    expect(twin(page)).to_have_value('{"BASE": 1, "IN04": 0.5}')
    page.get_by_label("Fill value").fill("0")
    page.get_by_label("Fill value").press("Tab")
    settle(page)
    assert row(page)[:6] == ["1", "0", "0", "0", "0", "0.5"]
    assert twin(page).get_attribute("aria-invalid") is None


def test_another_layout_keeps_the_weights_by_name_and_asks_for_a_fill(page):
    page.locator("select[name=layout]").select_option("sd1-17")
    settle(page)
    assert len(row(page)) == 17
    page.locator("select[name=layout]").select_option("sd1-26")
    settle(page)
    expect(page.locator("#problem")).to_contain_text("write a fill value")
    expect(page.locator("select[name=layout]")).to_have_value("sd1-17")
    page.get_by_label("Fill value").fill("0")
    page.locator("select[name=layout]").select_option("sd1-26")
    settle(page)
    assert (len(row(page)), row(page)[1]) == (26, "0")


def test_undo_and_redo_bring_back_weights_fixes_and_layout(page):
    before = row(page)
    cell(page, "IN04").fill("0.25")
    cell(page, "IN04").press("Enter")
    settle(page)
    page.keyboard.press("Space")
    settle(page)
    paste(page, cell(page, "IN04"), ",".join("1" * 12))
    page.keyboard.press("Control+z")
    expect(page.locator("input.weight")).to_have_count(26)
    settle(page)
    expect(fix(page, "IN05")).to_be_checked()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#undo")).to_be_disabled()
    settle(page)
    assert row(page) == before
    expect(fix(page, "IN05")).not_to_be_checked()
    page.get_by_role("button", name="Redo").click()
    settle(page)
    assert row(page)[5] == "0.25"


def test_undo_is_never_faster_than_its_memory(page):
    before = row(page)
    long = "0.12345678901234567891"
    for text in (long, "0.2", "0.3", "0.4"):
        cell(page, "IN04").fill(text)
        cell(page, "IN04").press("Enter")
        settle(page)
    page.locator("#undo").evaluate("button => { button.click(); button.click(); button.click(); }")
    settle(page)
    assert row(page)[5] == long
    page.locator("#undo").click()
    settle(page)
    assert row(page) == before
    page.locator("#redo").evaluate("button => { for (let n = 0; n < 9; n++) button.click(); }")
    settle(page)
    assert row(page)[5] == "0.4"


def test_all_blocks_at_once(page):
    page.get_by_role("button", name="All 0.5").click()
    page.get_by_role("button", name="Fix all").click()
    settle(page)
    assert set(row(page)) == {"0.5"}
    expect(page.locator("#outputs")).to_contain_text("Every block is fixed.")


def test_a_reload_and_a_bookmark_bring_everything_back(page):
    cell(page, "IN04").fill("0.33")
    cell(page, "IN04").press("Space")
    settle(page)
    before = row(page)
    page.reload()
    page.wait_for_selector("html.scripted")
    assert row(page) == before
    expect(fix(page, "IN04")).to_be_checked()


def test_the_heat_follows_the_number(page):
    def ground(block):
        return cell(page, block).evaluate("input => getComputedStyle(input).backgroundColor")

    assert len({ground("IN00"), ground("IN01"), ground("IN02")}) == 3
    cell(page, "IN01").fill("1")
    assert ground("IN01") == ground("IN02")


def test_every_output_can_be_copied(page, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url.rstrip("/"))
    for button in page.locator("copy-button button:visible").all():
        page.evaluate("navigator.clipboard.writeText('')")
        button.click()
        shown = button.locator("xpath=ancestor::div[@class='copied']").locator("pre").text_content()
        page.wait_for_function("async (shown) => (await navigator.clipboard.readText()) === shown", arg=shown)
    expect(page.locator("copy-button")).to_have_count(16)


def test_blocks_that_a_lora_lacks_are_grey_and_in_italics(page):
    style = cell(page, "IN00").evaluate("input => getComputedStyle(input).fontStyle")
    assert (style, "lacks" in cell(page, "IN00").get_attribute("aria-label")) == ("italic", True)
    assert cell(page, "IN01").evaluate("input => getComputedStyle(input).fontStyle") == "normal"
