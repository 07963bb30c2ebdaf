"""Pictures of every page: `python tests/studio/take_pictures.py docs/images`, one a page; with `--all`, one for every
language, theme and screen. `make pictures` runs it."""

from __future__ import annotations

import argparse
import io
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from studio_server import Server

from blockweight.demo.embedded import lora_file
from blockweight.workflow.comparison import Typed, plan_comparison, render_comparison
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.demo_project import open_demo
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import render_analysis
from blockweight.workflow.renderers import local_renderer
from blockweight.workflow.settings import LANGUAGES, THEMES
from blockweight.workflow.tuning import fix, set_weights
from blockweight.workflow.tuning_rounds import plan_round, render_round
from browser import chromium

GOBUHIME = "Gobuhime:1,0,0.5,1,0.5,0.3,0.7,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.3,0.5,0,0.7"
FIXED = "BASE,IN00,IN02,IN06,IN07,IN08,IN09,IN10,IN11,M00,OUT02,OUT03,OUT04,OUT05,OUT10"
INFOTEXT = """\
1girl, gobuhime, long hair, hairornament, choker, red dress, meadow <lora:gobuhime-locon:0.9:lbw=OUTALL>
Negative prompt: blurry
Steps: 16, Sampler: DPM++ 2M Karras, CFG scale: 4, Seed: 7, Size: 64x64, Clip skip: 2, VAE: kl-f8-anime2.ckpt"""
FLUX = "Flux:" + ",".join(str(round(1.3 - abs(n - 30) / 25, 2)) for n in range(61))

SCREENS = {"": (1280, 800), "-tablet": (820, 1180)}

SHOWN = {
    "home": ("en", "light"),
    "new-project": ("en", "dark"),
    "project": ("en", "light"),
    "analyse": ("en", "dark"),
    "tune": ("en", "dark"),
    "compare": ("ja", "dark"),
    "plots": ("en", "light"),
    "publish": ("en", "light"),
    "weights": ("en", "dark"),
    "weights-flux": ("en", "light"),
    "bake": ("en", "light"),
    "baked": ("ja", "dark"),
    "presets": ("ja", "dark"),
    "settings": ("ja", "light"),
    "not-found": ("en", "dark"),
}
"""The pictures in the documents: page → its language and theme."""

PROJECT = {"project": "", "analyse": "analyse", "tune": "tune", "compare": "compare", "plots": "compare/plots",
           "publish": "bake"}  # fmt: skip
"""The pages of the demo's project, by their addresses."""

_ANYWHERE = """(folder) => {
  const home = (text) => text.replaceAll(folder, "/home/me");
  for (const each of document.querySelectorAll("input, textarea")) each.value = home(each.value);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = home(texts.currentNode.data);
}"""
"""Shows the temporary folder as a person's own."""


def visit(page: Any, server: Server, name: str) -> None:
    """Bring a page into the state of its picture."""
    lora = server.folder / "loras" / "gobuhime.safetensors"
    place = {
        "home": "",
        "new-project": "projects/new",
        **dict.fromkeys(PROJECT, ""),
        "weights": f"weights?weights={GOBUHIME}&fixed={FIXED}&lora={lora}",
        "weights-flux": f"weights?weights={FLUX}",
        "bake": f"bake?weights={GOBUHIME}&lora={lora}",
        "baked": f"bake?weights={GOBUHIME}&lora={lora}",
        "presets": "presets",
        "settings": "settings",
        "not-found": "nothing",
    }[name]
    page.goto(server.url + place)
    if name == "new-project":
        page.locator("#infotext").fill(INFOTEXT)
        page.locator("[name=fill_in]").click()
        page.wait_for_selector("#notes li")
    if name in PROJECT:
        page.locator("a.project-card").first.click()
        page.wait_for_selector("#scenes")
        if PROJECT[name]:
            page.goto(f"{page.url}/{PROJECT[name]}")
        page.wait_for_timeout(1500)  # an event stream is never idle
        if name == "tune":
            page.locator(".pg-cell.pg-variant.ready").first.click()
            page.keyboard.press("Enter")
            page.wait_for_timeout(600)
            page.evaluate("scrollTo(0, 0)")
        if name == "plots":
            for kind, choice in (("weights", 0), ("steps", 1), ("cfg", 1)):
                page.locator(f"#palette [data-kind={kind}]").click()
                page.get_by_role("menuitem").nth(choice).click()
            page.wait_for_selector("#begin:enabled")
    else:
        page.wait_for_load_state("networkidle")
    if name == "baked":
        page.locator("[name=overwrite]").check()
        page.locator("#bake [data-busy]").click()
        page.wait_for_url("**/bake/reports/*")
    page.evaluate(_ANYWHERE, str(server.folder))


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    if asked.all:
        wanted = list(itertools.product(SHOWN, LANGUAGES, THEMES, SCREENS))
    else:
        wanted = [(name, language, theme, "") for name, (language, theme) in SHOWN.items()]
    asked.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="girl-") as folder,
        Server.started(furnished(Path(folder))) as server,
        chromium() as browser,
    ):
        for name, language, theme, screen in wanted:
            width, height = SCREENS[screen]
            context = browser.new_context(
                viewport={"width": width, "height": height}, locale=language, color_scheme=theme, device_scale_factor=1
            )
            page = context.new_page()
            visit(page, server, name)
            ending = f"-{language}-{theme}{screen}" if asked.all else ""
            save(page.screenshot(), asked.folder / f"studio-{name}{ending}.png")
            context.close()


def furnished(folder: Path) -> Path:
    """The folder with a config, the embedded LoRAs, and the demo's project analysed, compared and in a round."""
    (folder / "config").mkdir()
    (folder / "loras").mkdir()
    for name in ("gobuhime", "gobuhime-locon"):
        shutil.copy(lora_file(name), folder / "loras")
    settings = f'loras = ["{(folder / "loras").as_posix()}"]\nprojects = "{(folder / "projects").as_posix()}"\n'
    (folder / "config" / "settings.toml").write_text(settings, "utf-8")
    os.environ |= {CONFIG: str(folder / "config"), "XDG_DOCUMENTS_DIR": str(folder / "Documents")}
    renderer, silent = local_renderer(), SilentProgress()
    with open_demo(folder / "projects") as tuning:
        render_analysis(tuning, lambda: renderer, silent)
        set_weights(tuning, GOBUHIME)
        fix(tuning, FIXED)
        plan_comparison(tuning, Typed(("no LoRA", "ALL", "current")))
        render_comparison(tuning, lambda: renderer, silent)
        plan_round(tuning, "Sub", 0.5)
        render_round(tuning, lambda: renderer, silent)
    return folder


def save(data: bytes, path: Path) -> None:
    """In 256 colours, which a page hardly exceeds, at a third of the size."""
    Image.open(io.BytesIO(data)).convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main()
