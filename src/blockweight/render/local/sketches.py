"""How much one prediction of the model changes with every block's weight, for all blocks at once.

For a random r of ±1, ⟨r, J_b⟩² has the mean ‖J_b‖², where J_b = ∂ prediction / ∂ weight of block b (Hutchinson 1990, A
Stochastic Estimator of the Trace of the Influence Matrix), and one way back gives ⟨r, J_b⟩ of every block.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from blockweight.blocks import DENOISERS
from blockweight.errors import BlockweightError, quoted
from blockweight.render.local.engine import Engine
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.slopes import blocks_of, check_weights, memory_in_words, no_number
from blockweight.render.protocol import Step, Watch
from blockweight.render.sloping import Sketch, SketchAsk

_REGIONS = ("", "inside", "outside")


def check_sketch(ask: SketchAsk) -> None:
    """Refuse a picture without the LoRA, a prediction that is never made, too few projections, and a mask of another
    size or one that leaves out nothing."""
    scene = ask.job.scene
    check_weights(ask.job)
    if not 0 <= ask.at < scene.steps:
        raise BlockweightError(
            f"The scene {quoted(scene.label)} has {scene.steps} steps, counted from 0, so there is no step {ask.at} to "
            "measure at; take an earlier one."
        )
    if ask.projections < 1:
        raise BlockweightError(f"A sketch takes 1 projection or more, not {ask.projections}; 4 are usual.")
    width, height = scene.picture_size
    if ask.mask is not None and ask.mask.shape != (height, width):
        raise BlockweightError(
            f"The mask has {ask.mask.shape[1]}×{ask.mask.shape[0]} pixels but the picture {width}×{height}; use a mask "
            "of the picture's size."
        )
    if ask.mask is not None and (ask.mask.all() or not ask.mask.any()):
        raise BlockweightError("The mask leaves nothing inside or nothing outside; mark a part of the picture.")


def sketch_of(ask: SketchAsk, engine: Engine, loras: LiveLoras, watch: Watch) -> Sketch:
    """The sizes of one ask. BlockweightError if it does not fit into the memory, or is not made of numbers."""
    job = ask.job
    drawing = _Drawing(ask, watch)
    started = time.perf_counter()
    with (
        memory_in_words(job.scene),
        torch.enable_grad(),
        engine.texts_anew(),
        loras.sloping(job) as leaves,
        drawing.until(engine),
    ):
        try:
            engine.draw([job], loras, lambda _done, _of: None)
        except _ThereError as there:
            predicted = there.predicted.float()
        else:
            raise BlockweightError(
                f"The scene {quoted(job.scene.label)} is over before step {ask.at}; measure at an earlier one."
            )
        forth = time.perf_counter() - started
        blocks = blocks_of(loras, leaves)
        sizes = _sizes(ask, predicted, [leaves[block] for block in blocks], drawing)
    if not np.isfinite(sizes).all():
        raise BlockweightError(no_number("gradient", job.scene))
    seconds = time.perf_counter() - started
    regions = _REGIONS if ask.mask is not None else _REGIONS[:1]
    return Sketch(job, tuple(blocks), regions, sizes, drawing.rows, drawing.rows * seconds / forth, seconds)


def _sizes(ask: SketchAsk, predicted: Tensor, leaves: list[Tensor], drawing: _Drawing) -> NDArray[np.float64]:
    """(regions, blocks); 0 where the LoRA has no part in the prediction."""
    shares = [torch.ones_like(predicted)]
    if ask.mask is not None:
        inside = _placed(ask.mask, predicted)
        shares = [inside, 1 - inside]
    random = torch.Generator().manual_seed(ask.seed)
    found = np.zeros((ask.projections, len(shares), len(leaves)))
    for number in range(ask.projections):
        signs = (torch.randint(0, 2, predicted.shape, generator=random) * 2 - 1).to(predicted)
        for region, share in enumerate(shares):
            found[number, region] = _grown(predicted, signs * share.sqrt(), leaves)
            drawing.told()
    counts = [float(share.sum()) for share in shares]
    sizes: NDArray[np.float64] = np.sqrt((found**2).mean(0) / np.array(counts)[:, None])
    if ask.mask is None:
        return sizes
    # Both regions together are the whole; their projections stand side by side.
    whole = np.sqrt((found.sum(1) ** 2).mean(0) / sum(counts))
    return np.stack([whole, *sizes])


def _grown(predicted: Tensor, signs: Tensor, leaves: list[Tensor]) -> list[float]:
    """∂ Σ signs · predicted / ∂ each of the leaves."""
    if not predicted.requires_grad:
        return [0.0] * len(leaves)
    grown = torch.autograd.grad(predicted, leaves, signs, retain_graph=True, allow_unused=True)
    return [0.0 if each is None else float(each) for each in grown]


def _placed(mask: NDArray[np.bool_], predicted: Tensor) -> Tensor:
    """How much of every value of a prediction lies in the mask, 0 to 1: (N, C, …, h, w), or (N, h · w, C)."""
    whole = torch.from_numpy(mask).to(predicted.device, torch.float32)[None, None]
    if predicted.dim() == 3:
        tokens = predicted.shape[1]
        high = round(math.sqrt(tokens * mask.shape[0] / mask.shape[1]))
        return adaptive_avg_pool2d(whole, (high, tokens // high)).reshape(1, tokens, 1).expand_as(predicted)
    high, wide = predicted.shape[-2:]
    pooled = adaptive_avg_pool2d(whole, (high, wide))
    return pooled.reshape(*[1] * (predicted.dim() - 2), high, wide).expand_as(predicted)


class _ThereError(BaseException):
    """The prediction is made: nothing else of the picture is wanted. No library takes it for a fault of its own."""

    def __init__(self, predicted: Tensor) -> None:
        self.predicted = predicted


class _Drawing:
    """A picture until the prediction that is asked for, with gradients in that one alone."""

    def __init__(self, ask: SketchAsk, watch: Watch) -> None:
        self.rows = 0
        self._at, self._made, self._watch = ask.at, 0, watch
        self._of = ask.at + 1 + ask.projections * (1 if ask.mask is None else 2)

    @contextmanager
    def until(self, engine: Engine) -> Iterator[None]:
        """Watch the engine draw; what it predicts at the last comes out as _ThereError."""
        denoisers = [part for name, part in engine.components.items() if name in DENOISERS]
        handles = [part.register_forward_pre_hook(self._before, with_kwargs=True) for part in denoisers]
        try:
            with engine.seeing(self._seen):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def told(self) -> None:
        """One step more is done."""
        self._made += 1
        self._watch(Step(1, self._made, self._of))

    def _before(self, _part: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.rows += len(given[0] if given else next(iter(named.values())))
        torch.set_grad_enabled(self._made == self._at)

    def _seen(self, predicted: Tensor) -> None:
        there = self._made == self._at
        self.told()
        if there:
            raise _ThereError(predicted)
