"""Analysing by other methods in a real browser: their choice, cost and figures, masks from colours and files."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image
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


def analysed(opened, **wanted):
    plan_analysis(opened.tuning, Wanted("IN01-IN04", **wanted))
    render_analysis(opened.tuning, FakeRenderer, SilentProgress())
    opened.show("analyse")
    return opened.tab


def png(width, height, inside):
    array = np.zeros((height, width), np.uint8)
    array[:, :inside] = 255
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return {"name": "mask.png", "mimeType": "image/png", "buffer": data.getvalue()}


def test_a_probe_is_chosen_run_and_shown_with_figures_and_a_report(opened):
    opened.show("analyse")
    tab = opened.tab
    tab.locator("[name=method]").select_option("probe")
    expect(tab.locator("#tells")).to_contain_text("rank the blocks;")
    expect(tab.locator("[name=adaptive]")).to_be_disabled()
    tab.locator("#more > summary").click()
    expect(tab.get_by_label("Threshold")).to_be_disabled()
    tab.get_by_label("Noise levels of the probe").fill("3")
    tab.get_by_label("colour", exact=True).check()
    tab.get_by_role("button", name="Analyse", exact=True).click()
    opened.until(lambda state: bool(state.analyses))
    assert (current_plan(opened.tuning.state()).levels, current_plan(opened.tuning.state()).aspects) == (3, ("colour",))
    tab.locator("[data-figure=steps] svg").wait_for()
    expect(tab.locator("#stage")).to_be_hidden()
    effects = sorted(analysis_view(opened.tuning).findings.table.effects("change"), key=lambda effect: -effect.mean)
    assert len(effects) == 26
    expect(tab.locator("#rows th")).to_have_text([effect.block for effect in effects])
    tab.locator("#measure").select_option(label="colour (ΔE)")
    expect(tab.locator("#measure-head")).to_have_text("colour (ΔE)")
    with tab.expect_popup() as popup:
        tab.get_by_role("link", name="Open the report").click()
    report = popup.value
    expect(report.locator("h1")).not_to_be_empty()
    report.wait_for_load_state()
    assert report.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none"
    assert report.evaluate("window.origin") == "null"


def test_a_budget_is_told_what_it_buys_and_a_gradient_asks_for_its_objective(opened):
    opened.show("analyse")
    tab = opened.tab
    tab.locator("#more > summary").click()
    tab.locator("[name=budget]").fill("30pictures")
    tab.keyboard.press("Tab")
    expect(tab.locator("#cost")).to_contain_text("in all 2 scenes: The probe")
    expect(tab.locator("[name=method]")).to_have_value("")
    tab.locator("[name=budget]").fill("")
    tab.keyboard.press("Tab")
    expect(tab.locator("[name=method]")).to_have_value("eba")
    tab.keyboard.press("Escape")
    tab.locator("[name=method]").select_option("gradient")
    expect(tab.locator("#cost.error")).to_contain_text("needs something to go up")
    expect(tab.locator("#run")).to_be_disabled()
    expect(tab.locator("[name=aims]")).to_be_focused()
    tab.keyboard.type("green")
    tab.keyboard.press("Tab")
    expect(tab.locator("#cost")).not_to_have_class(re.compile("error"))
    tab.get_by_role("button", name="Analyse", exact=True).click()
    tab.get_by_text("gradients need the model itself").wait_for()
    expect(tab.get_by_text("shows what it found once it is complete")).to_be_visible()
    tab.get_by_role("button", name="Cancel the analysis").click()
    tab.get_by_text("Nothing is analysed yet").wait_for()


def test_an_objective_is_drawn_with_its_sign(opened):
    tab = analysed(opened, method="screen", aims="red")
    tab.locator("#measure").select_option(label="red (levels)")
    tab.locator("effect-chart[kind=strip] .heat.below").first.wait_for()
    boxes = [bar.bounding_box() for bar in tab.locator("effect-chart[kind=bars] .bar").all()]
    assert len({round(box["x"]) for box in boxes}) > 1
    assert all(box["width"] > 0 for box in boxes)


def test_a_mask_is_made_of_a_colour_with_a_tolerance(opened):
    tab = analysed(opened)
    tab.get_by_role("button", name="Paint a mask…").click()
    tab.get_by_role("button", name="Colour", exact=True).click()
    board = tab.locator("mask-painter canvas")
    board.focus()
    tab.keyboard.press(" ")
    share = tab.locator("[data-part=share]")
    expect(share).not_to_be_empty()
    few = float(share.inner_text().split()[0])
    tab.get_by_label("Tolerance").fill("45")
    tab.wait_for_function("(few) => parseFloat(document.querySelector('[data-part=share]').textContent) > few", arg=few)
    tab.get_by_role("button", name="Use this one for all scenes").click()
    opened.until(lambda state: len(state.analyses) == 2)
    mask = mask_of(opened.tuning, current_plan(opened.tuning.state()).masks[0])
    assert 0 < mask.mean() < 1


def test_a_mask_is_loaded_from_a_file_of_the_pictures_size(opened):
    tab = analysed(opened)
    tab.get_by_role("button", name="Paint a mask…").click()
    load = tab.get_by_label("Load a mask…")
    load.set_input_files(png(10, 24, 4))
    tab.get_by_text("The mask has 10×24 pixels, the picture 32×24.").wait_for()
    load.set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    tab.get_by_text("This file is no picture.").wait_for()
    load.set_input_files(png(32, 24, 8))
    expect(tab.locator("[data-part=share]")).to_have_text(re.compile("^25"))
    expect(tab.locator("#paint-problem")).to_be_hidden()
    tab.get_by_role("button", name="Use this one for all scenes").click()
    opened.until(lambda state: len(state.analyses) == 2)
    assert mask_of(opened.tuning, current_plan(opened.tuning.state()).masks[0]).mean() == 0.25


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180)])
def test_the_page_of_a_probe_fits_names_everything_and_breaks_no_policy(opened, width, height):
    said = []
    opened.tab.on("console", lambda message: said.append(message.text))
    opened.tab.on("pageerror", lambda error: said.append(str(error)))
    opened.tab.set_viewport_size({"width": width, "height": height})
    tab = analysed(opened, method="probe", levels=2, pairs=2)
    tab.locator("[data-figure=pairs] svg").wait_for()
    tab.locator("#more > summary").click()
    drawn(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main input, main select, main summary, main svg")]
          .filter((each) => each.checkVisibility() && !(each.ariaLabel || each.labels?.length
            || each.textContent.trim() || each.hasAttribute("aria-labelledby")))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert said == []
