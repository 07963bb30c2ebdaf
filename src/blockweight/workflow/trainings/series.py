"""Trainings that differ in one thing, one after another into one folder; what is trained stays, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from blockweight.errors import BlockweightError
from blockweight.render import Renderer, families_of
from blockweight.report import write_whole
from blockweight.train.network import FAMILIES
from blockweight.workflow.identities import Identities
from blockweight.workflow.number_texts import size_text
from blockweight.workflow.progress import Progress
from blockweight.workflow.training import training_of
from blockweight.workflow.training_ask import TrainingAsk
from blockweight.workflow.training_folder import TrainingFolder, training_facts
from blockweight.workflow.training_text import TrainingCost
from blockweight.workflow.tuning_text import duration

PLAIN = "plain"
"""The name of the training that nothing is changed of."""

_SETTINGS = "trainings.json"


@dataclass(frozen=True)
class SeriesCost:
    """So many trainings, of which so many are done; `next` is what the next one takes, None when all are done."""

    trainings: int
    done: int
    next: TrainingCost | None

    @property
    def seconds(self) -> float:
        """To the end of all of them."""
        if self.next is None:
            return 0.0
        steps = self.next.steps * (self.trainings - self.done) - self.next.done
        return steps * self.next.seconds

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        told: dict[str, object] = {"trainings": self.trainings, "done": self.done, "seconds_to_go": self.seconds}
        return told if self.next is None else {**told, "next": self.next.facts()}

    def lines(self) -> list[str]:
        """For people."""
        done = f", {self.done} of them done" if self.done else ""
        if self.next is None:
            return [f"Trainings: {self.trainings}, all of them done"]
        size = size_text(self.next.file_bytes)
        return [
            f"Trainings: {self.trainings}{done}; {self.next.steps} steps and about {size} each, about "
            f"{duration(self.seconds)} to go ({self.next.seconds:.2f} s a step on {self.next.device} in "
            f"{self.next.precision})",
            *(f"Note: {note}" for note in self.next.notes),
        ]


@dataclass(frozen=True)
class Series:
    """Name → training, the plain one first, into `folder`/loras. `facts` are what all have in common: trainings of
    others do not belong into the folder."""

    folder: Path
    asks: Mapping[str, TrainingAsk]
    facts: Mapping[str, object]

    def file(self, name: str) -> Path:
        """The LoRA of this training."""
        return self.asks[name].out

    @property
    def missing(self) -> tuple[str, ...]:
        """The trainings that are not done, in their order."""
        return tuple(name for name, ask in self.asks.items() if not ask.out.is_file())

    def check(self) -> None:
        """BlockweightError if the folder holds trainings that have something else in common."""
        begun = self._begun()
        others = [] if begun is None else sorted(name for name in self.facts if begun.get(name) != self.facts[name])
        if others:
            raise BlockweightError(
                f"'{self.folder}' holds trainings with other settings ({', '.join(others)}); give the same ones to go "
                "on with them, or another folder with -o."
            )

    def estimate(self, progress: Progress) -> SeriesCost:
        """What there is of it and what the rest takes, by a step of the next one on trial. What is not begun is not
        begun by it."""
        missing = self.missing
        if not missing:
            return self._cost(None)
        ask = self.asks[missing[0]]
        with ExitStack() as stack:
            if self._begun() is None:
                ask = replace(ask, out=Path(stack.enter_context(TemporaryDirectory())) / ask.out.name)
            training = stack.enter_context(closing(training_of(ask, progress)))
            return self._cost(training.cost())

    def train(self, progress: Progress, make_renderer: Callable[[], Renderer]) -> None:
        """Train what is missing. Ctrl-C and kills as in `Training.train`: what is done stays, and the same goes on."""
        self.check()
        missing = self.missing
        if missing:
            self._make_folder()
            write_whole(self._settings, f"{json.dumps(self.facts, indent=2)}\n".encode())
        for name, ask in self.asks.items():
            if name not in missing:
                TrainingFolder(ask.out.with_name(f"{ask.out.stem}.training")).done()  # a kill may have come before
                continue
            training = training_of(ask, progress)
            for line in self._cost(training.cost()).lines() if name == missing[0] else ():
                progress.say(line)
            number = list(self.asks).index(name) + 1
            left = self._cost(training.cost()).seconds
            progress.say(f"Training {number} of {len(self.asks)}: {name}; about {duration(left)} to go for all")
            trained = training.train(progress, make_renderer)
            progress.say(f"written: {trained.out}")

    def _make_folder(self) -> None:
        try:
            (self.folder / "loras").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BlockweightError(
                f"The folder '{self.folder}' cannot be made ({error.strerror}); choose another with -o."
            ) from error

    def _cost(self, following: TrainingCost | None) -> SeriesCost:
        return SeriesCost(len(self.asks), len(self.asks) - len(self.missing), following)

    @property
    def _settings(self) -> Path:
        return self.folder / _SETTINGS

    def _begun(self) -> Mapping[str, object] | None:
        try:
            found = json.loads(self._settings.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            found = {}
        return found if isinstance(found, dict) else {}


def series_of(
    folder: Path, plain: TrainingAsk, changes: Mapping[str, Mapping[str, object]], also: Mapping[str, object]
) -> Series:
    """The plain training, and those with these changes, by their names; `also` are further facts that all have in
    common. Nothing is written. BlockweightError for what cannot be trained, and if the folder holds other trainings."""
    placed = {PLAIN: plain} | {name: replace(plain, **dict(changed)) for name, changed in changes.items()}  # type: ignore[arg-type]
    asks = {name: replace(ask, out=folder / "loras" / f"{name}.safetensors") for name, ask in placed.items()}
    family = trained_family(plain.model)
    dataset = plain.pictures()
    for ask in asks.values():
        ask.loop("cpu").check_rates(ask.network(family).adapters(1))
        if ask.tag_weight is not None:
            dataset.weighing(ask.tag_weight)
    model = Identities().checkpoint(plain.model).digest
    facts = {**also, **training_facts(plain, dataset, model), "save_precision": plain.save_precision}
    series = Series(folder, asks, json.loads(json.dumps(facts)))
    series.check()
    return series


def trained_family(model: Path) -> str:
    """The family in whose blocks a training of the model is described. BlockweightError for one that is not trained
    here."""
    found = families_of(model)
    if found and not set(found) & set(FAMILIES):
        raise BlockweightError(
            f"'{model}' is a model of {found[0]}, which is not trained here; give one of Stable Diffusion 1.x or 2.x."
        )
    return next((name for name in found if name in FAMILIES), FAMILIES[0])
