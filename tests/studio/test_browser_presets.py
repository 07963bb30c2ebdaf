"""Presets and hints in a real browser: dragging, the keyboard, bad text."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from studio_server import Server

from browser import drawn, tab_of


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    """A studio whose book and hints these tests change."""
    with Server.started(tmp_path_factory.mktemp("presets")) as running:
        yield running


@pytest.fixture
def page(browser, own_server):
    with tab_of(browser) as made:
        made.goto(f"{own_server.url}presets")
        yield made


def names(page, kind="book"):
    return page.locator(f"[data-kind={kind}] .shelf-row[data-name]").evaluate_all(
        "(rows) => rows.map((row) => row.dataset.name)"
    )


@pytest.mark.parametrize("kind", ["book", "hints"])
def test_a_row_is_dragged_by_its_handle_to_another_place(page, kind):
    before = names(page, kind)
    row = page.locator(f"[data-kind={kind}] .shelf-row[data-name]")
    row.nth(3).locator(".handle").drag_to(row.nth(1), target_position={"x": 20, "y": 2})
    page.wait_for_url("**/presets?*done=move*")
    assert names(page, kind) == [before[0], before[3], *before[1:3], *before[4:]]


def test_rows_are_moved_by_keyboard_and_the_focus_stays_with_them(page):
    before = names(page)
    page.get_by_role("button", name=f"Move {before[2]} up", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**by=up*")
    assert names(page)[:3] == [before[0], before[2], before[1]]
    expect(page.get_by_role("button", name=f"Move {before[2]} up", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("name => document.querySelector('.shelf-row').dataset.name === name", arg=before[2])
    expect(page.get_by_role("button", name=f"Move {before[2]} down", exact=True)).to_be_focused()


def test_bad_text_is_shown_as_bad_with_its_reason_and_nothing_is_lost(page):
    row = page.locator("[data-kind=hints] .shelf-row").first
    row.get_by_text("Edit").click()
    row.locator("[name=weights]").fill("1,0,zero")
    row.get_by_role("button", name="Save").click()
    field = page.locator("textarea[aria-invalid]")
    expect(field).to_have_value("1,0,zero")
    expect(field).to_be_visible()
    expect(page.locator(".error[role=alert]")).to_have_text(re.compile("^No layout has 3 block weights"))


def test_a_removed_row_is_put_back(page):
    before = names(page)
    page.get_by_role("button", name=f"Remove {before[4]}", exact=True).click()
    page.get_by_role("button", name="Put it back").click()
    page.wait_for_url("**done=add*")
    assert names(page) == before


def test_dragging_breaks_no_policy(page):
    said = []
    page.on("console", lambda message: said.append(message.text))
    row = page.locator("[data-kind=book] .shelf-row[data-name]")
    row.nth(0).locator(".handle").drag_to(row.nth(2), target_position={"x": 20, "y": 60})
    page.wait_for_url("**/presets?*done=move*")
    drawn(page)
    assert said == []
