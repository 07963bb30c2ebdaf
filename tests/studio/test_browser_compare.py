"""The Compare page in a real browser: from the list of variants to revealed votes, by keyboard."""

from __future__ import annotations

import re

import pytest
import tuned
from playwright.sync_api import expect

from browser import drawn, tab_of


@pytest.fixture
def page(browser):
    with tab_of(browser) as made:
        made.said = []
        made.on("console", lambda message: made.said.append(message.text))
        made.on("pageerror", lambda error: made.said.append(str(error)))
        made.on("dialog", lambda dialog: (made.said.append("dialog"), dialog.dismiss()))
        yield made
        assert made.said == []


def show(page, address):
    """Open a page, and wait until its scripts run."""
    page.goto(address)
    page.wait_for_selector("html.scripted")


def voted(page, text):
    expect(page.locator("#voted")).to_have_text(re.compile(f"^{text}"))


def test_any_weights_are_compared_and_voted_on_blind_by_keyboard(page, server):
    address, _ = tuned.make_for(server.folder, "votes")
    show(page, f"{server.url}{address}/compare")
    expect(page.get_by_text("Nothing is compared yet")).to_be_visible()
    for choice in ("no LoRA", "ALL", "INS"):
        page.locator("#add").select_option(choice)
    page.locator("#typed").fill("1,2")
    page.locator("#typed").press("Enter")
    page.wait_for_selector("#variants .error")
    page.get_by_role("button", name="Leave out 1,2").click()
    expect(page.locator("#cost")).to_have_text(re.compile("^6 pictures"))
    page.get_by_label("Blind:").check()
    page.locator("#begin:enabled").click()
    expect(page.locator(".pg-cell.ready")).to_have_count(6)
    expect(page.locator(".pg-label")).to_have_text(["1", "2", "3"])
    expect(page.locator(".pg-cell").first).to_be_focused()  # once it is begun; then the keys are the votes'
    page.keyboard.press("2")
    expect(page.locator("#asks")).to_contain_text("Row 2")
    page.keyboard.press("0")
    voted(page, "2 of 2")
    page.keyboard.press("u")
    voted(page, "1 of 2")
    expect(page.locator("#saved")).to_have_text("Saved")
    page.reload()
    voted(page, "1 of 2")
    expect(page.locator(".pg-cell[data-vote=best]")).to_have_attribute("data-column", "1")
    page.get_by_role("button", name="Reveal and count").click()
    page.wait_for_selector("#results:visible")
    expect(page.locator(".pg-label")).to_have_text(["no LoRA", "current", "INS"])
    expect(page.locator("#counts tr")).to_have_count(3)
    expect(page.locator("#verdict")).to_contain_text("Too few votes")


def test_the_usual_variants_are_chosen_with_one_click(page, server):
    address, _ = tuned.make_for(server.folder, "usual")
    show(page, f"{server.url}{address}/compare")
    page.get_by_role("button", name="No LoRA and the current weights").click()
    expect(page.locator("#variants li")).to_have_count(2)
    expect(page.locator("#begin")).to_be_enabled()
    expect(page.locator("#add")).to_be_focused()


def test_the_edge_between_two_pictures_moves_by_keys_and_by_pointer(page, server):
    address, folder = tuned.make_for(server.folder, "wipe")
    with tuned.open_project(folder) as tuning:
        tuned.compared(tuning)
    show(page, f"{server.url}{address}/compare")
    expect(page.locator(".pg-cell.ready")).to_have_count(6)
    page.keyboard.press("End")
    page.keyboard.press("w")
    edge = page.get_by_role("slider", name="How much of the left picture is shown, in percent")
    expect(edge).to_have_attribute("aria-valuenow", "50")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    expect(edge).to_have_attribute("aria-valuenow", "59")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#wipe-row")).to_have_value("1")
    drawn(page)
    box = page.locator(".wipe-frame").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + 20)
    expect(edge).to_have_attribute("aria-valuenow", "25")
    expect(page.locator(".wipe-name")).to_have_text(["current", "Mine"])
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.activeElement.dataset.row === '1'")  # a browser tells late of the closing


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180)])
def test_every_control_is_named_and_the_page_fits(page, server, width, height):
    address, folder = tuned.make_for(server.folder, f"named-{width}", name=tuned.ODD)
    with tuned.open_project(folder) as tuning:
        tuned.compared(tuning, "no LoRA", "ALL", tuned.MINE.replace("Mine", tuned.ODD), blind=True)
    page.set_viewport_size({"width": width, "height": height})
    show(page, f"{server.url}{address}/compare")
    expect(page.locator(".pg-cell.ready")).to_have_count(6)
    page.locator("#new summary").click()
    expect(page.locator("#new")).to_have_attribute("open", "")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            "a, button, input:not([type=hidden]), select, textarea, [role=group], [role=slider]")]
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1
