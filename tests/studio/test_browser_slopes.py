"""Gradients and sketches in a real browser, on the embedded model: a renderer of stripes has no slopes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from project_pages import Opened, config_of
from studio_server import Server

from blockweight.demo.embedded import CFG_SCALE, SAMPLER, lora_file, model_folder
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.project_analysis import current_plan
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning_project import create_project
from browser import tab_of

pytest.importorskip("torch", reason="needs the local extra")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A studio that renders on this machine's processor: one for both methods, for the model is loaded in seconds."""
    with Server.started(tmp_path_factory.mktemp("local"), "--renderer", "local:cpu") as running:
        yield running


@pytest.fixture
def opened(local, browser, request, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(local)))
    prompt = "1girl, gobuhime, green hoodie, night"
    scenes = scenes_of(model_folder(), [prompt], "", "1", 2, CFG_SCALE, SAMPLER, "64x64")
    folder = local.folder / "projects" / request.node.name
    with create_project(folder, lora_file("gobuhime-locon"), scenes) as tuning, tab_of(browser) as tab:
        yield Opened(local, tuning, tab)


def analysed(opened, method, **fields):
    """Two blocks, analysed from the page until its figures are there."""
    opened.show("analyse")
    tab = opened.tab
    tab.locator("[name=method]").select_option(method)
    tab.keyboard.press("Escape")
    tab.locator("#choose > summary").click()
    tab.get_by_role("button", name="None", exact=True).click()
    for block in ("OUT07", "OUT08"):
        tab.get_by_label(block, exact=True).check()
    tab.locator("#choose > summary").click()
    if fields:
        tab.locator("#more:not([open]) > summary").click()
    for name, text in fields.items():
        tab.locator(f"[name={name}]").fill(text)
        tab.keyboard.press("Tab")
    tab.locator("#run:enabled").wait_for()
    tab.get_by_role("button", name="Analyse", exact=True).click()
    # Loading torch and the model takes seconds, and many where the machine is busy.
    tab.locator("[data-figure=strips] svg").wait_for(timeout=240_000)
    assert current_plan(opened.tuning.state()).method == method
    return tab


def test_a_sketch_ranks_the_blocks_and_shows_no_pictures(opened):
    tab = analysed(opened, "sketch")
    expect(tab.locator("#measure")).to_have_text("change of the prediction")
    expect(tab.locator("#rows th")).to_have_count(2)
    assert set(tab.locator("#rows th").all_inner_texts()) == {"OUT07", "OUT08"}
    figures = [float(text) for text in tab.locator("#rows td:nth-child(2)").all_inner_texts()]
    assert figures == sorted(figures, reverse=True)
    assert figures[-1] > 0
    expect(tab.locator("#stage")).to_be_hidden()
    expect(tab.locator("#about")).to_contain_text("calls of the model")


def test_a_gradient_shows_which_way_the_blocks_move_its_objective(opened):
    tab = analysed(opened, "gradient", aims="green")
    expect(tab.locator("#measure")).to_have_text(re.compile("^green"))
    expect(tab.locator("effect-chart[kind=bars] .bar")).to_have_count(2)
    texts = tab.locator("#rows td:nth-child(2)").all_inner_texts()
    figures = [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts]
    assert all(figures)
    assert [abs(each) for each in figures] == sorted(map(abs, figures), reverse=True)
