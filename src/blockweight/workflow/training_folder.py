"""What a training keeps beside its file while it is under way, and what stays of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.project import HeldError, hold
from blockweight.report import loss_curve, write_whole
from blockweight.train.dataset import Dataset, picture_digest
from blockweight.train.order import seed_of
from blockweight.workflow.training_ask import TrainingAsk

_ELSEWHERE = ("dataset", "model", "out", "save_precision", "save_every", "samples", "overwrite")
"""Options that do not decide what is learnt, and places, whose contents count instead."""

_HANDOVER = 1.0
"""Seconds to wait for another program: one that was just stopped or killed is about to let go."""


def training_facts(ask: TrainingAsk, dataset: Dataset, model: str) -> dict[str, object]:
    """All that decides what is learnt; `model` is the model's digest. Equal facts, and a training goes on."""
    pictures = [
        (picture_digest(each.path), each.path.name, each.caption, each.repeats, each.folder)
        for each in dataset.pictures
    ]
    options = {name: value for name, value in asdict(ask).items() if name not in _ELSEWHERE}
    return {**options, "model": model, "dataset": f"{seed_of(*pictures):016x}"}


@dataclass(frozen=True)
class TrainingFolder:
    """The folder `NAME.training` beside the file: the settings and the state, with which a training goes on, and the
    pictures' latents, all gone when it is done; the losses as a table and as a picture, and sample pictures."""

    path: Path

    @property
    def state(self) -> Path:
        """The state file of the loop."""
        return self.path / "state.pt"

    @property
    def latents(self) -> Path:
        """Where latents are kept."""
        return self.path / "latents"

    @property
    def samples(self) -> Path:
        """Where sample pictures go."""
        return self.path / "samples"

    @property
    def _settings(self) -> Path:
        return self.path / "settings.json"

    def claim(self, facts: Mapping[str, object], *, anew: bool) -> sqlite3.Connection:
        """Take the folder for a training of these facts, and for this program alone until what is returned is closed or
        the process ends, however it does. UnavailableError if another program trains in it; BlockweightError if it
        holds another training that is not done, unless that may be given up (`anew`)."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            lock = hold(self.path / "training.lock", _HANDOVER)
        except HeldError:
            raise UnavailableError(
                f"Another program trains in '{self.path}' already; wait until it is done, or stop it with Ctrl-C in "
                "its terminal."
            ) from None
        try:
            self._take(facts, anew=anew)
        except BaseException:
            lock.close()
            raise
        return lock

    def _take(self, facts: Mapping[str, object], *, anew: bool) -> None:
        wanted = json.loads(json.dumps(facts))
        begun = self._begun()
        others = [] if begun is None else sorted(name for name in wanted if begun.get(name) != wanted[name])
        if others and not anew:
            raise BlockweightError(
                f"'{self.path}' holds a training that was begun with other settings ({', '.join(others)}); give the "
                "same ones to go on with it, or --overwrite to begin anew."
            )
        if others or begun is None:
            self.state.unlink(missing_ok=True)
        write_whole(self._settings, json.dumps(wanted, indent=2).encode())

    def keep_losses(self, losses: Sequence[float], epoch_length: int) -> None:
        """Write `losses.csv` and `loss.png`, if a step is done."""
        if losses:
            rows = "".join(f"{step},{loss:.9g}\n" for step, loss in enumerate(losses, 1))
            write_whole(self.path / "losses.csv", f"step,loss\n{rows}".encode())
            write_whole(self.path / "loss.png", loss_curve(losses, epoch_length))

    def done(self) -> None:
        """Remove what only a training that is under way needs."""
        self.state.unlink(missing_ok=True)
        shutil.rmtree(self.latents, ignore_errors=True)
        self._settings.unlink(missing_ok=True)

    def _begun(self) -> dict[str, object] | None:
        try:
            found = json.loads(self._settings.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None
