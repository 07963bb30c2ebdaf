"""Bake & publish in a real browser: from the preview to a verified file with a cover, with reloads in between."""

from __future__ import annotations

import pytest
import tuned
from playwright.sync_api import expect

from blockweight.lora.header import read_header
from blockweight.lora.metadata import read_covers
from browser import drawn, tab_of


@pytest.fixture(scope="module")
def publishing(server):
    """A project of rendered pictures in the studio: the server, the project's address and folder."""
    address, folder = tuned.make_for(server.folder, "publish", weights=tuned.MINE)
    with tuned.open_project(folder) as tuning:
        tuned.compared(tuning)
    return server, f"{server.url}{address}/bake", folder


@pytest.fixture
def page(browser):
    with tab_of(browser) as made:
        made.said = []
        made.on("console", lambda message: made.said.append(message.text))
        made.on("pageerror", lambda error: made.said.append(str(error)))
        yield made
        assert made.said == []


def test_a_lora_is_baked_verified_and_given_a_name_and_a_cover(page, publishing):
    _, address, folder = publishing
    page.goto(address)
    page.get_by_label("New file").fill("published.safetensors")
    page.get_by_role("button", name="Bake and verify").click()
    page.wait_for_url("**/bake/reports/*")
    expect(page.locator("h1")).to_have_text("Baked and verified")
    page.reload()
    expect(page.get_by_text("Every module’s change is weight × the original’s")).to_be_visible()
    page.get_by_role("link", name="Name, cover and other metadata").click()
    page.get_by_label("Name", exact=True).fill("ゴブ姫")
    page.get_by_label("picture 2", exact=True).check(force=True)
    box = page.get_by_role("group", name="Part for the cover")
    box.wait_for()
    crop = page.locator("[name=crop]")
    expect(crop).to_have_value("16,0,32,48")
    page.locator(".cc-size").fill("50")
    box.focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("+")
    expect(crop).to_have_value("17,11,17,25")
    drawn(page)
    frame = page.locator(".cc-frame").bounding_box()
    at = page.locator(".cc-box").bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] + 200, frame["y"] + frame["height"] + 200)
    page.mouse.up()
    expect(crop).to_have_value("47,23,17,25")
    page.get_by_role("button", name="Show what would change").click()
    page.wait_for_selector("#difference")
    expect(page.locator(".diff")).to_contain_text("+ ssmd_display_name: ゴブ姫")
    expect(crop).to_have_value("47,23,17,25")
    page.get_by_role("button", name="Write it into the file").click()
    page.wait_for_url("**/metadata/*done=written")
    written = read_header(folder / "published.safetensors").metadata
    (cover,) = read_covers(written)
    assert (written["ssmd_display_name"], cover.width, cover.height) == ("ゴブ姫", 17, 25)
    page.get_by_role("button", name="Take the latest edit back").click()
    page.wait_for_url("**/metadata/*done=undone")
    assert "ssmd_display_name" not in read_header(folder / "published.safetensors").metadata


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180)])
@pytest.mark.parametrize("path", ["", "/metadata/original"])
def test_every_control_is_named_and_the_page_fits(page, publishing, path, width, height):
    _, address, _ = publishing
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address + path)
    page.wait_for_load_state("networkidle")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            "a, button, input:not([type=hidden]), select, textarea, summary, [role=group]")]
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    twice = page.evaluate("() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);"
                          " return ids.filter((id, at) => ids.indexOf(id) !== at); }")  # fmt: skip
    assert twice == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").count() == 1
