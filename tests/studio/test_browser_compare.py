"""The Compare page in a real browser: from the list of variants to revealed votes, by keyboard."""

from __future__ import annotations

import pytest
import tuned


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
    made = context.new_page()
    made.said = []
    made.on("console", lambda message: made.said.append(message.text))
    made.on("pageerror", lambda error: made.said.append(str(error)))
    made.on("dialog", lambda dialog: (made.said.append("dialog"), dialog.dismiss()))
    yield made
    assert made.said == []
    context.close()


def test_any_weights_are_compared_and_voted_on_blind_by_keyboard(page, server):
    address, _ = tuned.make_for(server.folder, "votes")
    page.goto(f"{server.url}{address}/compare")
    assert page.get_by_text("Nothing is compared yet").is_visible()
    for choice in ("no LoRA", "ALL", "INS"):
        page.locator("#add").select_option(choice)
    page.locator("#typed").fill("1,2")
    page.locator("#typed").press("Enter")
    page.wait_for_selector("#variants .error")
    page.get_by_role("button", name="Leave out 1,2").click()
    page.wait_for_function("() => document.querySelector('#cost').textContent.startsWith('6 pictures')")
    page.get_by_label("Blind:").check()
    page.locator("#begin:enabled").click()
    page.wait_for_function("() => document.querySelectorAll('.pg-cell.ready').length === 6", timeout=60_000)
    assert page.locator(".pg-head").all_inner_texts() == ["1", "2", "3"]
    page.keyboard.press("2")
    page.wait_for_function("() => document.querySelector('#asks').textContent.includes('Row 2')")
    page.keyboard.press("0")
    page.wait_for_function("() => document.querySelector('#voted').textContent.startsWith('2 of 2')")
    page.keyboard.press("u")
    page.wait_for_function("() => document.querySelector('#voted').textContent.startsWith('1 of 2')")
    page.wait_for_function("() => document.querySelector('#saved').textContent === 'Saved'")
    page.reload()
    page.wait_for_function("() => document.querySelector('#voted').textContent.startsWith('1 of 2')")
    assert page.locator(".pg-cell[data-vote=best]").get_attribute("data-column") == "1"
    page.get_by_role("button", name="Reveal and count").click()
    page.wait_for_selector("#results:visible")
    assert page.locator(".pg-head").all_inner_texts() == ["no LoRA", "current", "INS"]
    assert page.locator("#counts tr").count() == 3
    assert "Too few votes" in page.locator("#verdict").inner_text()


def test_the_usual_variants_are_chosen_with_one_click(page, server):
    address, _ = tuned.make_for(server.folder, "usual")
    page.goto(f"{server.url}{address}/compare")
    page.get_by_role("button", name="No LoRA and the current weights").click()
    page.wait_for_function("() => document.querySelectorAll('#variants li').length === 2")
    page.locator("#begin:enabled").wait_for()
    assert page.evaluate("document.activeElement.id") == "add"


def test_the_edge_between_two_pictures_moves_by_keys_and_by_pointer(page, server):
    address, folder = tuned.make_for(server.folder, "wipe")
    with tuned.open_project(folder) as tuning:
        tuned.compared(tuning)
    page.goto(f"{server.url}{address}/compare")
    page.wait_for_function("() => document.querySelectorAll('.pg-cell.ready').length === 6")
    page.keyboard.press("End")
    page.keyboard.press("w")
    edge = page.get_by_role("slider", name="How much of the left picture is shown, in percent")
    assert edge.get_attribute("aria-valuenow") == "50"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    assert edge.get_attribute("aria-valuenow") == "59"
    page.keyboard.press("ArrowDown")
    assert page.locator("#wipe-row").input_value() == "1"
    box = page.locator(".wipe-frame").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + 20)
    assert edge.get_attribute("aria-valuenow") == "25"
    assert page.locator(".wipe-name").all_inner_texts() == ["current", "Mine"]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.row") == "1"


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180)])
def test_every_control_is_named_and_the_page_fits(page, server, width, height):
    address, folder = tuned.make_for(server.folder, f"named-{width}", name=tuned.ODD)
    with tuned.open_project(folder) as tuning:
        tuned.compared(tuning, "no LoRA", "ALL", tuned.MINE.replace("Mine", tuned.ODD), blind=True)
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}{address}/compare")
    page.wait_for_function("() => document.querySelectorAll('.pg-cell.ready').length === 6")
    page.locator("#new summary").click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            "a, button, input:not([type=hidden]), select, textarea, [role=group], [role=slider]")]
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1
