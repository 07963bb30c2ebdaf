"""The pages in a real browser: nothing from elsewhere, names, languages, themes, a server that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from studio_server import Server

from browser import drawn, tab_of
from workshop import WEIGHTS, write_lora_file

PATHS = ["", "projects/new", "weights", "bake", "presets", "settings", "nothing"]


@pytest.fixture
def page(browser):
    with tab_of(browser, color_scheme="light") as made:
        yield made


def lora(server, name="princess"):
    return server.folder / "loras" / f"{name}.safetensors"


@pytest.mark.parametrize("path", PATHS)
def test_no_request_leaves_the_origin_and_the_console_is_silent(page, server, path):
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(server.url + path)
    page.wait_for_load_state("networkidle")
    assert asked
    assert all(url.startswith(server.url) for url in asked)
    assert [text for text in said if "404" not in text] == []


def test_working_on_the_table_breaks_no_policy(page, server):
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{server.url}weights?lora={lora(server)}")
    page.get_by_label("IN04 weight").fill("0.5")
    page.get_by_label("IN04 weight").press("Enter")
    page.locator("select[name=layout]").select_option("sd1-17")
    expect(page.locator("input.weight")).to_have_count(17)
    page.wait_for_selector("#outputs:not(.stale)")
    assert said == []


def test_the_policy_stops_a_script_in_the_markup(page, server):
    page.goto(server.url)
    page.evaluate(
        """() => new Promise((done) => {
          const image = document.createElement("img");
          image.setAttribute("onerror", "window.broken = true");
          image.addEventListener("error", done);
          image.src = "/nothing.png";
          document.body.append(image);
        })"""
    )
    drawn(page)
    assert page.evaluate("window.broken") is None


@pytest.mark.parametrize("path", [*PATHS, "bake?lora=LORA", "weights?lora=LORA"])
def test_every_control_has_a_name_and_no_name_is_given_twice(page, server, path):
    page.goto(server.url + path.replace("LORA", str(lora(server))))
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
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1


@pytest.mark.parametrize("path", PATHS)
def test_the_first_tab_leads_to_the_content(page, server, path):
    page.goto(server.url + path)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1024, 768), (820, 1180)])
@pytest.mark.parametrize("path", [*PATHS, "weights?layout=flux1-61", "bake?lora=LORA"])
def test_a_page_fits_a_small_screen_and_a_tablet(page, server, path, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(server.url + path.replace("LORA", str(lora(server))))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, .weight, .fix, nav a")]
          .map((each) => each.getBoundingClientRect())
          .filter((box) => box.width && Math.min(box.width, box.height) < 24).length"""
    )
    assert small == 0  # WCAG 2.2, 2.5.8: targets of 24 pixels


def test_the_table_is_seen_whole_at_1280_by_720(page, server):
    page.goto(f"{server.url}weights")
    last = page.get_by_label("Fix OUT11", exact=True).bounding_box()
    assert last["y"] + last["height"] < 720
    assert page.get_by_label("BASE weight").bounding_box()["y"] == page.get_by_label("OUT11 weight").bounding_box()["y"]


def test_the_switch_changes_the_language_and_keeps_the_place(page, server):
    page.goto(f"{server.url}weights?layout=sdxl-12")
    page.get_by_label("IN04 weight").fill("0.25")
    page.get_by_label("IN04 weight").press("Enter")
    page.wait_for_function("() => location.search.includes('0.25')")
    page.get_by_role("button", name="日本語").click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.get_by_label("IN04の重み")).to_have_value("0.25")
    page.reload()
    expect(page).to_have_title("重み – Blockweight")


def test_the_language_is_the_browsers_at_first(browser, server):
    with tab_of(browser, locale="ja-JP") as page:
        page.goto(server.url)
        expect(page.locator("html")).to_have_attribute("lang", "ja")


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def grounded(page, colour):
    expect(page.locator("body")).to_have_css("background-color", colour)


def test_the_theme_is_the_systems_at_first_and_then_the_switchs(page, server):
    page.goto(server.url)
    light = ground(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).not_to_have_css("background-color", light)
    dark = ground(page)
    page.get_by_role("button", name="Light").click()
    grounded(page, light)
    page.get_by_role("button", name="Dark").click()
    page.wait_for_selector("html[data-theme=dark]")
    page.emulate_media(color_scheme="light")
    grounded(page, dark)


def test_a_bake_from_the_table_to_the_verified_file(page, server):
    page.goto(f"{server.url}weights?lora={lora(server)}&weights=Gobuhime:{WEIGHTS}")
    page.get_by_label("IN04 weight").fill("0.25")
    page.get_by_label("IN04 weight").press("Enter")
    page.wait_for_function("() => document.querySelector('#bake').href.includes('0.25')")
    page.get_by_role("link", name="Bake these…").click()
    page.get_by_label("New file").fill("from-the-table.safetensors")
    page.get_by_role("button", name="Bake and verify").click()
    page.wait_for_url("**/bake/reports/*")
    expect(page.locator("h1")).to_have_text("Baked and verified")
    assert (server.folder / "loras" / "from-the-table.safetensors").exists()


def test_what_was_changed_after_the_preview_is_not_baked_unseen(page, server):
    page.goto(f"{server.url}bake?lora={lora(server)}")
    button = page.get_by_role("button", name="Bake and verify")
    expect(button).to_be_enabled()
    page.get_by_label("Strength").first.fill("0.5")
    expect(button).to_be_disabled()
    expect(page.locator("#changed")).to_be_visible()
    page.get_by_label("Strength").first.fill("1")
    expect(button).to_be_enabled()


def test_choosing_a_lora_shows_its_blocks(page, server):
    page.goto(f"{server.url}bake")
    expect(page.get_by_text("Choose a LoRA to see its blocks.")).to_be_visible()
    page.locator("select[name=lora]").select_option(str(lora(server, "standard")))
    expect(page.locator("tr.absent")).to_have_count(9)


def test_a_script_in_a_name_is_never_run(page, server):
    odd = write_lora_file(server.folder / "loras" / "<img src=x onerror=alert(1)>.safetensors", ["IN01"])
    alerts = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(f"{server.url}weights")
    page.locator("textarea[name=weights]").fill(f"<img src=x onerror=alert(1)>:{WEIGHTS}")
    page.locator("textarea[name=weights]").press("Enter")
    expect(page.locator("#outputs")).to_contain_text("onerror")
    page.goto(f"{server.url}bake")
    page.locator("select[name=lora]").select_option(str(odd))
    page.wait_for_selector("table.blocks")
    drawn(page)
    odd.unlink()
    assert alerts == []


def test_a_server_that_is_gone_is_said_and_nothing_is_lost_when_it_comes_back(browser, tmp_path: Path):
    with Server.started(tmp_path) as own, tab_of(browser) as page:
        page.goto(f"{own.url}weights")
        page.wait_for_selector("html.scripted")
        own.kill()
        page.get_by_label("IN04 weight").fill("0.25")
        page.get_by_label("IN04 weight").press("Enter")
        page.wait_for_selector("#gone:visible")
        own.again()
        page.wait_for_selector("#gone", state="hidden")
        expect(page.locator("#outputs")).to_contain_text("IN04_-0.25")
