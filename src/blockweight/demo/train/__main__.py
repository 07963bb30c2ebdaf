"""`python -m blockweight.demo.train`: make the embedded model and its LoRAs from nothing.

Draws the pictures, trains autoencoder, denoiser and LoRAs, and writes them where the package looks for them. A run
that was stopped goes on from its checkpoints.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from blockweight.demo import embedded
from blockweight.demo.train import autoencoder, denoiser, export, lora
from blockweight.demo.train.corpus import load_pictures
from blockweight.demo.train.tokenizer import build_tokenizer


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int, float], None]]:
    """A progress bar that is told the step and the loss (nan: none)."""
    columns = (
        TextColumn("{task.description:<28}"), BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("elapsed"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, refresh_per_second=2) as progress:
        task = progress.add_task(title, total=total, note="")

        def report(step: int, loss: float) -> None:
            progress.update(task, completed=step, note="" if math.isnan(loss) else f"loss {loss:.4f}")

        yield report


def pictures(folder: Path, *, goblins: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The corpus, drawn if need be."""
    with bar("Drawing goblins and girls" if goblins else "Drawing girls", 100) as report:
        return load_pictures(folder, goblins, lambda done: report(round(100 * done), math.nan))


def main() -> None:
    """Train everything."""
    parser = argparse.ArgumentParser(prog="python -m blockweight.demo.train", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("demo-train"), help="folder for pictures and checkpoints")
    parser.add_argument("--out", type=Path, default=embedded.model_folder().parent, help="where the results go")
    parser.add_argument("--only-loras", action="store_true", help="train the LoRAs anew on the exported model")
    options = parser.parse_args()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    if not options.only_loras:
        drawn_with_goblins = pictures(work, goblins=True)
        with bar("Autoencoder", autoencoder.STEPS) as report:
            vae = autoencoder.train_autoencoder(drawn_with_goblins, work, report)
        plain = pictures(work, goblins=False)
        with bar("Encoding", 100) as report:
            latents = autoencoder.encode(vae, plain, lambda done: report(round(100 * done), math.nan))
        with bar("Denoiser", denoiser.STEPS) as report:
            model = denoiser.train_denoiser(latents, build_tokenizer(), work, report)
        export.save_model(options.out / "model", vae, model, build_tokenizer())  # use has left its mark on the other
    loras = options.out / "loras"
    loras.mkdir(exist_ok=True)
    princess = lora.princess(work / "princess")
    for recipe in lora.RECIPES:
        with bar(f"LoRA {recipe.name}", recipe.steps) as report:
            lora.train_lora(recipe, options.out / "model", princess, work, loras, report)


if __name__ == "__main__":
    main()
