"""A plot of 1,000 cells: what its page, its sheets and its PDF take to write, and how soon the page is usable.

    python benchmarks/plot_page.py                       # 40 × 25 pictures of 512 px
    python benchmarks/plot_page.py --columns 100 --rows 100

"plot" is the whole of `blockweight plot` with the fake renderer, to the page; the others write what is there already.
Each runs in a process of its own; "peak" is the most memory that process ever had, "above" how much of it came
after the imports. In Chromium every figure is of a fresh context, lowest – median – highest: "first paint" is the first
contentful paint, "usable" when every cell in view has its whole picture, both from the start of the navigation;
"scrolled" the same after a jump into the middle of the grid, from the jump. "renderer" is the memory of the page's own
process (proportional set size) after both, "empty page" that of one with nothing on it, where the system tells (Linux).
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

_KINDS = 8
_WRITERS = ("nothing", "plot", "page", "png", "webp", "pdf")

_USABLE = """() => {
  const view = document.querySelector('.view')?.getBoundingClientRect();
  const seen = [...document.querySelectorAll('.cell')].filter((cell) => {
    const box = cell.getBoundingClientRect();
    return view && box.right > view.left && box.left < view.right && box.bottom > view.top && box.top < view.bottom;
  });
  const shown = seen.filter((cell) => cell.querySelector('img')?.complete && cell.querySelector('img').naturalWidth);
  return seen.length > 8 && shown.length === seen.length ? performance.now() : 0;
}"""


def grid(folder: Path, columns: int, rows: int) -> Any:
    """The plot; its pictures are there or made."""
    from blockweight.report import PlotAxis, PlotCell, PlotGrid  # noqa: PLC0415 - after the arguments are read

    infotext = "1girl, gobuhime, longhair, choker <lora:gobuhime:1:lbw={}>\nNegative prompt: low quality\n"
    infotext += "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: {}, Size: 512x512, Model hash: 0123456789, " * 3
    cells = {
        (x, y, 0): PlotCell(folder / f"pictures/{x:03}-{y:03}.png", infotext.format(x, y, y, y))
        for x, y in itertools.product(range(columns), range(rows))
    }
    weights = ("no LoRA", *(f"IN{number:02}: {number / 10:g}" for number in range(1, columns)))
    seeds = tuple(f"seed {1000 + number}" for number in range(rows))
    return PlotGrid("A plot", PlotAxis("Block weights", weights, frozenset({0})), PlotAxis("Seed", seeds), cells=cells)


def make_pictures(folder: Path, columns: int, rows: int, side: int) -> None:
    """Pictures with grain, so that their files are as large as a renderer's; no two are the same."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    (folder / "pictures").mkdir()
    kinds = []
    for kind in range(_KINDS):
        random = np.random.default_rng(kind)
        coarse = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = random.normal(0, 6, smooth.shape)
        kinds.append((smooth + grain).clip(0, 255).astype(np.uint8))
    for number, (x, y) in enumerate(itertools.product(range(columns), range(rows))):
        moved = np.roll(kinds[number % _KINDS], number, axis=1)
        Image.fromarray(moved).save(folder / f"pictures/{x:03}-{y:03}.png", compress_level=1)


def write(what: str, folder: Path, columns: int, rows: int, side: int) -> None:
    """In a process of its own: write one thing, and print seconds, peak and what was there after the imports (MB)."""
    from blockweight.report import write_contact_sheet, write_plot_page, write_plot_sheets  # noqa: PLC0415

    if what == "plot":
        draw(folder / "project", columns, rows, side)
        return
    plot = grid(folder, columns, rows)
    before = _peak()
    began = time.perf_counter()
    if what == "page":
        write_plot_page(plot, folder / "plot.html")
    elif what == "pdf":
        write_contact_sheet(plot, folder / "plot.pdf")
    elif what in ("png", "webp"):
        write_plot_sheets(plot, folder / what, sheet_format="png" if what == "png" else "webp")
    print(time.perf_counter() - began, _peak(), before)


