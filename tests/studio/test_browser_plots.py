"""Plots of anything in a real browser: chips by pointer and by key, errors where they stand, to the pictures."""

from __future__ import annotations

import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from project_pages import Opened, config_of, make_project

from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.plots.begun import current_plot
from browser import drawn, tab_of

PLOTS = "compare/plots"


@pytest.fixture
def opened(server, browser, request, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    with make_project(server, request.node.name, free="") as tuning, tab_of(browser) as tab:
        said = []
        tab.on("console", lambda message: "422" in message.text or said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        opened = Opened(server, tuning, tab)
        opened.show(PLOTS)
        yield opened
        assert said == []


def drag(tab, what, onto):
    """Take hold of an element, and let go over another, near its end as far as that is in view."""
    what.scroll_into_view_if_needed()
    drawn(tab)
    start, end = what.bounding_box(), onto.bounding_box()
    tab.mouse.move(start["x"] + start["width"] / 2, start["y"] + 12)
    tab.mouse.down()
    tab.mouse.move(start["x"] + start["width"] / 2 + 20, start["y"] + 20, steps=2)
    tab.mouse.move(end["x"] + end["width"] / 2, min(end["y"] + end["height"] - 8, 560), steps=4)
    tab.mouse.up()


def kind(tab, name):
    return tab.locator(f"#palette [data-kind={name}]")


def slot(tab, name):
    return tab.locator(f".slot[data-slot={name}]")


def has(tab, name, *titles):
    """The chips of a slot have these titles."""
    expect(slot(tab, name).locator(".chip-title")).to_have_text(titles)


def values(tab, name):
    return slot(tab, name).locator(".chip-values")


def costs(tab, text):
    expect(tab.locator("#cost")).to_contain_text(text)


def by_key(tab, name, choice):
    kind(tab, name).focus()
    tab.keyboard.press("Enter")
    for _ in range(choice):
        tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")


def test_chips_are_dragged_into_slots_between_them_and_out(opened):
    tab = opened.tab
    drag(tab, kind(tab, "steps"), slot(tab, "x"))
    drag(tab, kind(tab, "weights"), slot(tab, "x"))
    has(tab, "x", "Steps", "Block weights")
    drag(tab, slot(tab, "x").locator(".chip-head").first, slot(tab, "y"))
    has(tab, "x", "Block weights")
    has(tab, "y", "Steps")
    tab.get_by_role("button", name="Swap Rows and Grids").click()
    has(tab, "y")
    has(tab, "z", "Steps")
    drag(tab, slot(tab, "z").locator(".chip-head").first, tab.locator("#new summary"))
    has(tab, "z")


def test_everything_is_done_by_keys_too(opened):
    tab = opened.tab
    by_key(tab, "cfg", 1)
    has(tab, "y", "CFG scale")
    expect(values(tab, "y")).to_be_focused()
    expect(tab.locator("#said")).to_have_text("CFG scale is in: Rows")
    slot(tab, "y").locator(".chip-title").focus()
    tab.keyboard.press("Enter")
    tab.keyboard.press("Enter")
    has(tab, "x", "CFG scale")
    tab.keyboard.press("Delete")
    has(tab, "x")
    expect(kind(tab, "cfg")).to_be_focused()


def test_a_finger_takes_a_chip_by_its_grip_and_a_tap_opens_its_menu(server, browser, request, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    with make_project(server, request.node.name, free="") as tuning, tab_of(browser, has_touch=True) as tab:
        Opened(server, tuning, tab).show(PLOTS)
        kind(tab, "cfg").tap()
        tab.get_by_role("menuitem", name="Grids").tap()
        has(tab, "z", "CFG scale")
        grip, onto = kind(tab, "steps").locator(".grip"), slot(tab, "y")
        grip.scroll_into_view_if_needed()
        drawn(tab)
        start, end = grip.bounding_box(), onto.bounding_box()
        fingers = tab.context.new_cdp_session(tab)
        way = [(start["x"] + 8, start["y"] + 8), (start["x"] + 60, start["y"] + 8), (end["x"] + 60, end["y"] + 60)]
        for step, (x, y) in zip(("touchStart", "touchMove", "touchMove"), way, strict=True):
            fingers.send("Input.dispatchTouchEvent", {"type": step, "touchPoints": [{"x": x, "y": y}]})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        has(tab, "y", "Steps")


def test_the_palette_is_searched(opened):
    tab = opened.tab
    tab.locator("#search").fill("hires")
    expect(kind(tab, "hires-steps")).to_be_visible()
    expect(kind(tab, "steps")).to_be_hidden()
    tab.locator("#search").fill("nothing such")
    expect(tab.get_by_text("Nothing is called so.")).to_be_visible()


def test_chips_in_one_slot_move_together_and_say_where_they_do_not(opened):
    tab = opened.tab
    for name in ("steps", "cfg"):
        by_key(tab, name, 0)
    expect(slot(tab, "x").get_by_text("These move together.")).to_be_visible()
    costs(tab, "3 columns × 2 rows: 6 pictures")
    values(tab, "x").nth(1).fill("4, 7")
    slot(tab, "x").get_by_text("here are 2 beside 3").wait_for()
    expect(tab.locator("#begin")).to_be_disabled()
    values(tab, "x").nth(1).fill("7")
    costs(tab, "3 columns")


def test_an_error_stands_at_its_chip_and_what_was_typed_outlives_a_reload(opened):
    tab = opened.tab
    by_key(tab, "steps", 0)
    by_key(tab, "sampler", 1)
    tab.get_by_label("Euler a", exact=True).check()
    values(tab, "x").fill("2, 4, many")
    slot(tab, "x").locator(".chip-error").get_by_text("'many'").wait_for()
    expect(values(tab, "x")).to_have_attribute("aria-invalid", "true")
    tab.get_by_label("Title").fill("Mine")
    tab.reload()
    slot(tab, "x").locator(".chip-error").get_by_text("'many'").wait_for()
    expect(values(tab, "x")).to_have_value("2, 4, many")
    expect(tab.get_by_label("Euler a", exact=True)).to_be_checked()
    expect(tab.get_by_label("Title")).to_have_value("Mine")


def test_weights_offer_presets_rounds_and_the_current_ones(opened):
    tab = opened.tab
    by_key(tab, "weights", 0)
    expect(values(tab, "x")).to_have_value("no LoRA\nALL\ncurrent")
    for choice in ("INS", "round Sub 0.5"):
        slot(tab, "x").locator(".chip-add").select_option(choice)
    slot(tab, "x").locator(".chip-labels").get_by_text("SubIN01_0.5").wait_for()
    expect(slot(tab, "x").locator(".chip-labels")).to_have_text(re.compile("^no LoRA · ALL · current · INS · Sub"))


def test_a_plot_is_rendered_paused_gone_on_with_and_taken_away(opened):
    tab = opened.tab
    by_key(tab, "cfg", 0)
    by_key(tab, "seed", 1)
    values(tab, "x").fill("1-20")
    costs(tab, "20 columns × 4 rows: 80 pictures")
    tab.locator("#begin").click()
    with opened.midway():
        tab.get_by_role("button", name="Pause").click()
        expect(tab.get_by_role("button", name="Pause")).to_be_disabled()
    tab.get_by_role("button", name="Render the rest").wait_for()
    frame = tab.frame_locator("#frame")
    frame.locator(".cell").first.wait_for()
    tab.reload()
    tab.get_by_role("button", name="Render the rest").click()
    tab.get_by_role("link", name="PNG").wait_for()
    frame.locator(".cell:not(.empty)").first.wait_for()
    expect(frame.locator(".cell.empty")).to_have_count(0)
    assert opened.tuning.state().plots[0].folder == "plot-01"
    with tab.expect_download() as download:
        tab.get_by_role("link", name="PDF").click()
    assert download.value.suggested_filename == "plot-01.pdf"


def test_without_a_scene_nothing_is_plotted(opened):
    tab = opened.tab
    by_key(tab, "cfg", 0)
    costs(tab, "3 columns")
    tab.get_by_role("group", name="In every row").get_by_role("button", name="None").click()
    costs(tab, "Choose a scene")
    expect(tab.locator("#begin")).to_be_disabled()


def test_a_plot_is_given_up(opened):
    tab = opened.tab
    by_key(tab, "cfg", 0)
    values(tab, "x").fill("1-30")
    costs(tab, "30 columns")
    tab.locator("#begin").click()
    with opened.midway():
        tab.get_by_role("button", name="Give it up").click()
        opened.until(lambda state: current_plot(state) is None)
    tab.get_by_text("Nothing is plotted yet").wait_for()
    tab.locator("job-progress").wait_for(state="hidden")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180)])
