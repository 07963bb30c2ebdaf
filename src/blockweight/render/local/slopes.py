"""One picture forth and back: the gradient of numbers that are read off it by the block weights."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor

from blockweight.blocks import DENOISERS, REST
from blockweight.errors import BlockweightError, quoted
from blockweight.plan import LATENT_UPSCALERS, Job, Scene
from blockweight.render.local.engine import Engine
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.memory import ran_out_of_memory
from blockweight.render.local.recalculation import Recalculation
from blockweight.render.protocol import Step, Watch
from blockweight.render.sloping import Levels, SlopeAsk, Slopes

_LARGEST = 0.5
"""Of the numbers that go back into the autoencoder: half precision knows neither much larger nor much smaller ones."""


def check_weights(job: Job) -> None:
    """Refuse a picture without the LoRA."""
    if job.variant.weights is None:
        raise BlockweightError(
            f"The picture {quoted(job.variant.label)} is without the LoRA, so no block has a weight there; take "
            "its slopes with every block at 0."
        )


def check_slopes(ask: SlopeAsk) -> None:
    """Refuse a picture without the LoRA, and one whose second pass begins with a picture of 8 bits."""
    scene = ask.job.scene
    check_weights(ask.job)
    if scene.hires is not None and scene.hires.upscaler not in LATENT_UPSCALERS:
        raise BlockweightError(
            f"The scene {quoted(scene.label)} enlarges the picture itself between its passes, and no gradient goes "
            "through that; use one of the Latent upscalers, leave out the hires pass, or use another --method."
        )


def slopes_of(ask: SlopeAsk, engine: Engine, loras: LiveLoras, watch: Watch, room: int | None = None) -> Slopes:
    """The slopes of one ask; `room` as for Recalculation. BlockweightError if the picture does not fit into the memory,
    or the picture or a slope is not a number."""
    job = ask.job
    counted = _Counted(watch, loras)
    started = time.perf_counter()
    with (
        memory_in_words(job.scene),
        torch.enable_grad(),
        engine.texts_anew(),
        loras.sloping(job) as leaves,
        counted.on(engine, room),
    ):
        drawn = engine.draw([job], loras, counted.forth)
        levels = (drawn[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5
        picture = levels.detach().double().cpu().numpy()
        if not np.isfinite(picture).all():
            raise BlockweightError(no_number("picture", job.scene))
        forth = time.perf_counter() - started
        cotangents = [np.asarray(each, np.float64) for each in ask.cotangents(picture)]
        counted.back(len(cotangents))
        blocks = blocks_of(loras, leaves)
        found = []
        for cotangent in cotangents:
            found.append(_back(levels, cotangent, [leaves[block] for block in blocks]))
            counted.gone_back(len(found))
    slopes = np.array(found, np.float64).reshape(len(found), len(blocks))
    if not np.isfinite(slopes).all():
        raise BlockweightError(no_number("gradient", job.scene))
    seconds = time.perf_counter() - started
    return Slopes(job, picture, tuple(blocks), slopes, counted.rows, counted.rows * seconds / forth, seconds)


def _back(levels: Tensor, cotangent: Levels, leaves: Sequence[Tensor]) -> list[float]:
    """The derivatives of Σ cotangent · levels by the leaves; 0 for a LoRA that is off in every step."""
    largest = float(np.abs(cotangent).max(initial=0.0))
    if largest == 0 or not levels.requires_grad:
        return [0.0] * len(leaves)
    # A power of two changes no digit.
    power = 2.0 ** math.floor(math.log2(_LARGEST / (127.5 * largest))) if math.isfinite(largest) else 1.0
    scaled = torch.from_numpy(cotangent * power).to(levels.device, levels.dtype)
    found = torch.autograd.grad(levels, leaves, scaled, retain_graph=True, allow_unused=True)
    return [0.0 if each is None else float(each) / power for each in found]


def blocks_of(loras: LiveLoras, leaves: Mapping[str, Tensor]) -> list[str]:
    """The blocks in the family's order, REST last."""
    assert loras.tuned is not None
    return [block for block in (*loras.tuned.lora.blocks, REST) if block in leaves]


@contextmanager
def memory_in_words(scene: Scene) -> Iterator[None]:
    """Say in a sentence that there is no memory for what is done in here."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        width, height = scene.picture_size
        raise BlockweightError(
            f"The gradient of a picture of {width}×{height} pixels does not fit into the memory; use smaller pictures, "
            "or another --method."
        ) from error


def no_number(what: str, scene: Scene) -> str:
    """What came out as something that is not a number, in a sentence."""
    return (
        f"The {what} of the scene {quoted(scene.label)} came out as something that is not a number: the weights are "
        "too large for this model's number format; lower them, or use another --method."
    )


class _Counted:
    """Counts the denoiser's rows and tells of its calls, those on the way back too."""

    def __init__(self, watch: Watch, loras: LiveLoras) -> None:
        self.rows = 0
        self._watch, self._loras = watch, loras
        self._done = self._forth = self._ways = 0

    @contextmanager
    def on(self, engine: Engine, room: int | None) -> Iterator[None]:
        """Count the denoisers' calls, and keep of them and the autoencoder's what there is room for."""
        pipeline = engine.pipeline
        again = Recalculation(pipeline.vae.device, room)
        with ExitStack() as stack:
            for name, part in engine.components.items():
                if name in DENOISERS:
                    stack.enter_context(again.of(part, "forward", self._called, self._loras.moment))
            stack.enter_context(again.of(pipeline.vae, "decode"))
            yield

    def forth(self, done: int, of: int) -> None:
        """The model was asked `done` of `of` times for the picture; how often it will be gone back through is not known
        yet."""
        self._done, self._forth = done, of
        self._watch(Step(1, done, 2 * of))

    def back(self, times: int) -> None:
        """The picture is made; it will be gone back through so often."""
        self._forth, self._ways = self._done, 1 + times

    def gone_back(self, times: int) -> None:
        """So often so far."""
        self._tell(self._forth * (1 + times))

    def _called(self, rows: int) -> None:
        if self._ways:
            self._tell(self._done + 1)
        else:
            self.rows += rows

    def _tell(self, done: int) -> None:
        if done > self._done:
            self._done = done
            self._watch(Step(1, done, max(done, self._forth * self._ways)))