def draw(folder: Path, columns: int, rows: int, side: int) -> None:
    """The whole of `blockweight plot` with the fake renderer: from what is typed to the page beside its pictures."""
    from blockweight.demo import embedded  # noqa: PLC0415
    from blockweight.render import FakeRenderer  # noqa: PLC0415
    from blockweight.workflow.plots import steps  # noqa: PLC0415
    from blockweight.workflow.plots.reading import TypedPlot, read_plot  # noqa: PLC0415
    from blockweight.workflow.plots.resolver import Resolver  # noqa: PLC0415
    from blockweight.workflow.plots.shots import LoraEdit, Shot  # noqa: PLC0415
    from blockweight.workflow.progress import SilentProgress  # noqa: PLC0415

    size = f"{side}x{side}"
    lora = LoraEdit(name=str(embedded.lora_file("gobuhime-locon")), beside=True)
    shot = Shot("1girl", "", 0, str(embedded.model_folder()), 20, 7.0, "Euler a", size, lora=lora)
    typed = TypedPlot(shot, ("1girl",), f"1-{rows}", x=(f"strength=0-1 [{columns}]",))
    before, resolver = _peak(), Resolver()
    began = time.perf_counter()
    ask = read_plot(typed, resolver)
    steps.run(ask, resolver, folder, FakeRenderer, SilentProgress(), steps.look_of(("none",), None, "en"))
    print(time.perf_counter() - began, _peak(), before)


def _peak() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def written_size(folder: Path, what: str) -> str:
    """The files that a writer left, in words."""
    named = "project/**/*" if what == "plot" else "plot.html" if what == "page" else f"plot.{what}"
    files = [*(folder / what).glob("*")] or [*folder.glob(named)]
    size = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
    return f"{len(files)} file{'s' * (len(files) != 1)}, {size:.1f} MB"


def renderers() -> set[str]:
    """The processes that draw pages, by number; none where the system has no /proc."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"--type=renderer" in entry.read_bytes():
                found.add(entry.parent.name)
        except OSError:
            continue
    return found


def memory_of(processes: set[str]) -> float:
    """Proportional set size of the largest of these processes in MB; 0 where it is not told."""
    sizes = [0.0]
    for process in processes:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        sizes += [int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")]
    return max(sizes)


def browse(folder: Path, repetitions: int) -> None:
    """Open the page again and again, and print how soon it is there."""
    from browser import chromium  # noqa: PLC0415 - of the tests

    rows: dict[str, list[float]] = {"first paint, ms": [], "usable, ms": [], "scrolled, ms": [], "renderer, MB": []}
    images = 0
    earlier = renderers()
    with chromium() as browser:
        empty = browser.new_page()
        empty.goto("data:text/html,<p>nothing")
        alone = memory_of(renderers() - earlier)
        empty.close()
        for _ in range(repetitions):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto((folder / "plot.html").as_uri(), wait_until="commit")
            rows["usable, ms"].append(page.wait_for_function(_USABLE, polling="raf").json_value())
            page.evaluate("document.querySelector('.view').scrollTo(2500, 1500)")
            began = page.evaluate("performance.now()")
            rows["scrolled, ms"].append(page.wait_for_function(_USABLE, polling="raf").json_value() - began)
            page.wait_for_timeout(500)
            images = max(images, page.locator("img").count())
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            rows["first paint, ms"].append(page.evaluate(paint))
            rows["renderer, MB"].append(memory_of(renderers() - earlier))
            context.close()
    for name, figures in rows.items():
        print(f"{name:16} {min(figures):7.0f} – {statistics.median(figures):7.0f} – {max(figures):7.0f}")
    print(f"{'empty page, MB':16} {alone:7.0f}")
    print(f"{'most <img>':16} {images:7}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--rows", type=int, default=25)
    parser.add_argument("--size", type=int, default=512, help="pixels along a side of the pictures")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--write", choices=_WRITERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        write(asked.write, asked.folder, asked.columns, asked.rows, asked.size)
        return
    with tempfile.TemporaryDirectory(prefix="plot-") as name:
        folder = Path(name)
        make_pictures(folder, asked.columns, asked.rows, asked.size)
        print(f"{asked.columns} × {asked.rows} cells of {asked.size} px, {os.cpu_count()} CPU cores")
        for what in _WRITERS[1:]:
            sizes = ["--columns", str(asked.columns), "--rows", str(asked.rows), "--size", str(asked.size)]
            command = [sys.executable, __file__, "--write", what, "--folder", name, *sizes]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this very file
            seconds, peak, before = map(float, done.stdout.split())
            said = f"{seconds:6.1f} s, peak {peak:4.0f} MB ({peak - before:4.0f} above), {written_size(folder, what)}"
            print(f"{what:5} {said}")
        browse(folder, asked.repetitions)


if __name__ == "__main__":
    main()