def test_the_page_fits_and_names_everything(opened, width, height):
    tab = opened.tab
    tab.set_viewport_size({"width": width, "height": height})
    for name in ("weights", "lora", "prompt"):
        by_key(tab, name, 0)
    expect(slot(tab, "x").locator(".chip")).to_have_count(3)
    drawn(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("main :is(a, button, input, select, textarea, iframe, [role=group])")]
          .filter((each) => each.checkVisibility())
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.title || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []


def test_pictures_are_added_from_this_machine_and_chosen(opened, tmp_path):
    tab = opened.tab
    for name in ("one", "two"):
        Image.new("RGB", (32, 24), "green" if name == "one" else "red").save(tmp_path / f"{name}.png")
    by_key(tab, "init-image", 0)
    chip = slot(tab, "x").locator(".chip")
    chip.locator("input[type=file]").set_input_files([tmp_path / "one.png", tmp_path / "two.png"])
    expect(tab.locator(".slot .chip-choices input:checked")).to_have_count(2)
    assert [each.partition("-")[0] for each in chip.locator(".check").all_inner_texts()] == ["one", "two"]
    costs(tab, "4 pictures")
    (tmp_path / "three.png").write_bytes(b"no picture")
    chip.locator("input[type=file]").set_input_files(tmp_path / "three.png")
    expect(tab.locator(".slot .chip-error")).to_contain_text("three.png")


def test_a_plot_is_put_together_on_a_narrow_screen(opened):
    tab = opened.tab
    tab.set_viewport_size({"width": 390, "height": 844})
    by_key(tab, "steps", 0)
    values(tab, "x").fill("2,4")
    costs(tab, "pictures")
    drawn(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390, "nothing has to be scrolled sideways"
    for each in (slot(tab, "x").locator(".chip-remove"), tab.locator("#begin"), tab.locator("#search")):
        box = each.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert box["height"] >= 30, "a finger finds it"
