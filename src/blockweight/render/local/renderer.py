"""The local renderer: models on this machine, many variants in one batch.

Every sample of a batch has its own seed, prompt and block weights; the only things they share are the model, the LoRA
files and strengths, the other LoRAs' weights, the picture size, the sampler, its steps and the guidance.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path

import torch

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Checkpoint, Job, Scene
from blockweight.render.local.batches import Batches, BatchSizes
from blockweight.render.local.checks import check_family, check_fits, check_scene
from blockweight.render.local.conditioning import directions
from blockweight.render.local.controls import control_key
from blockweight.render.local.decoding import levels_of
from blockweight.render.local.engine import Engine
from blockweight.render.local.engines import FAMILIES, load_engine
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.lora_shelf import LoraShelf
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.local.models import dtype_on, pick_device
from blockweight.render.local.probing import Way, probe_scene
from blockweight.render.local.sketches import check_sketch, sketch_of
from blockweight.render.local.slopes import check_slopes, slopes_of
from blockweight.render.probing import ProbeAsk, Probed, check_steps
from blockweight.render.protocol import Capabilities, Failure, Rendering, RenderingError, Step, Watch, unwatched
from blockweight.render.sloping import Sketch, SketchAsk, SlopeAsk, Slopes
from blockweight.render.wanted import check_uses

LARGEST_BATCH = 26


@dataclass(frozen=True)
class _Drawn:
    """What became of a batch."""

    made: list[Rendering]
    failures: list[Failure]


class _Ended(BaseException):
    """What `watch` raised: no fault of the batch, whatever its type."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class LocalRenderer:
    """Renders with torch and diffusers on this machine. `batch` is how many jobs go through the model at once; by
    default as many as there is memory for on a graphics card, or as make a megapixel elsewhere, `largest` at most.
    `config` tells the sizes of single-file checkpoints (see `load_engine`).

    One model is in memory at a time, with the LoRAs of one batch.
    """

    def __init__(
        self,
        device: torch.device | None = None,
        batch: int | None = None,
        config: Path | None = None,
        largest: int = LARGEST_BATCH,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._dtype = dtype
        self.device = pick_device() if device is None else device
        self._sizes = BatchSizes(self.device, batch, largest)
        self._most = batch or largest
        self._config = config
        self._loaded: tuple[str, Engine] | None = None
        self._shelf = LoraShelf()

    @property
    def capabilities(self) -> Capabilities:
        """The families of all engines, with live block weights, and what the model that `check` loaded calculates
        in: transformers have another precision by default."""
        usual = self._dtype or dtype_on(self.device)
        dtype = usual if self._loaded is None else self._loaded[1].dtype
        arithmetic = f"{self.device.type}, {str(dtype).removeprefix('torch.')}"
        return Capabilities(families=FAMILIES, batch=self._most, arithmetic=arithmetic)

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuse unknown samplers, sizes that the model cannot draw, models that cannot be loaded, LoRAs of other
        families or other models, and embeddings for other models."""
        for job in jobs:
            check_scene(job.scene)
            check_family(job, FAMILIES)
            check_uses(job)
        # Backwards, so that the model and the LoRAs that are needed first are the ones that stay loaded.
        for job in sorted(jobs, key=_shared, reverse=True):
            engine = self._engine(job.scene.checkpoint)
            check_fits(job, engine.families)
            engine.check(job.scene)
            self._attach([job])

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """Render in batches of jobs that share model, LoRA, size and sampler; a batch is left out if all its jobs are
        finished. One that does not fit into the memory is rendered in halves.

        RenderingError at the end if jobs failed: a picture is not made of numbers, there is no memory even for one, or
        the model or the LoRA could not be read any more.
        """
        failures: list[Failure] = []
        for kind, group in groupby(sorted(jobs, key=_shared), key=_shared):
            same = list(group)
            scene = same[0].scene
            way = (kind, _pixels(scene), directions(scene))
            batches = Batches(same, self._sizes.size(*way))
            for batch in batches:
                missing = [job for job in batch if job.key not in finished]
                if not missing:
                    continue
                drawn = self._attempt(batch, missing, watch)
                if drawn is not None:
                    failures += drawn.failures
                    yield from drawn.made
                elif len(batch) > 1:
                    self._sizes.too_many(kind, len(batch))
                    batches.split(batch, self._sizes.size(*way))
                else:
                    failures.append(Failure(batch[0], self._no_room(scene)))
        if failures:
            raise RenderingError(failures)

    def slopes(self, asks: Sequence[SlopeAsk], watch: Watch = unwatched) -> Iterator[Slopes]:
        """One picture at a time, with what the LoRA changes calculated beside the model's own weights."""
        for ask in asks:
            check_slopes(ask)
        self.check([ask.job for ask in asks])
        return self._slopes(asks, watch)

    def _slopes(self, asks: Sequence[SlopeAsk], watch: Watch) -> Iterator[Slopes]:
        for ask in asks:
            loras = self._attach([ask.job])
            yield slopes_of(ask, self._engine(ask.job.scene.checkpoint), loras, watch)

    def sketches(self, asks: Sequence[SketchAsk], watch: Watch = unwatched) -> Iterator[Sketch]:
        """As `slopes`."""
        for ask in asks:
            check_sketch(ask)
        self.check([ask.job for ask in asks])
        return self._sketches(asks, watch)

    def _sketches(self, asks: Sequence[SketchAsk], watch: Watch) -> Iterator[Sketch]:
        for ask in asks:
            loras = self._attach([ask.job])
            yield sketch_of(ask, self._engine(ask.job.scene.checkpoint), loras, watch)

    def noise_levels(self, job: Job) -> tuple[float, ...]:
        """The ratio of noise to picture every time that the model is asked in the job's first pass; ∞ for noise
        alone."""
        loras, engine = self._attach([job]), self._engine(job.scene.checkpoint)
        with torch.inference_mode():
            return tuple(engine.noise_levels(job, loras))

    def probe(self, asks: Sequence[ProbeAsk], watch: Watch = unwatched) -> Iterator[Probed]:
        """Ask the model on the way of each scene's source, in batches as they are rendered in.

        BlockweightError for a step that a scene has not, or if there is no memory even for one sample.
        """
        for ask in asks:
            yield self._probe(ask, watch)

    def _probe(self, ask: ProbeAsk, watch: Watch) -> Probed:
        scene = ask.scene
        levels = self.noise_levels(ask.jobs[0])
        loras = self._attach(ask.jobs)
        check_steps(ask, len(levels))
        way = Way(_shared(ask.jobs[0]), scene.width * scene.height, directions(scene))

        def told(done: int, of: int) -> None:
            try:
                watch(Step(len(ask.changed), done, of))
            except Exception as error:
                raise _Ended(error) from error

        try:
            return probe_scene(self._engine(scene.checkpoint), loras, ask, self._sizes, way, levels, told)
        except _Ended as ended:
            raise ended.error from None
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            raise BlockweightError(self._no_room(scene)) from error

    def _attempt(self, jobs: Sequence[Job], missing: Sequence[Job], watch: Watch) -> _Drawn | None:
        """A batch; None if it does not fit into the memory. What its steps held is free again then."""
        try:
            return self._render_batch(jobs, missing, watch)
        except _Ended as ended:
            raise ended.error from None
        except BlockweightError as error:
            return _Drawn([], [Failure(job, str(error)) for job in missing])
        except (RuntimeError, MemoryError) as error:
            if not ran_out_of_memory(error):
                raise
            return None

    def _render_batch(self, jobs: Sequence[Job], missing: Sequence[Job], watch: Watch) -> _Drawn:
        def told(done: int, of: int) -> None:
            try:
                watch(Step(len(missing), done, of))
            except Exception as error:
                raise _Ended(error) from error

        started = time.perf_counter()
        loras = self._attach(jobs)
        engine = self._engine(jobs[0].scene.checkpoint)
        with torch.inference_mode():
            drawn = engine.draw(jobs, loras, told)
        levels = levels_of(drawn, cut=bool(jobs[0].scene.scheduler))
        whole = [(j, seen) for j, seen, picture in zip(jobs, levels, drawn, strict=True) if picture.isfinite().all()]
        share = (time.perf_counter() - started) / len(jobs)
        left = range(len(whole) - 1, -1, -1)
        batch = tuple(job.key for job in jobs) if len(jobs) > 1 else ()
        made = [Rendering(job, picture, share, after, batch) for (job, picture), after in zip(whole, left, strict=True)]
        keys = {job.key for job, _ in whole}
        return _Drawn(made, [_no_number(job) for job in missing if job.key not in keys])

    def _no_room(self, scene: Scene) -> str:
        width, height = scene.picture_size
        return (
            f"A picture of {width}×{height} pixels does not fit into the memory of {self.device}; render smaller "
            "pictures, or close other programs that use it."
        )

    def _engine(self, checkpoint: Checkpoint) -> Engine:
        if self._loaded is None or self._loaded[0] != checkpoint.digest:
            # Let the old one go before the new one comes: two may not fit.
            self._shelf.clear()
            self._loaded = None
            engine = load_engine(Path(checkpoint.path), self.device, self._config, self._dtype)
            self._loaded = (checkpoint.digest, engine)
        return self._loaded[1]

    def _attach(self, jobs: Sequence[Job]) -> LiveLoras:
        """The LoRAs of a batch, on its model."""
        return self._shelf.take(jobs, self._engine(jobs[0].scene.checkpoint))


def _no_number(job: Job) -> Failure:
    return Failure(
        job,
        f"The picture {quoted(job.variant.label)} of the scene {quoted(job.scene.label)} came out as something that is "
        "not a number: the weights are too large for this model, or the model is damaged; lower them.",
    )


def _pixels(scene: Scene) -> int:
    """Of the larger pass."""
    return max(scene.width * scene.height, math.prod(scene.picture_size))


def _shared(job: Job) -> tuple[Hashable, ...]:
    """What the jobs of one batch have in common."""
    scene = job.scene
    size = (scene.width, scene.height, scene.steps, scene.cfg_scale, scene.sampler, scene.scheduler)
    way = (
        -1.0 if scene.eta is None else scene.eta,
        -1.0 if scene.guidance is None else scene.guidance,
        scene.noise_source,
        () if scene.hires is None else astuple(scene.hires),
        "" if scene.vae is None else scene.vae.digest,
        -1.0 if scene.start is None else scene.start.denoising,
        tuple(control_key(each) for each in scene.controls),
    )
    lora, others = job.lora, [other.use for other in scene.loras]
    # First the model, then the files of the LoRAs: they take the longest to change.
    files = (scene.checkpoint.digest, lora.digest, tuple(use.digest for use in others))
    uses = (
        (lora.strength, lora.in_texts, lora.start, math.inf if lora.stop is None else lora.stop),
        tuple(json.dumps(other.use.facts(other.weights), sort_keys=True) for other in scene.loras),
    )
    return (*files, *uses, *size, *way, directions(scene))
