"""Training a LoRA from a person's own pictures: what it will take, the training, and the file. Needs the `train`
extra."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from blockweight.lora import write_lora
from blockweight.lora.atomic import check_new
from blockweight.plan import Scene
from blockweight.render import Renderer
from blockweight.train.buckets import Buckets, Fit
from blockweight.train.captions import divides_brackets
from blockweight.train.dataset import Dataset
from blockweight.train.file_metadata import Course, file_metadata
from blockweight.train.local import Run, Seen, Trainee, cached_latents, load_trainee
from blockweight.train.loop_settings import LoopSettings
from blockweight.train.network import Adapter, Network
from blockweight.workflow.identities import Identities
from blockweight.workflow.progress import Progress
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.settings import load_settings
from blockweight.workflow.stopping import stopping
from blockweight.workflow.training_ask import TrainingAsk
from blockweight.workflow.training_folder import TrainingFolder, training_facts
from blockweight.workflow.training_samples import draw_samples
from blockweight.workflow.training_text import Trained, TrainingCost, peak_memory

_TOLD_EPOCHS = 20
"""How often at most a training says how it goes."""

_TENTH = 10

_HEADER = 420
"""Bytes of a file's header for a module's three tensors, about."""


@dataclass(frozen=True, eq=False)
class Training:
    """A training that can begin: everything is read, and a step was tried."""

    ask: TrainingAsk
    dataset: Dataset
    fits: Sequence[Fit]
    buckets: Buckets
    settings: LoopSettings
    network: Network
    adapters: tuple[Adapter, ...]
    trainee: Trainee
    run: Run
    folder: TrainingFolder
    scenes: Sequence[Scene]
    seconds: float
    lock: sqlite3.Connection

    def close(self) -> None:
        """Let go of the folder, which no other program trains in until then."""
        self.lock.close()

    def cost(self) -> TrainingCost:
        """What it will take."""
        size = {"fp32": 4}.get(self.ask.save_precision, 2)
        return TrainingCost(
            pictures=len(self.dataset.pictures),
            seen=sum(picture.repeats for picture in self.dataset.pictures),
            sizes=[fit.bucket for fit in self.fits],
            steps=self.run.steps,
            done=self.run.step,
            epoch_length=self.run.epoch_length,
            modules=[each.block for each in self.adapters],
            parameters=self.run.parameters,
            file_bytes=self.run.parameters * size + len(self.adapters) * _HEADER,
            seconds=self.seconds,
            memory=_memory(self.trainee.device),
            device=self.trainee.device.type,
            precision=self.settings.precision,
            notes=self._notes(),
        )

    def train(self, progress: Progress, make_renderer: Callable[[], Renderer]) -> Trained:
        """Train to the end, write the file and let go of the folder. A first Ctrl-C, or SIGTERM, ends after the step at
        work, with the state kept. BlockweightError for what cannot be trained, drawn or written."""
        with closing(self):
            return self._train(progress, make_renderer)

    def _train(self, progress: Progress, make_renderer: Callable[[], Renderer]) -> Trained:
        run, ask = self.run, self.ask
        if run.step == 0:
            for path in self._epoch_files():
                check_new(path, overwrite=ask.overwrite)
            self._draw(make_renderer, 0)

        def epoch_done(epoch: int) -> None:
            if ask.save_every and epoch % ask.save_every == 0 and run.step < run.steps:
                self._write(self._epoch_file(epoch), overwrite=True)
            if epoch % ask.samples.every == 0:
                self._draw(make_renderer, epoch)
            if epoch % max(1, run.steps // run.epoch_length // _TOLD_EPOCHS) == 0:
                progress.say(f"epoch {epoch}: loss {np.mean(run.losses[-run.epoch_length :]):.4f}")
                self.folder.keep_losses(run.losses, run.epoch_length)

        def told() -> None:
            progress.say("Stopping after this step; Ctrl-C again stops at once, which loses a minute at most.")

        with progress.track("training", run.steps, run.step) as bar, stopping(told) as stop:
            ended = run.train(lambda _loss: bar.advance(), epoch_done, stop.asked)
        self.folder.keep_losses(run.losses, run.epoch_length)
        if not ended:
            stop.leave()
        self._write(ask.out, overwrite=ask.overwrite)
        self.folder.done()
        tenth = max(1, run.steps // _TENTH)
        first, last = float(np.mean(run.losses[:tenth])), float(np.mean(run.losses[-tenth:]))
        return Trained(ask.out, self.folder.path, run.steps, first, last, _memory(self.trainee.device))

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self.dataset.left_out:
            notes.append(
                f"Folders that are left out, for their names do not begin with a number and _: "
                f"{', '.join(self.dataset.left_out)}."
            )
        if self.settings.shuffle and self.settings.norm is not None:
            torn = sum(divides_brackets(picture.caption) for picture in self.dataset.pictures)
            if torn:
                notes.append(f"{torn} captions have a comma in brackets, which shuffling tears apart.")
        return tuple(notes)

    def _epoch_file(self, epoch: int) -> Path:
        return self.ask.out.with_name(f"{self.ask.out.stem}-{epoch:06d}.safetensors")

    def _epoch_files(self) -> list[Path]:
        every = self.ask.save_every
        last = (self.run.steps - 1) // self.run.epoch_length
        return [self._epoch_file(epoch) for epoch in range(every, last + 1, every)] if every else []

    def _draw(self, make_renderer: Callable[[], Renderer], epoch: int) -> None:
        if self.scenes:
            path = self.folder.path / "sample.safetensors"
            self._write(path, overwrite=True)
            draw_samples(path, self.trainee.family, self.scenes, make_renderer, self.folder.samples, epoch)
            path.unlink(missing_ok=True)

    def _write(self, path: Path, *, overwrite: bool) -> None:
        metadata = file_metadata(
            self.ask.out.stem,
            self.ask.model.stem,
            self.network,
            self.dataset,
            [fit.bucket for fit in self.fits],
            self.buckets,
            self.settings,
            Course(self.run.steps, self.run.epoch_length, self.run.step),
            v_prediction=self.trainee.v_prediction,
        )
        write_lora(path, self.run.tensors(self.ask.save_precision), metadata, overwrite=overwrite)


def prepare_training(ask: TrainingAsk, progress: Progress) -> Training:
    """Read the dataset, the model and a state from before, if there is one, and try a step. Nothing is written but the
    folder beside the file, which is this program's alone until the training is closed or done. BlockweightError for
    what cannot be read or trained, a file that exists, and another training that was begun under the name or is at work
    there."""
    check_new(ask.out, overwrite=ask.overwrite)
    dataset, buckets = ask.pictures(), ask.buckets()
    fits = [buckets.fit(picture.size) for picture in dataset.pictures]
    known = Identities()
    model = known.checkpoint(ask.model).digest
    folder = TrainingFolder(ask.out.with_name(f"{ask.out.stem}.training"))
    facts = training_facts(ask, dataset, model)
    device = _device()
    settings = ask.loop(device.type)
    scenes = _scenes(ask, known)
    trainee = load_trainee(ask.model, device, settings.precision)
    network = ask.network(trainee.family)
    adapters = trainee.adapters(network)
    settings.check_rates(adapters)
    trainee.encoder(settings.clip_skip)
    with ExitStack() as stack:
        lock = stack.enter_context(closing(folder.claim(facts, anew=ask.overwrite)))
        with progress.track("latents", len(fits)) as bar:
            pairs = list(zip(dataset.pictures, fits, strict=True))
            latents = cached_latents(trainee, model, pairs, folder.latents, bar.advance)
        seen = [Seen(each, picture.caption, picture.repeats) for each, (picture, _) in zip(latents, pairs, strict=True)]
        run = Run(trainee, adapters, seen, settings, folder.state, steps=ask.wanted_steps, epochs=ask.epochs or 1)
        with progress.track("a step on trial", 1) as bar:
            seconds = run.trial()
            bar.advance()
        stack.pop_all()
    return Training(
        ask, dataset, fits, buckets, settings, network, adapters, trainee, run, folder, scenes, seconds, lock
    )


def _scenes(ask: TrainingAsk, known: Identities) -> list[Scene]:
    asked = ask.samples
    if not asked.prompts:
        return []
    size = f"{ask.resolution}x{ask.resolution}"
    return scenes_of(
        ask.model,
        asked.prompts,
        "",
        str(asked.seed),
        asked.steps,
        asked.cfg,
        asked.sampler,
        size,
        clip_skip=ask.clip_skip,
        files=known,
    )


def _device() -> torch.device:
    """The settings' device, or CUDA where there is one."""
    return torch.device(load_settings().device or ("cuda" if torch.cuda.is_available() else "cpu"))


def _memory(device: torch.device) -> int | None:
    """The most bytes in use: of the graphics card, where that trains."""
    if device.type != "cuda":
        return peak_memory()
    return int(torch.cuda.max_memory_allocated(device))
