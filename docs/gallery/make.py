"""Make the gallery, `docs/gallery.md` with its pictures: `make gallery`, or `python docs/gallery/make.py`.

First what the embedded model lacks is trained into a folder, `blockweight-gallery`: a second model, an outfit, and
princesses trained otherwise (`assets.py`). Then one `blockweight plot` for every kind of grid draws into the same
folder (`kinds.py`), and the page is written. Everything that is there already is left as it is, so that a run that was
stopped goes on, and a changed command draws only what is new.

On one core of two, with other work beside it, the trainings took 19 minutes and the grids some more. The same machine
trains the same bytes again.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import fill

import assets
from kinds import KINDS, PRESETS, Kind
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from blockweight.demo import embedded

DOCS = Path(__file__).parents[1]

PAGE = """\
# A gallery of plots

The tutorial's kinds of grid, each by its name there and with the one [`blockweight plot`](plots.md) that draws it.
`make gallery` makes this page with all that it needs: it trains a second model and some LoRAs in a folder, and runs
these commands there. The embedded model draws 64×64 pixels. What a real model shows will differ, the commands will not.

In the folder `blockweight-gallery` are

| | |
|---|---|
| `models/blockweight-embedded` | the embedded model |
| `models/dusk` | the same, trained {dusk} steps further on drawings at dusk |
| `loras/gobuhime-locon` | the embedded princess |
| `loras/gobuhime-111`, `gobuhime-dusk` | princesses of {steps} steps, trained on the one model and on the other |
| `loras/gobuhime-876`, `-777`, `-654`, `-432` | the same as `gobuhime-111`, with learning rates of blocks |
| `loras/witch`, `loras/dusklight` | an outfit, and a light |
| `presets.txt` | block weights by name, a preset book |

```text
{presets}```

`Gobuhime` is what `blockweight demo` comes to by measuring, `Gobuhime0` the first guess; the rounds lead from one to
the other. In the `L` weights the digits are those of important blocks (1 in `Gobuhime`), unknown ones (IN03, IN04,
OUT07) and the rest.
"""


def main() -> None:
    """Train what is missing, draw, and write the page."""
    parser = argparse.ArgumentParser(prog="python docs/gallery/make.py", description="Make the gallery.")
    parser.add_argument("--folder", type=Path, default=Path("blockweight-gallery"), help="what is made on the way")
    parser.add_argument("--only", action="append", choices=[kind.name for kind in KINDS], help="draw only this kind")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    _train(folder)
    shutil.copytree(embedded.model_folder(), folder / "models" / "blockweight-embedded", dirs_exist_ok=True)
    princess = embedded.lora_file("gobuhime-locon")
    shutil.copyfile(princess, folder / "loras" / princess.name)
    (folder / "presets.txt").write_text(PRESETS, encoding="utf-8")
    for kind in KINDS:
        if not options.only or kind.name in options.only:
            draw(kind, folder)
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8")


def _train(folder: Path) -> None:
    columns = (TextColumn("{task.description:<24}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, refresh_per_second=2) as progress:
        tasks = {}

        def report(name: str, step: int, steps: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(f"Training {name}", total=steps)
            progress.update(tasks[name], completed=step)

        assets.make(folder, report)


def draw(kind: Kind, folder: Path) -> None:
    """Run the kind's command in the folder and keep its picture."""
    _, *arguments = shlex.split(kind.command.replace("\\\n", " "))
    command = [sys.executable, "-m", "blockweight", *arguments]
    written = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    (picture,) = (line.removeprefix("written: ") for line in written.splitlines() if line.endswith(".webp"))
    shutil.copyfile(folder / picture, DOCS / "images" / kind.picture)


def page() -> str:
    """The page's text."""
    parts = [PAGE.format(dusk=assets.DUSK_STEPS, steps=assets.LORA_STEPS, presets=PRESETS)]
    for kind in KINDS:
        parts.append(f"## {kind.name}\n\n{fill(kind.shows, 120)}\n\n```sh\n{kind.command}\n```\n")
        parts.append(f"![{kind.name}: {kind.alternative}](images/{kind.picture})\n\n{fill(kind.seen, 120)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
