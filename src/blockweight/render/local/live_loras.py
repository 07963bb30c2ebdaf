"""The LoRAs that a batch is drawn with: the one that is tuned, with the weights of each job, and those of the scene."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from blockweight.blocks import TEXT_ENCODERS
from blockweight.plan import Job, LoraUse, Variant
from blockweight.render.local.live import LiveLora


@dataclass(frozen=True)
class _Used:
    """One of the LoRAs as jobs use it: with a variant for each."""

    live: LiveLora
    use: LoraUse
    variants: Sequence[Variant]


class LiveLoras:
    """All LoRAs on a model. `tuned` is None if no job has any block weights for it; `others` are those of the jobs'
    scenes, in their order. In steps that are not in its range a LoRA is off in the denoiser."""

    def __init__(self, tuned: LiveLora | None = None, others: Sequence[LiveLora] = ()) -> None:
        self.tuned = tuned
        self._others = others
        for rank, live in enumerate((tuned, *others)):
            if live is not None:
                live.rank = rank
        self._rows: list[_Used] = []
        self._strengths: list[float] = []
        self._step = 1

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.tuned is not None or bool(self._others)

    def set_rows(self, jobs: Sequence[Job]) -> None:
        """Give each sample of the denoiser's coming batches the block weights of its job, all of one batch, as in the
        first step. A batch may have k times as many rows (see `LiveLora.set_samples`)."""
        self._rows, self._strengths = self._used(jobs), []
        self.turn(1)

    def turn(self, step: int) -> None:
        """Go on to a step, counted from 1: LoRAs whose ranges begin or end there are turned on or off."""
        self._step = step
        strengths = [each.use.strength if each.use.works_in(step) else 0.0 for each in self._rows]
        for place, (each, now) in enumerate(zip(self._rows, strengths, strict=True)):
            if not self._strengths or self._strengths[place] != now:
                each.live.set_samples(each.variants, now, in_texts=False)
        self._strengths = strengths

    def moment(self) -> Callable[[], None]:
        """Comes back to the step that is now."""
        return partial(self.turn, self._step)

    def set_texts(self, job: Job) -> None:
        """Have texts read as this job's are."""
        for each in self._used([job]):
            each.live.set_samples(each.variants, each.use.in_texts, in_texts=True)

    def text_key(self, job: Job, components: Collection[str] = TEXT_ENCODERS) -> tuple[object, ...]:
        """What of the LoRAs decides how these text encoders read this job's texts; () if nothing does."""
        found = []
        for each in self._used([job]):
            scales = each.live.text_scales(each.variants[0], each.use.in_texts, components)
            if any(scale for _, scale in scales):
                found.append((each.use.digest, scales))
        return tuple(found)

    def changes(self, layer: nn.Module, jobs: Sequence[Job]) -> bool:
        """Whether any of them may change this layer of the denoiser in the pictures of these jobs. Another LoRA whose
        weights are all 0 is as none."""
        tuned = self.tuned is not None and layer in self.tuned.layers
        return tuned or any(
            layer in each.live.layers
            and each.use.strength != 0
            and any(weight != 0 for v in each.variants if v.weights for weight in (*v.weights.values, v.weights.rest))
            for each in self._used(jobs)
            if each.live is not self.tuned
        )

    @contextmanager
    def sloping(self, job: Job) -> Iterator[Mapping[str, Tensor]]:
        """As `LiveLora.sloping`, for the weights of the LoRA that is tuned, which the job must have.

        Others that are not on in every step are calculated beside: a gradient still needs the weights that were merged
        before they were turned off."""
        weights = job.variant.weights
        assert self.tuned is not None
        assert weights is not None
        ranged = [each.live for each in self._used([job])[1:] if not each.use.always]
        for live in ranged:
            live.beside = True
        try:
            with self.tuned.sloping(weights) as leaves:
                yield leaves
        finally:
            for live in ranged:
                live.beside = False

    def _used(self, jobs: Sequence[Job]) -> list[_Used]:
        tuned = [] if self.tuned is None else [_Used(self.tuned, jobs[0].lora, [job.variant for job in jobs])]
        others = [
            _Used(live, other.use, [Variant(other.use.path, other.weights)] * len(jobs))
            for live, other in zip(self._others, jobs[0].scene.loras, strict=True)
        ]
        return [*tuned, *others]
