"""Tuning in a real browser: rounds decided by keys, nothing lost whatever stops, and the grid's eyes."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import expect
from project_pages import Opened, config_of, make_project

from blockweight.project import Choice
from blockweight.render import FakeRenderer
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.tuning import fix, set_blocks
from blockweight.workflow.tuning_rounds import plan_round, render_round, round_cost
from browser import drawn, tab_of


@pytest.fixture
def opened(server, browser, request, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    with make_project(server, request.node.name) as tuning, tab_of(browser) as tab:
        yield Opened(server, tuning, tab)


@pytest.fixture
def round_(opened):
    """A project whose round is rendered, on its page."""
    plan_round(opened.tuning, "Sub", 0.5)
    render_round(opened.tuning, FakeRenderer, SilentProgress())
    opened.show("tune")
    expect(opened.tab.locator(".pg-cell.ready")).to_have_count(10)
    return opened


def focused(tab, label):
    """What has the focus is named so, at its beginning."""
    tab.wait_for_function("(label) => document.activeElement.getAttribute('aria-label')?.startsWith(label)", arg=label)


def choices(state):
    return dict(state.round.choices)


def enter(tab, label):
    """Put the focus on a cell."""
    tab.get_by_role("gridcell", name=label).first.click()


def test_a_round_is_planned_with_its_cost_said_and_rendered_before_ones_eyes(opened):
    opened.show("tune")
    tab = opened.tab
    expect(tab.get_by_text("No round is open")).to_be_visible()
    expect(tab.locator("#cost")).to_have_text(re.compile("^10 pictures"))
    tab.get_by_label("AddSub", exact=True).check()
    expect(tab.locator("#cost")).to_have_text(re.compile("^16 pictures"))
    tab.get_by_role("button", name="Render round").click()
    tab.wait_for_selector("job-progress progress", state="attached")
    expect(tab.locator(".pg-cell.ready")).to_have_count(16)
    focused(tab, "IN01 → 1.5, 1girl, seed 1")


def test_one_key_decides_and_goes_on_to_the_next(round_):
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("Enter")
    focused(round_.tab, "IN02 → 0.5")
    round_.tab.keyboard.press("x")
    focused(round_.tab, "IN03 → 0.5")
    round_.until(lambda state: choices(state) == {"SubIN01_0.5": Choice.ACCEPT, "SubIN02_0.5": Choice.REJECT})
    state = round_.tuning.state()
    assert {"IN01", "IN02"} <= set(state.fixed)
    assert (state.weights.weight("IN01"), state.weights.weight("IN02")) == (0.5, 1.0)
    expect(round_.tab.get_by_label("IN01 weight")).to_have_value("0.5")
    expect(round_.tab.locator("#counts")).to_have_text("1 accepted, 1 rejected, 1 to decide")


def test_the_same_key_again_takes_the_decision_back(round_):
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("Enter")
    round_.until(lambda state: choices(state) == {"SubIN01_0.5": Choice.ACCEPT})
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("Enter")
    round_.until(lambda state: not choices(state) and "IN01" not in state.fixed)


def test_u_undoes_and_r_does_again(round_):
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("x")
    round_.until(choices)
    round_.tab.keyboard.press("u")
    round_.until(lambda state: not choices(state))
    expect(round_.tab.locator("#counts")).to_have_text(re.compile("3 to decide$"))
    round_.tab.keyboard.press("r")
    round_.until(choices)


def test_undo_goes_back_to_the_variant_whose_decision_it_takes_back(round_):
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("x")
    round_.until(choices)
    focused(round_.tab, "IN02 → 0.5")
    round_.tab.keyboard.press("u")
    focused(round_.tab, "IN01 → 0.5, 1girl, seed 1")
    expect(round_.tab.get_by_role("gridcell", name="IN01 → 0.5, 1girl, seed 1", exact=True)).to_be_focused()


def test_a_rejected_picture_is_dimmed_and_shows_nothing_of_the_current_one(round_):
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("d")
    round_.tab.keyboard.press("d")
    round_.tab.keyboard.press("x")
    cell = round_.tab.get_by_role("gridcell", name="IN01 → 0.5, 1girl, seed 1, rejected")
    cell.wait_for()
    expect(cell.locator(".pg-other")).to_have_css("opacity", "0")
    expect(cell.locator(".pg-frame")).to_have_css("opacity", "0.32")


def test_when_every_block_is_fixed_the_page_leads_on_to_baking(round_):
    tab = round_.tab
    enter(tab, "IN01 → 0.5")
    for _ in range(3):
        tab.keyboard.press("x")
    tab.get_by_text("Every block is fixed: finish the round.").wait_for()
    expect(tab.locator("#render")).to_be_disabled()
    tab.get_by_role("button", name="Finish the round").click()
    tab.get_by_role("heading", name="Every block is fixed").wait_for()
    expect(tab.get_by_text("No round is open")).to_be_hidden()
    expect(tab.locator("#all-fixed").get_by_role("link", name="Bake")).to_have_attribute("href", re.compile("/bake$"))
    tab.get_by_label("Fix IN01").uncheck(force=True)
    tab.get_by_text("No round is open").wait_for()


def test_a_round_is_decided_before_it_is_complete(opened):
    plan_round(opened.tuning, "Sub", 0.5)
    opened.show("tune")
    enter(opened.tab, "IN02 → 0.5")
    opened.tab.keyboard.press("Enter")
    opened.until(lambda state: choices(state) == {"SubIN02_0.5": Choice.ACCEPT})
    assert round_cost(opened.tuning).finished == 0


def test_what_is_decided_while_the_server_is_dead_outlives_a_reload_and_is_sent_when_it_is_back(round_):
    tab = round_.tab
    enter(tab, "IN01 → 0.5")
    round_.server.kill()
    tab.keyboard.press("Enter")
    tab.keyboard.press("x")
    tab.wait_for_selector("#saved.offline")
    expect(tab.locator("#counts")).to_have_text("1 accepted, 1 rejected, 1 to decide")
    assert not choices(round_.tuning.state())
    round_.server.again()
    tab.reload()
    round_.until(lambda state: choices(state) == {"SubIN01_0.5": Choice.ACCEPT, "SubIN02_0.5": Choice.REJECT})
    tab.wait_for_selector("#saved:not(.offline)", state="attached")


@pytest.fixture
def begun(server, browser, request, monkeypatch):
    """A project whose round of 36 pictures is being rendered, on its page."""
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    with make_project(server, request.node.name, free="IN01-IN08") as tuning, tab_of(browser) as tab:
        plan_round(tuning, "AddSub", 0.5)
        opened = Opened(server, tuning, tab)
        opened.show("tune")
        rest(opened).click()
        yield opened


def rest(opened):
    return opened.tab.get_by_role("button", name="Render the rest")


def complete(opened):
    """Wait until the whole round is rendered."""
    opened.until(lambda _: round_cost(opened.tuning).finished == 36)


def test_a_server_killed_while_it_renders_goes_on_where_it_was(begun):
    with begun.midway(3):
        begun.server.kill()
    begun.tab.wait_for_selector("#gone:visible")
    begun.server.again()
    begun.tab.wait_for_selector("#gone", state="hidden")
    rest(begun).click()
    complete(begun)
    told = [event.body["job"] for event in begun.tuning.project.log.read("rendered") if event.body["seconds"]]
    assert len(told) == len(set(told))


def test_a_renderer_that_dies_is_said_and_the_page_lives(begun):
    with begun.midway():
        for pid in begun.server.renderers():
            os.kill(pid, signal.SIGKILL)
    begun.tab.get_by_text("every finished picture is kept").wait_for()
    rest(begun).click()
    complete(begun)


def test_a_paused_round_goes_on(begun):
    with begun.midway():
        begun.tab.get_by_role("button", name="Pause").click()
        expect(begun.tab.get_by_role("button", name="Pause")).to_be_disabled()
    rest(begun).wait_for()
    assert round_cost(begun.tuning).finished < 36
    rest(begun).click()
    complete(begun)


def test_two_tabs_and_a_terminal_stay_in_step(round_, browser):
    with tab_of(browser) as second:
        round_.show("tune", second)
        enter(round_.tab, "IN01 → 0.5")
        round_.tab.keyboard.press("Enter")
        second.get_by_role("gridcell", name=re.compile(r"IN01 → 0.5, .*accepted")).first.wait_for()
    set_blocks(round_.tuning, "M00", "0.25")
    expect(round_.tab.get_by_label("M00 weight")).to_have_value("0.25")


def test_a_typed_weight_is_the_projects_and_a_bad_one_is_shown_as_bad(opened):
    opened.show("tune")
    tab = opened.tab
    tab.get_by_label("IN05 weight").fill("-0.75")
    tab.keyboard.press("Enter")
    opened.until(lambda state: state.weights.weight("IN05") == -0.75)
    tab.get_by_label("IN06 weight").fill("one")
    tab.keyboard.press("Tab")
    tab.wait_for_selector("[aria-label='IN06 weight'][aria-invalid=true]")
    expect(tab.get_by_label("IN06 weight")).to_have_value("one")
    expect(tab.locator("#problem")).to_contain_text("not a number")
    assert opened.tuning.state().weights.weight("IN06") == 1.0


def test_what_is_being_typed_while_news_come_in_is_not_lost(opened):
    opened.show("tune")
    tab = opened.tab
    tab.get_by_label("IN06 weight").fill("0.3")
    set_blocks(opened.tuning, "IN05", "0.25")
    expect(tab.get_by_label("IN05 weight")).to_have_value("0.25")
    tab.keyboard.press("Tab")
    opened.until(lambda state: state.weights.weight("IN06") == 0.3)


def test_weights_in_any_notation_are_taken_as_text(opened):
    opened.show("tune")
    opened.tab.locator("#twin").fill("<lora:x:1:lbw=NONE>")
    opened.tab.keyboard.press("Enter")
    opened.until(lambda state: set(state.weights.values) == {0.0})
    expect(opened.tab.locator("#twin")).to_have_value(re.compile("^NONE:0,0"))
    opened.tab.locator("#twin").fill("1,2,3")
    opened.tab.keyboard.press("Enter")
    opened.tab.wait_for_selector("#twin[aria-invalid=true]")
    expect(opened.tab.locator("#twin")).to_have_value("1,2,3")


def test_fix_boxes_fix_and_free(opened):
    opened.show("tune")
    opened.tab.get_by_label("Fix IN01", exact=True).check(force=True)
    opened.until(lambda state: "IN01" in state.fixed)
    opened.tab.get_by_label("Fix BASE", exact=True).uncheck(force=True)
    opened.until(lambda state: "BASE" not in state.fixed)


def test_space_flips_to_the_current_weights_while_it_is_held(round_):
    enter(round_.tab, "IN01 → 0.5")
    cell = round_.tab.get_by_role("gridcell", name="IN01 → 0.5").first
    other, own = cell.locator(".pg-other"), cell.locator(".pg-own")
    reference = round_.tab.get_by_role("gridcell", name="current").first.locator(".pg-own")
    expect(reference).to_have_attribute("src", re.compile("."))
    expect(other).to_have_attribute("src", reference.get_attribute("src"))
    expect(own).not_to_have_attribute("src", reference.get_attribute("src"))
    expect(other).to_have_css("opacity", "0")
    round_.tab.keyboard.down(" ")
    expect(other).to_have_css("opacity", "1")
    round_.tab.keyboard.up(" ")
    expect(other).to_have_css("opacity", "0")


def kept(tab, **values):
    """Wait until the tab keeps these facts of the grid, as it does once nobody has moved for a moment."""
    tab.wait_for_function(
        """(values) => {
          const found = JSON.parse(sessionStorage.getItem(`blockweight:grid:${location.pathname}`));
          return found && Object.entries(values).every(([name, value]) => found[name] === value);
        }""",
        arg=values,
    )


def test_zoom_and_pan_are_those_of_all_pictures_and_outlive_a_reload(round_):
    tab = round_.tab
    enter(tab, "IN03 → 0.5")
    tab.keyboard.press("z")
    tab.keyboard.press("d")
    moved = "() => [...document.querySelectorAll('.pg-table .pg-own')].map((each) => getComputedStyle(each).transform)"
    assert len(set(tab.evaluate(moved))) == 1
    assert tab.evaluate(moved)[0].startswith("matrix(3,")
    kept(tab, column=4, zoom=3, difference=True)
    tab.reload()
    tab.wait_for_selector("html.scripted")
    tab.locator(".pg-table .pg-own").first.wait_for(state="attached")
    assert tab.evaluate(moved)[0].startswith("matrix(3,")
    expect(tab.locator("picture-grid.difference")).to_have_count(1)
    focused(tab, "IN03 → 0.5")


def test_the_buttons_tell_that_differences_are_shown_also_after_a_reload(round_):
    tab = round_.tab
    enter(tab, "IN03 → 0.5")
    button = tab.locator(".stage-keys [data-key=d]")
    tab.keyboard.press("d")
    expect(button).to_have_attribute("aria-pressed", "true")
    kept(tab, difference=True)
    tab.reload()
    tab.wait_for_selector("html.scripted")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_the_loupe_shows_the_cell_beside_the_current_weights_while_keys_go_on(round_):
    enter(round_.tab, "IN01 → 0.5")
    round_.tab.keyboard.press("l")
    captions = round_.tab.locator("picture-loupe figcaption")
    expect(captions).to_have_text(["current", "IN01 → 0.5"])
    round_.tab.keyboard.press("x")
    expect(captions).to_have_text(["current", "IN02 → 0.5"])
    round_.tab.keyboard.press("Escape")
    expect(round_.tab.locator("picture-loupe")).to_be_hidden()
    round_.until(lambda state: choices(state) == {"SubIN01_0.5": Choice.REJECT})


def test_the_loupe_tells_what_was_decided_and_has_its_keys(round_):
    tab = round_.tab
    enter(tab, "IN01 → 0.5")
    for key in ("l", "Enter", "ArrowLeft"):
        tab.keyboard.press(key)
    caption = tab.locator(".loupe-right figcaption")
    expect(caption).to_have_text("IN01 → 0.5 ✓ accepted")
    tab.locator("picture-loupe [data-key=x]").click()
    round_.until(lambda state: choices(state) == {"SubIN01_0.5": Choice.REJECT})
    tab.keyboard.press("ArrowLeft")
    expect(caption).to_have_text("IN01 → 0.5 ✕ rejected")
    fix(round_.tuning, "IN02")
    tab.keyboard.press("ArrowRight")
    expect(caption).to_have_text("IN02 → 0.5 ■ fixed")


def test_only_pictures_near_the_view_are_loaded(server, browser, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    prompts = tuple(f"scene {number}" for number in range(5))
    with make_project(server, "large", prompts, free="") as tuning, tab_of(browser) as tab:
        plan_round(tuning, "Sub", 0.5)
        render_round(tuning, FakeRenderer, SilentProgress())
        Opened(server, tuning, tab).show("tune")
        loaded = "() => document.querySelectorAll('.pg-own[src]').length"
        tab.wait_for_function("() => document.querySelectorAll('.pg-own[src]').length > 10")
        expect(tab.locator(".pg-cell.ready")).to_have_count(280)
        drawn(tab)
        assert tab.evaluate(loaded) < 140
        tab.locator(".pg-scroll").evaluate("each => each.scrollTo(each.scrollWidth, each.scrollHeight)")
        tab.wait_for_function("() => document.querySelector('.pg-row:last-child .pg-cell:last-child .pg-own[src]')")
        drawn(tab)
        assert tab.evaluate(loaded) < 140


def test_the_history_brings_any_point_back(round_):
    tab = round_.tab
    enter(tab, "IN01 → 0.5")
    tab.keyboard.press("Enter")
    round_.until(choices)
    tab.locator(".step", has_text="accept SubIN01_0.5").wait_for(state="attached")
    tab.get_by_text("Every step").click()
    tab.get_by_role("button", name="plan Sub by 0.5").click()
    round_.until(lambda state: not choices(state))
    tab.get_by_role("button", name="accept SubIN01_0.5").click()
    round_.until(choices)


def test_markup_in_a_prompt_is_text(server, browser, monkeypatch):
    monkeypatch.setenv(CONFIG, str(config_of(server)))
    prompt = "</script><script>document.title='run'</script><b>bold</b>"
    with make_project(server, "markup", (prompt,)) as tuning, tab_of(browser) as tab:
        plan_round(tuning, "Sub", 0.5)
        Opened(server, tuning, tab).show("tune")
        expect(tab.locator(".pg-prompt").first).to_have_text(prompt)
        drawn(tab)
        assert tab.title().startswith("Tune")


def test_the_page_breaks_no_policy_and_asks_nobody_else(round_):
    said, foreign = [], []
    round_.tab.on("console", lambda message: said.append(message.text))
    round_.tab.on("pageerror", lambda error: said.append(str(error)))
    round_.tab.on("request", lambda request: foreign.append(request.url))
    round_.show("tune")
    enter(round_.tab, "IN01 → 0.5")
    for key in ("Enter", "d", "z", "l", "Escape", "?"):
        round_.tab.keyboard.press(key)
    round_.until(choices)
    drawn(round_.tab)
    assert said == []
    assert all(url.startswith(round_.server.url) for url in foreign)
