"""The Search pages in a real browser: a search from its cost to its choices, rounds judged by key, a plane by click."""

from __future__ import annotations

import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from project_pages import Opened, config_of, make_project

from blockweight.workflow.choosing.asking import ChoosingAsked
from blockweight.workflow.choosing.running import begin_choosing
from blockweight.workflow.config_folder import CONFIG
from browser import tab_of

BY_HAND = "a=IN01;b=IN02;c=IN03"


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


def test_a_search_says_its_cost_runs_and_a_choice_is_taken(opened):
    opened.show("search")
    tab = opened.tab
    expect(tab.locator("#cost.error")).to_be_visible()
    tab.get_by_label("What to search for").fill("lower saturation")
    tab.get_by_label("Segments").fill("a=IN02;b=IN03")
    tab.get_by_label("Budget").fill("60pictures")
    tab.get_by_text("Scenes held out", exact=True).click()
    tab.get_by_label("Or these further seeds").fill("11,12")
    tab.get_by_label("Or these further seeds").blur()
    expect(tab.locator("#cost")).to_contain_text("at most")
    tab.locator("#begin:enabled").click()
    expect(tab.get_by_role("heading", name="The choices")).to_be_visible()
    expect(tab.locator("#begun")).to_be_hidden()
    tab.get_by_role("button", name="Take choice 1").click()
    tab.wait_for_url("**/tune")
    assert opened.tuning.state().undo.body["search"]


def test_objectives_are_added_files_kept_and_a_range_chosen_by_typing_in_it(opened, tmp_path):
    opened.show("search")
    tab, command = opened.tab, opened.tab.locator("#terminal pre")
    (tmp_path / "target.txt").write_text("no picture")
    Image.new("RGB", (32, 24), "red").save(tmp_path / "target.png")
    tab.get_by_label("Segments").fill("a=IN02;b=IN03")
    tab.get_by_label("What to search for").fill("raise kept")
    tab.get_by_text("What there is to search for", exact=True).click()
    tab.get_by_role("button", name="Add likeness").click()
    expect(tab.get_by_label("What to search for")).to_have_value("raise kept, likeness")
    tab.get_by_text("Scenes held out", exact=True).click()
    tab.get_by_label("Or these further seeds").fill("11,12")
    tab.get_by_text("Pictures to come near").click()
    tab.get_by_label("Target").set_input_files(tmp_path / "target.txt")
    expect(tab.locator("#problem")).to_contain_text("no picture that can be read")
    tab.get_by_label("Target").set_input_files(tmp_path / "target.png")
    expect(command).to_contain_text("--target targets/")
    expect(tab.locator("#problem")).to_be_hidden()
    tab.get_by_label("The highest weight").fill("1.5")
    tab.get_by_label("The highest weight").blur()
    expect(command).to_contain_text("--between 0 1.5")
    tab.locator("#begin:enabled").click()
    opened.until(lambda state: state.searches and state.searches[0].limits == (0, 1.5))


def test_rounds_are_judged_by_key_undone_and_the_best_is_taken(opened):
    opened.show("search/choose")
    tab = opened.tab
    expect(tab.locator("#cost.error")).to_be_visible()
    tab.get_by_label("Segments").fill(BY_HAND)
    tab.get_by_label("Segments").blur()
    tab.locator("#begin:enabled").click()
    expect(tab.locator("#asks")).to_have_text("Which is the best, and which the worst?")
    expect(tab.locator("#pictures img")).to_have_count(8)
    tab.keyboard.press("2")
    tab.keyboard.press("Shift+4")
    expect(tab.locator("#asks")).to_have_text("Best: B, worst: D. Enter goes on.")
    tab.keyboard.press("Enter")
    expect(tab.locator("#round")).to_have_text("Round 2")
    expect(tab.get_by_role("heading", name="The best so far")).to_be_visible()
    expect(tab.locator("#same")).to_be_enabled()
    held = []

    def hold(route):
        held.append(route)

    tab.route("**/render", hold, times=1)
    with tab.expect_request("**/render"):
        tab.keyboard.press("0")
    expect(tab.locator("#round")).to_have_text("Round 3")
    expect(tab.locator("#undo")).to_be_enabled()
    tab.keyboard.press("Control+z")  # while the step is still at work
    held[0].continue_()
    expect(tab.locator("#round")).to_have_text("Round 2")
    expect(tab.locator("#same")).to_be_enabled()
    assert [(each.best, each.worst) for each in opened.tuning.state().choosing.judged] == [(1, 3)]
    tab.get_by_role("button", name="Take these weights").click()
    tab.wait_for_url("**/tune")


def test_a_cell_of_a_plane_is_picked_with_one_click_and_the_search_ended(opened):
    begin_choosing(opened.tuning, ChoosingAsked(segments=BY_HAND))
    opened.show("search/choose")
    tab = opened.tab
    tab.get_by_role("button", name="A plane of 25").click()
    expect(tab.locator("#asks")).to_have_text("Click the best picture.")
    expect(tab.locator(".plane img")).to_have_count(25)
    tab.get_by_role("button", name="B2 is the best").click()
    expect(tab.locator("#round")).to_have_text("Round 2")
    expect(tab.locator("#same")).to_be_enabled()
    assert opened.tuning.state().choosing.judged[0].best == 6
    tab.get_by_role("button", name="End").click()
    expect(tab.locator("#choices")).to_be_hidden()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_search_pages_do_not_scroll_sideways_and_name_everything(opened, language):
    begin_choosing(opened.tuning, ChoosingAsked(segments=BY_HAND))
    tab = opened.tab
    tab.set_viewport_size({"width": 390, "height": 844})
    opened.show("search")
    tab.locator(f"button[value={language}]").click()
    expect(tab.locator("html")).to_have_attribute("lang", language)
    for page in ("search", "search/choose"):
        opened.show(page)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, page
        nameless = tab.evaluate(
            """() => [...document.querySelectorAll("main a, main button, main input")]
              .filter((each) => each.checkVisibility())
              .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
              .map((each) => each.outerHTML)"""
        )
        assert nameless == []
