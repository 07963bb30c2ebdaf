"""The Suggest and Transfer pages in a real browser: from an analysis to weights that are tried elsewhere."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from project_pages import Opened, config_of, make_project

from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.planned_transfer import current_transfer
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import save_mask
from browser import tab_of


@pytest.fixture
def opened(server, browser, request, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    with make_project(server, request.node.name, free="") as tuning, tab_of(browser) as tab:
        said = []
        # Chromium itself says of every answer that refuses that it failed to load.
        tab.on("console", lambda message: re.search("422|500", message.text) or said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        yield Opened(server, tuning, tab)
        assert said == []


def png():
    """All inside but the columns of IN02 and IN03."""
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


def analysed(tuning):
    plan_analysis(tuning, Wanted("IN01-IN03", masks=(save_mask(tuning, png()),), region="her face"))
    render_analysis(tuning, FakeRenderer, SilentProgress())


def costs(tab, start):
    """Wait until the cost begins so, and the button can be pressed."""
    expect(tab.locator("#cost")).to_have_text(re.compile(f"^{start}"))
    expect(tab.locator("#begin")).to_be_enabled()


def test_least_weights_are_suggested_looked_at_set_and_tried_elsewhere(opened):
    # What a block does is not settled by two scenes.
    acts.set_scenes(opened.tuning, [replace(opened.tuning.state().scenes[0], seed=seed) for seed in range(1, 5)])
    analysed(opened.tuning)
    opened.show("analyse")
    tab = opened.tab
    tab.get_by_role("link", name="Suggest the weights").click()
    tab.get_by_label("Changed, in levels").fill("-1")
    tab.get_by_label("Change at most, in levels of 255").check()
    tab.get_by_role("button", name="Suggest the weights").click()
    expect(tab.get_by_role("alert").first).to_contain_text("above 0")
    tab.get_by_label("Changed, in levels").fill("2")
    tab.get_by_role("button", name="Suggest the weights").click()
    tab.get_by_role("heading", name="Changes at most 2 levels inside").wait_for()
    tab.locator(".scene-pictures img").last.scroll_into_view_if_needed()
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.scene-pictures img')].every((each) => each.naturalWidth)"
    )
    tab.get_by_role("button", name="Set these weights").click()
    tab.wait_for_url("**/tune")
    assert opened.tuning.state().weights.weight("IN02") == 0
    tab.go_back()
    tab.get_by_role("link", name="Do the weights hold elsewhere?").click()
    costs(tab, r"\d+ pictures")


def test_a_transfer_is_asked_for_paused_gone_on_with_and_its_table_appears(opened):
    acts.set_blocks(opened.tuning, "IN02", "0")
    opened.show("transfer")
    tab = opened.tab
    expect(tab.get_by_text("Nothing was tried elsewhere yet")).to_be_visible()
    tab.get_by_label("Other seeds").fill("11-40")
    tab.get_by_label("Other prompts, one a line").fill("1girl, black suit")
    tab.get_by_label("Other prompts, one a line").blur()
    costs(tab, "102 pictures")
    expect(tab.locator("#cost")).to_contain_text("other prompts (2 scenes)")
    tab.get_by_role("button", name="Render the weights elsewhere").click()
    with opened.midway():
        tab.get_by_role("button", name="Pause").click()
        expect(tab.get_by_role("button", name="Pause")).to_be_disabled()
    tab.get_by_role("button", name="Render the rest").wait_for()
    assert opened.tuning.state().transfers[0].folder == ""
    tab.reload()
    expect(tab.get_by_label("Other seeds")).to_have_value("11-40")
    tab.get_by_role("button", name="Render the rest").click()
    expect(tab.locator("#found tbody th")).to_have_text(["home", "seeds 11-40", "other prompts"])
    expect(tab.locator("#begun")).to_be_hidden()
    with tab.expect_popup() as popup:
        tab.get_by_role("link", name="Open the pictures").click()
    expect(popup.value.locator("h1")).not_to_be_empty()


def test_a_transfer_is_given_up(opened):
    acts.set_blocks(opened.tuning, "IN02", "0")
    opened.show("transfer")
    tab = opened.tab
    tab.get_by_label("Other seeds").fill("11-60")
    tab.get_by_label("Other seeds").blur()
    costs(tab, "156 pictures")
    tab.get_by_role("button", name="Render the weights elsewhere").click()
    with opened.midway():
        tab.get_by_role("button", name="Give it up").click()
        opened.until(lambda state: state.transfers and current_transfer(state) is None)
    tab.get_by_text("Nothing was tried elsewhere yet").wait_for()
    tab.locator("job-progress").wait_for(state="hidden")


def test_what_is_wrong_is_one_sentence_and_nothing_typed_is_lost(opened):
    opened.show("transfer")
    tab = opened.tab
    expect(tab.locator("#cost.error")).to_contain_text("The weights are all 1")
    tab.get_by_label("Other weights").fill("Mine:1,2")
    tab.get_by_label("Other prompts, one a line").fill("1girl, <lora:x:1>")
    tab.get_by_label("Other prompts, one a line").blur()
    expect(tab.locator("#cost")).to_have_text(re.compile("2 .*26"))
    expect(tab.get_by_label("others, in any notation")).to_be_checked()
    expect(tab.locator("#begin")).to_be_disabled()  # for a moment it waits for the answer to what was typed last
    tab.get_by_label("Other weights").fill("INS")
    tab.get_by_label("Other weights").blur()
    expect(tab.locator("#cost")).to_contain_text("neither a file")
    expect(tab.get_by_label("Other prompts, one a line")).to_have_value("1girl, <lora:x:1>")
    tab.get_by_label("Other prompts, one a line").fill("")
    tab.get_by_label("Other prompts, one a line").blur()
    costs(tab, "18 pictures")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180), (390, 844)])
def test_the_transfer_page_fits_and_names_everything(opened, width, height):
    analysed(opened.tuning)
    opened.tab.set_viewport_size({"width": width, "height": height})
    opened.show("transfer")
    tab = opened.tab
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main input, main textarea")]
          .filter((each) => each.checkVisibility())
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []


def test_enter_in_a_changed_field_waits_for_the_cost_and_begins(opened):
    acts.set_blocks(opened.tuning, "IN02", "0")
    opened.show("transfer")
    tab = opened.tab
    costs(tab, "18 pictures")
    tab.get_by_label("Other seeds").fill("21")
    tab.get_by_label("Other seeds").press("Enter")
    expect(tab.locator("#found tbody th")).to_have_text(["home", "seeds 21"])
    expect(tab.locator("#terminal pre")).to_contain_text("--seeds 21")


def test_a_cost_that_nobody_answers_is_said_and_the_button_tries_again(opened):
    acts.set_blocks(opened.tuning, "IN02", "0")
    opened.show("transfer")
    tab = opened.tab
    costs(tab, "18 pictures")
    tab.route("**/transfer/cost", lambda route: route.fulfill(status=500, body="broken"))
    tab.get_by_label("Other seeds").fill("21")
    tab.get_by_label("Other seeds").blur()
    tab.get_by_text("Press the button to try again").wait_for()
    expect(tab.locator("#terminal")).to_be_hidden()
    tab.unroute("**/transfer/cost")
    tab.get_by_role("button", name="Render the weights elsewhere").click()
    tab.locator("#found tbody tr").nth(1).wait_for()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_page_of_a_project_scrolls_sideways_on_a_telephone(opened, language):
    analysed(opened.tuning)
    tab = opened.tab
    tab.set_viewport_size({"width": 390, "height": 844})
    opened.show("transfer")
    tab.locator(f"button[value={language}]").click()
    expect(tab.locator("html")).to_have_attribute("lang", language)
    for page in ("transfer", "analyse", "suggest", "tune", "compare"):
        tab.goto(f"{opened.address}/{page}")
        tab.locator("main h1").first.wait_for(state="attached")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, page
