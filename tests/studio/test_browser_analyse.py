"""Analysing in a real browser: run before one's eyes, blocks by keys, a mask, suggestions that can be taken back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from project_pages import Opened, config_of, make_project

from blockweight.render import FakeRenderer
from blockweight.workflow.analysis_view import analysis_view
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, current_plan, plan_analysis, render_analysis
from blockweight.workflow.project_masks import mask_of
from browser import drawn, tab_of


@pytest.fixture
def opened(server, browser, request, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    with make_project(server, request.node.name, free="") as tuning, tab_of(browser) as tab:
        yield Opened(server, tuning, tab)


@pytest.fixture
def analysed(opened):
    """A project whose blocks IN01 to IN04 are analysed so that all are to be dropped, on its page."""
    plan_analysis(opened.tuning, Wanted("IN01-IN04", 1.0, 1.001))
    render_analysis(opened.tuning, FakeRenderer, SilentProgress())
    opened.show("analyse")
    return opened


def strip(tab, block):
    return tab.locator(f"effect-chart[kind=strip] [data-block={block}]")


def weight(block):
    return lambda state: state.weights.weight(block)


def test_an_analysis_is_chosen_with_its_cost_said_and_run_before_ones_eyes(opened):
    opened.show("analyse")
    tab = opened.tab
    expect(tab.get_by_text("Nothing is analysed yet")).to_be_visible()
    expect(tab.locator("#cost")).to_have_text(re.compile("^54 pictures"))
    tab.locator("#choose summary").click()
    tab.get_by_role("button", name="None", exact=True).click()
    expect(tab.locator("#run")).to_be_disabled()
    for block in ("IN01", "IN02"):
        tab.get_by_role("checkbox", name=block, exact=True).check()
    tab.keyboard.press("Escape")
    tab.get_by_label("block under test").fill("0")
    tab.keyboard.press("Tab")
    expect(tab.locator("#cost")).to_have_text(re.compile("^6 pictures"))
    tab.get_by_role("button", name="Analyse", exact=True).click()
    opened.until(lambda state: bool(state.analyses))
    plan = current_plan(opened.tuning.state())
    assert (plan.blocks, plan.value, plan.base) == (("IN01", "IN02"), 0.0, 1.0)
    expect(tab.locator("effect-chart[kind=strip] .heat")).to_have_count(2)
    expect(tab.locator(".pc-frame.ready")).to_have_count(3)
    tab.reload()
    expect(tab.get_by_label("block under test")).to_have_value("0")


def test_a_press_before_the_pages_script_runs_sends_nothing_past_it(opened):
    tab = opened.tab
    late = []
    tab.route("**/static/analyse-page.js", lambda route: late.append(route))  # noqa: PLW0108 - Playwright marks it
    tab.goto(f"{opened.address}/analyse", wait_until="commit")
    where = tab.get_by_role("button", name="Analyse", exact=True).bounding_box()
    tab.mouse.click(where["x"] + 5, where["y"] + 5)
    expect(tab.locator("form#plan[inert]")).to_be_attached()
    late[0].continue_()
    tab.wait_for_selector("html.scripted")
    expect(tab.locator("form#plan:not([inert])")).to_be_attached()
    assert tab.url == f"{opened.address}/analyse"


def test_a_paused_analysis_goes_on_and_one_given_up_leaves_the_page(opened):
    plan_analysis(opened.tuning, Wanted("IN01-IN08"))
    opened.show("analyse")
    tab = opened.tab
    expect(tab.get_by_text("Nothing is analysed yet")).to_be_visible()
    tab.get_by_role("button", name="Analyse", exact=True).click()
    with opened.midway():
        tab.get_by_role("button", name="Pause").click()
        expect(tab.get_by_role("button", name="Pause")).to_be_disabled()
    tab.get_by_role("button", name="Render the rest").click()
    opened.until(lambda state: bool(state.analyses))
    plan_analysis(opened.tuning, Wanted("IN09"))
    tab.get_by_role("button", name="Cancel the analysis").click()
    expect(tab.locator("#rows tr")).to_have_count(8)


def test_arrows_go_through_blocks_and_scenes_and_a_reload_stays_there(analysed):
    tab = analysed.tab
    strip(tab, "IN01").click()
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("#block-title")).to_have_text("IN02")
    expect(strip(tab, "IN02")).to_be_focused()
    tab.keyboard.press("End")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("ArrowDown")
    tab.reload()
    tab.wait_for_selector("html.scripted")
    expect(tab.locator("#block-title")).to_have_text("IN04")
    assert tab.locator("#scenes [aria-checked=true]").inner_text().split() == ["1girl", "seed", "2"]


def test_space_shows_the_source_in_the_same_place_while_it_is_held_and_the_slider_wipes(analysed):
    tab = analysed.tab
    source = tab.locator(".pc-changed .pc-source-image")
    expect(source).to_have_css("clip-path", "inset(0px 100% 0px 0px)")
    tab.keyboard.down(" ")
    expect(source).to_have_css("clip-path", "none")
    tab.keyboard.up(" ")
    expect(source).to_have_css("clip-path", "inset(0px 100% 0px 0px)")
    tab.get_by_role("slider", name="Wipe").fill("40")
    expect(source).to_have_css("clip-path", "inset(0px 60% 0px 0px)")
    assert source.get_attribute("src") == tab.locator(".pc-source > .pc-source-image").get_attribute("src")


def test_suggestions_are_applied_at_once_or_one_by_one_and_taken_back(analysed):
    tab = analysed.tab
    strip(tab, "IN02").click()
    tab.keyboard.press("Enter")
    analysed.until(lambda state: set(state.applied) == {"IN02"})
    tab.get_by_role("button", name="Revoke the suggestion for IN02").wait_for()
    tab.get_by_role("button", name="Apply 3 suggestions").click()
    analysed.until(lambda state: set(state.applied) == {"IN01", "IN02", "IN03", "IN04"})
    assert {weight(block)(analysed.tuning.state()) for block in ("IN01", "IN04")} == {0.0}
    tab.get_by_role("link", name="Tune the rest").wait_for()
    tab.get_by_role("button", name="Revoke the suggestion for IN03").click()
    analysed.until(lambda state: "IN03" not in state.applied)
    tab.get_by_role("button", name="Apply the suggestion for IN03").wait_for()
    tab.get_by_role("button", name="Revoke all").click()
    analysed.until(lambda state: not state.applied and weight("IN02")(state) == 1.0)
    tab.keyboard.press("u")
    analysed.until(lambda state: set(state.applied) == {"IN01", "IN02", "IN04"})


def test_a_mask_is_painted_saved_and_measured_with(opened):
    plan_analysis(opened.tuning, Wanted("IN01-IN03"))
    render_analysis(opened.tuning, FakeRenderer, SilentProgress())
    opened.show("analyse")
    tab = opened.tab
    tab.get_by_role("button", name="Paint a mask…").click()
    board = tab.locator("mask-painter canvas")
    box = board.bounding_box()
    left, top = box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.3
    tab.mouse.move(left, top)
    tab.mouse.down()
    tab.mouse.move(left, top + box["height"] * 0.4, steps=4)
    tab.mouse.up()
    expect(tab.get_by_role("button", name="Use this one for all scenes")).to_be_enabled()
    expect(tab.get_by_role("button", name="Save the masks")).to_be_disabled()  # the other scene has none yet
    tab.get_by_label("What it covers").fill("the face")
    tab.get_by_role("button", name="Use this one for all scenes").click()
    opened.until(lambda state: len(state.analyses) == 2)
    plan = current_plan(opened.tuning.state())
    mask = mask_of(opened.tuning, plan.masks[0])
    assert (plan.region, len(plan.masks), mask.shape) == ("the face", 1, (24, 32))
    assert (mask[12, 6], mask[12, 25], mask[1, 6]) == (True, False, False)
    tab.locator("effect-chart[kind=scatter] [data-block=IN02]").wait_for()
    expect(tab.get_by_role("heading", name="Where it works: the face")).to_be_visible()
    tab.get_by_role("button", name="Without the mask").click()
    opened.until(lambda state: current_plan(state).masks == ())


def test_a_mask_is_painted_by_keys_undone_and_cleared(analysed):
    tab = analysed.tab
    tab.get_by_role("button", name="Paint a mask…").click()
    share = tab.locator("[data-part=share]")
    tab.locator("mask-painter canvas").focus()
    for key in ("]", " ", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", " "):
        tab.keyboard.press(key)
    expect(share).to_have_text(re.compile("% of the picture$"))
    both = share.inner_text()
    tab.get_by_role("button", name="Undo").last.click()
    expect(share).not_to_have_text(both)
    expect(share).not_to_be_empty()
    tab.get_by_role("button", name="Clear").click()
    expect(share).to_be_empty()


def test_another_tab_and_a_terminal_stay_in_step(analysed):
    plan_analysis(analysed.tuning, Wanted("OUT01"))
    render_analysis(analysed.tuning, FakeRenderer, SilentProgress())
    strip(analysed.tab, "OUT01").wait_for()
    assert analysis_view(analysed.tuning).number is not None


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180)])
def test_the_page_fits_names_everything_breaks_no_policy_and_asks_nobody_else(analysed, width, height):
    said, asked = [], []
    tab = analysed.tab
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.set_viewport_size({"width": width, "height": height})
    analysed.show("analyse")
    strip(tab, "IN03").click()
    tab.get_by_role("button", name="Paint a mask…").click()
    tab.keyboard.press("Escape")
    expect(tab.locator("#painting")).to_be_hidden()
    drawn(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll(
            "a, button, input:not([type=hidden]), select, summary, canvas, [role=listbox], [role=option]")]
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()
            || each.hasAttribute("aria-labelledby")))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    small = tab.evaluate(
        """() => [...document.querySelectorAll("main button, main [role=option], main summary")]
          .map((each) => each.getBoundingClientRect())
          .filter((box) => box.width && Math.min(box.width, box.height) < 23.5).length"""
    )
    assert small == 0
    assert said == []
    assert all(url.startswith(analysed.server.url) for url in asked)
