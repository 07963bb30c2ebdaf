"""What a training will take and what became of it, as a person reads it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.train.buckets import Size
from blockweight.workflow.number_texts import size_text
from blockweight.workflow.tuning_text import duration


@dataclass(frozen=True)
class TrainingCost:
    """What a training is before it begins: pictures and how many are seen in an epoch, the buckets that they go to,
    steps with those that are done, the modules of each block, the numbers that are trained, and the file's bytes.
    `seconds` is what a step takes on `device` by a trial, `memory` the most bytes in use up to now, None where that is
    not known. `notes` are sentences to bear in mind."""

    pictures: int
    seen: int
    sizes: Sequence[Size]
    steps: int
    done: int
    epoch_length: int
    modules: Sequence[str]
    parameters: int
    file_bytes: int
    seconds: float
    memory: int | None
    device: str
    precision: str
    notes: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "pictures": self.pictures,
            "seen_in_an_epoch": self.seen,
            "buckets": [{"size": list(size), "pictures": count} for size, count in sorted(Counter(self.sizes).items())],
            "steps": self.steps,
            "done": self.done,
            "steps_in_an_epoch": self.epoch_length,
            "modules": dict(Counter(self.modules)),
            "parameters": self.parameters,
            "file_bytes": self.file_bytes,
            "seconds_a_step": self.seconds,
            "seconds_to_go": self.seconds * (self.steps - self.done),
            "memory_bytes": self.memory,
            "device": self.device,
            "precision": self.precision,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """For people."""
        buckets = ", ".join(f"{w}×{h} ({count})" for (w, h), count in sorted(Counter(self.sizes).items()))
        blocks = dict.fromkeys(self.modules)
        left = self.steps - self.done
        done = f", {self.done} of them done" if self.done else ""
        memory = "" if self.memory is None else f", memory so far {size_text(self.memory)}"
        return [
            f"pictures: {self.pictures}, {self.seen} seen in an epoch; buckets: {buckets}",
            f"steps: {self.steps}{done}; {self.epoch_length} in an epoch",
            f"LoRA: {len(self.modules)} modules in {len(blocks)} blocks, {self.parameters:,} numbers, about "
            f"{size_text(self.file_bytes)}",
            f"time: about {duration(self.seconds * left)} ({self.seconds:.2f} s a step on {self.device} in "
            f"{self.precision}){memory}",
            *(f"Note: {note}" for note in self.notes),
        ]


@dataclass(frozen=True)
class Trained:
    """A finished training: its file, the folder with its losses and samples, the mean losses of the first and the last
    tenth of all steps, and the most bytes that were in use, None where that is not known."""

    out: Path
    folder: Path
    steps: int
    first: float
    last: float
    memory: int | None

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "written": str(self.out),
            "folder": str(self.folder),
            "steps": self.steps,
            "loss_first_tenth": self.first,
            "loss_last_tenth": self.last,
            "memory_bytes": self.memory,
        }

    def lines(self) -> list[str]:
        """For people."""
        memory = "" if self.memory is None else f"; at most {size_text(self.memory)} of memory"
        return [
            f"loss: {self.first:.4f} in the first tenth of the steps, {self.last:.4f} in the last{memory}",
            f"written: {self.out}",
            f"written: {self.folder / 'loss.png'}",
        ]


def peak_memory() -> int | None:
    """The most bytes that this process has had in use; None on systems that do not say."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
