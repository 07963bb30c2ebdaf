"""The studio in Chromium with a large project: first thumbnails, a decision's answer, scrolling and flipping.

    python benchmarks/studio.py            # 2,016 pictures of 512 px: 72 scenes, a round of 26 blocks

Prints milliseconds. "cold": no thumbnail was ever made; "warm": those of the first view are there. A decision is
measured from the key press to the second frame after it, when the mark is on the screen. Scrolling goes through the
whole grid, a step a frame; its figures are the time between two frames and the share of those above 50 ms.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "studio"))

_SIZE = 512
_KINDS = 8

_FIRST = """() => {
  const seen = [...document.querySelectorAll('.pg-own[src]')].filter((image) => image.complete && image.naturalWidth);
  return seen.length >= 12 ? performance.now() : 0;
}"""

_DECIDE = """(key) => new Promise((done) => {
  const from = performance.now();
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)));
})"""

_SCROLL = """() => new Promise((done) => {
  const view = document.querySelector('.pg-scroll');
  const frames = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    view.scrollTop += 60;
    view.scrollLeft += 30;
    if (view.scrollTop + view.clientHeight < view.scrollHeight - 60 && frames.length < 400) requestAnimationFrame(step);
    else done(frames.slice(1));
  };
  requestAnimationFrame(step);
})"""


def project(folder: Path, scenes: int) -> Any:
    """A project with a planned round whose pictures are all there: copies of a few, as a browser cannot know."""
    from blockweight.demo.embedded import lora_file, model_folder  # noqa: PLC0415 - after the config is set
    from blockweight.plan import Job, LoraUse, Variant  # noqa: PLC0415
    from blockweight.render.fake import fake_picture  # noqa: PLC0415
    from blockweight.weights import uniform  # noqa: PLC0415
    from blockweight.workflow.scenes import scenes_of  # noqa: PLC0415
    from blockweight.workflow.tuning_project import create_project  # noqa: PLC0415
    from blockweight.workflow.tuning_rounds import plan_round, round_grid  # noqa: PLC0415

    prompts = [f"1girl, scene {number}" for number in range(scenes)]
    size = f"{_SIZE}x{_SIZE}"
    tuning = create_project(
        folder, lora_file("gobuhime-locon"), scenes_of(model_folder(), prompts, "", "1", 20, 7.0, "Euler a", size)
    )
    state = plan_round(tuning, "Sub", 0.5)
    layout = state.subject.layout
    files = []
    for kind in range(_KINDS):
        job = Job(state.scenes[kind], LoraUse("", "", 1.0), Variant("", uniform("", layout, kind / _KINDS)))
        files.append(folder / f"kind-{kind}.png")
        Image.fromarray(fake_picture(job)).save(files[-1], compress_level=1)
    for number, key in enumerate(key for row in round_grid(tuning).keys for key in row):
        shutil.copy(files[number % _KINDS], tuning.project.pictures.folder / f"{key}.png")
    return tuning


def measure(browser: Any, address: str) -> dict[str, list[float]]:
    """One visit of the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(address, wait_until="commit")
    first = page.wait_for_function(_FIRST, timeout=60_000).json_value()
    page.locator(".pg-variant[role=gridcell]").first.click()
    decisions = [page.evaluate(_DECIDE, key) for key in ("Enter", "x") * 5]
    flips = [page.evaluate(_DECIDE, " ") for _ in range(10)]
    frames = page.evaluate(_SCROLL)
    context.close()
    return {"first": [first], "decisions": decisions, "flips": flips, "frames": frames}


def main() -> None:
    """Make the project, visit it cold and warm, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=72)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="studio-") as name:
        folder = Path(name)
        os.environ["BLOCKWEIGHT_CONFIG"] = str(folder / "config")
        from studio_server import Server  # noqa: PLC0415

        from blockweight.studio.projects import identity_of  # noqa: PLC0415
        from browser import chromium  # noqa: PLC0415 - of the tests

        tuning = project(folder / "p", asked.scenes)
        pictures = len(list(tuning.project.pictures.folder.glob("*.png")))
        sys.stdout.write(f"{pictures} pictures of {_SIZE} px\n")
        with Server.started(folder, "--renderer", "fake") as server, chromium() as browser:
            address = f"{server.url}projects/{identity_of(tuning.folder)}/tune"
            for visit in ("cold", "warm", "warm"):
                told = measure(browser, address)
                slow = sum(frame > 50 for frame in told["frames"]) / len(told["frames"])
                sys.stdout.write(
                    f"{visit}: first 12 thumbnails {told['first'][0]:.0f}, a decision "
                    f"{statistics.median(told['decisions']):.0f} (longest {max(told['decisions']):.0f}), a flip "
                    f"{statistics.median(told['flips']):.0f} (longest {max(told['flips']):.0f}), scrolling "
                    f"{statistics.median(told['frames']):.0f} a frame (longest {max(told['frames']):.0f}, "
                    f"{slow:.0%} over 50)\n"
                )
        tuning.close()


if __name__ == "__main__":
    main()
