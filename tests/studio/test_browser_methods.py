"""Analysing by other methods in a real browser: their choice, cost and figures, masks from colours and files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from project_pages import Opened, config_of, make_project, tab_of

from blockweight.render import FakeRenderer
from blockweight.workflow.analysis_view import analysis_view
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, current_plan, plan_analysis, render_analysis
from blockweight.workflow.project_masks import mask_of


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
    tab.wait_for_function("() => document.getElementById('tells').textContent.includes('rank the blocks;')")
    assert tab.locator("[name=adaptive]").is_disabled()
    tab.locator("#more > summary").click()
    assert tab.get_by_label("Threshold").is_disabled()
    tab.get_by_label("Noise levels of the probe").fill("3")
    tab.get_by_label("colour", exact=True).check()
    tab.get_by_role("button", name="Analyse", exact=True).click()
    opened.until(lambda state: bool(state.analyses))
    assert (current_plan(opened.tuning.state()).levels, current_plan(opened.tuning.state()).aspects) == (3, ("colour",))
    tab.locator("[data-figure=steps] svg").wait_for()
    assert tab.locator("#stage").is_hidden()
    assert tab.locator("#rows tr").count() == 26
    effects = sorted(analysis_view(opened.tuning).findings.table.effects("change"), key=lambda effect: -effect.mean)
    assert tab.locator("#rows th").all_inner_texts() == [effect.block for effect in effects]
    tab.locator("#measure").select_option(label="colour (ΔE)")
    assert tab.inner_text("#measure-head") == "colour (ΔE)"
    with tab.expect_popup() as popup:
        tab.get_by_role("link", name="Open the report").click()
    report = popup.value
    assert report.locator("h1").inner_text()
    assert report.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none"
    assert report.evaluate("window.origin") == "null"


def test_a_budget_is_told_what_it_buys_and_a_gradient_asks_for_its_objective(opened):
    opened.show("analyse")
    tab = opened.tab
    cost = tab.locator("#cost")
    tab.locator("#more > summary").click()
    tab.locator("[name=budget]").fill("30pictures")
    tab.keyboard.press("Tab")
    tab.wait_for_function("() => /in all 2 scenes: The probe/.test(document.getElementById('cost').textContent)")
    assert tab.locator("[name=method]").input_value() == ""
    tab.locator("[name=budget]").fill("")
    tab.keyboard.press("Tab")
    assert tab.locator("[name=method]").input_value() == "eba"
    tab.keyboard.press("Escape")
    tab.locator("[name=method]").select_option("gradient")
    tab.wait_for_function("() => document.querySelector('#cost.error')")
    assert "needs something to go up" in cost.inner_text()
    assert tab.locator("#run").is_disabled()
    assert tab.evaluate("document.activeElement.name") == "aims"
    tab.keyboard.type("green")
    tab.keyboard.press("Tab")
    tab.wait_for_function("() => !document.querySelector('#run').disabled")
    tab.get_by_role("button", name="Analyse", exact=True).click()
    tab.get_by_text("gradients need the model itself").wait_for()
    assert tab.get_by_text("shows what it found once it is complete").is_visible()
    tab.get_by_role("button", name="Cancel the analysis").click()
    tab.get_by_text("Nothing is analysed yet").wait_for()


def test_an_objective_is_drawn_with_its_sign(opened):
    tab = analysed(opened, method="screen", aims="red")
    tab.locator("#measure").select_option(label="red (levels)")
    assert tab.locator("effect-chart[kind=strip] .heat.below").count() > 0
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
    tab.wait_for_function("() => document.querySelector('[data-part=share]').textContent")
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
    tab.wait_for_function("() => document.querySelector('[data-part=share]').textContent.startsWith('25')")
    assert tab.locator("#paint-problem").is_hidden()
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
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main input, main select, main summary, main svg")]
          .filter((each) => each.checkVisibility() && !(each.ariaLabel || each.labels?.length
            || each.textContent.trim() || each.hasAttribute("aria-labelledby")))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert said == []
