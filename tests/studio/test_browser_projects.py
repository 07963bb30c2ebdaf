"""The way into the studio in a real browser: a new project from an infotext, the demo, an import, two tabs in step."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser import drawn, tab_of
from infotexts import TUTORIAL

INFOTEXT = """\
1girl, gobuhime, red dress <lora:princess:0.8>
Negative prompt: blurry
Steps: 12, Sampler: Euler a, CFG scale: 5, Seed: 7, Size: 64x64, Clip skip: 2"""


@pytest.fixture
def page(browser):
    said = []
    with tab_of(browser) as made:
        made.on("console", lambda message: said.append(message.text))
        made.on("pageerror", lambda error: said.append(str(error)))
        yield made
    assert said == []


@pytest.fixture
def place(page, server):
    """A project made by hand: a pasted infotext, the embedded model, a name."""
    page.goto(f"{server.url}projects/new")
    page.evaluate(
        """(text) => {
          const field = document.getElementById("infotext");
          field.value = text;
          field.dispatchEvent(new ClipboardEvent("paste", {bubbles: true}));
        }""",
        INFOTEXT,
    )
    page.wait_for_selector("#notes li")
    return page


def test_a_pasted_infotext_becomes_a_project(place):
    page = place
    expect(page.locator("#prompts")).to_have_value("1girl, gobuhime, red dress")
    expect(page.locator("#lora option:checked")).to_have_text(re.compile("^princess.safetensors"))
    expect(page.locator("#strength")).to_have_value("0.8")
    expect(page.locator("#sampler")).to_have_value("Euler a")
    expect(page.locator("#clip_skip")).to_have_value("2")
    expect(page.locator("#notes")).to_contain_text("choose the noise NV")
    page.locator("#model").select_option(index=1)
    page.locator("#name").fill("From a picture")
    page.locator("#name").press("Enter")
    page.wait_for_selector("#scenes")
    expect(page.locator("h1")).to_have_text("From a picture")
    expect(page.locator(".scene-prompt")).to_have_text("1girl, gobuhime, red dress")
    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="From a picture").click()
    page.wait_for_selector("#scenes")


def test_the_demo_is_one_click_and_its_round_can_be_rendered(page, server):
    page.goto(server.url)
    page.get_by_role("button", name="Try it now").click()
    page.wait_for_url("**/analyse")
    page.get_by_role("link", name="Tune", exact=True).click()
    expect(page.locator("#cost")).to_contain_text("84 pictures")


def test_an_exported_project_is_imported_by_its_zip(page, server, tmp_path):
    page.goto(server.url)
    page.get_by_role("button", name="Try it now").click()
    page.wait_for_url("**/analyse")
    page.get_by_role("link", name="Project", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as zip").click()
    file = tmp_path / "brought.zip"
    download.value.save_as(file)
    page.get_by_role("link", name="Home").click()
    page.locator("project-import input").set_input_files(file)
    page.wait_for_selector("#scenes")
    expect(page.locator(".folder code")).to_have_text(re.compile("brought$"))


def test_a_change_in_another_tab_is_shown(page, server):
    page.goto(server.url)
    page.get_by_role("button", name="Try it now").click()
    page.wait_for_url("**/analyse")
    page.get_by_role("link", name="Project", exact=True).click()
    page.wait_for_selector("#scenes")
    other = page.context.new_page()
    other.goto(page.url)
    count = page.locator(".scene-list > li").count()
    other.get_by_text("Add scenes…").click()
    other.get_by_role("button", name="Add", exact=True).click()
    expect(other.locator(".scene-list > li")).to_have_count(count + 1)
    expect(page.locator(".scene-list > li")).to_have_count(count + 1)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180), (620, 900)])
def test_the_project_page_fits_and_every_control_has_a_name(page, server, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(server.url)
    page.get_by_role("button", name="Try it now").click()
    page.wait_for_url("**/analyse")
    page.get_by_role("link", name="Project", exact=True).click()
    page.wait_for_selector("#scenes")
    for each in page.locator("details").all():
        each.evaluate("(details) => { details.open = true; }")
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
          .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    twice = page.evaluate("() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);"
                          " return ids.filter((id, at) => ids.indexOf(id) !== at); }")  # fmt: skip
    assert twice == []


def test_a_picture_that_is_dropped_fills_the_form(page, server, tmp_path):
    from PIL import Image, PngImagePlugin  # noqa: PLC0415

    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", TUTORIAL)
    Image.new("RGB", (8, 8)).save(tmp_path / "girl.png", pnginfo=info)
    page.goto(f"{server.url}projects/new")
    page.locator("picture-drop input").set_input_files(tmp_path / "girl.png")
    expect(page.locator("#steps")).to_have_value("25")
    expect(page.locator("#clip_skip")).to_be_visible()
    expect(page.locator("#hires_upscaler")).to_have_value("Latent (nearest-exact)")
    page.locator("#notes li").nth(1).wait_for()
