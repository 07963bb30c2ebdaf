"""Text embeddings, computed once for all variants whose text encoder has the same weights."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from blockweight.errors import BlockweightError
from blockweight.plan import Embedding, Job, Scene, SubPrompt, read_negative, read_prompt
from blockweight.render.local.chunks import Chunk
from blockweight.render.local.conditioning import Conditioning, Direction, in_step
from blockweight.render.local.encoder import Encoder, weighed
from blockweight.render.local.live import LiveLora
from blockweight.render.local.textual_inversion import read_vectors

CAPACITY = 256
"""Chunks that are kept; SD1's take 236 kB each in fp32. The largest batch of short prompts needs 52."""


class TextEmbeddings:
    """Chunks' embeddings by what decides them: the model, the tokens, and the scales of the LoRA's text encoder
    blocks."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, ...], Tensor] = OrderedDict()
        self._vectors: dict[tuple[str, str, int], Tensor] = {}

    def check(self, pipeline: Any, scene: Scene) -> None:
        """Refuse a clip skip that leaves no layer, and embeddings that are not for this model."""
        encoder = _encoder(pipeline, scene)
        if not 1 <= scene.clip_skip <= encoder.layers:
            raise BlockweightError(
                f"The clip skip must be 1 to {encoder.layers} for this model's text encoder, not {scene.clip_skip}; 1 "
                "or 2 are usual."
            )
        self._planted(encoder, scene)

    def conditioning(
        self, pipeline: Any, jobs: Sequence[Job], live: LiveLora | None, steps: int, *, guided: bool
    ) -> Conditioning:
        """What the UNet attends to each time that it is asked, `steps` times, for all jobs of a batch.

        Sets the samples of `live` as it goes.
        """
        rows: list[Direction] = []
        if guided:
            for sample, job in enumerate(jobs):
                negative = read_negative(job.scene.negative_prompt, steps)
                rows.append(Direction(sample, None, self._states(pipeline, job, negative, live)))
        for sample, job in enumerate(jobs):
            parts = read_prompt(job.scene.prompt, steps)
            found = [self._states(pipeline, job, part, live) for part in parts]
            rows += [Direction(sample, p.weight, s) for p, s in zip(parts, _of_one_length(found), strict=True)]
        return Conditioning(tuple(rows), len(jobs))

    def _states(self, pipeline: Any, job: Job, part: SubPrompt, live: LiveLora | None) -> tuple[Tensor, ...]:
        """What stands for a prompt in each step, (tokens, width): the same tensor where it stays the same. All of its
        texts have as many chunks as the longest; empty ones follow."""
        encoder = _encoder(pipeline, job.scene)
        vectors = self._planted(encoder, job.scene)
        times = Counter(span.pieces for span in part.spans)
        chunks = {pieces: encoder.chunks(pieces, vectors) for pieces in times}
        count = max(map(len, chunks.values()))
        columns = []
        for number in range(count):
            row = [found[number] if number < len(found) else Chunk() for found in chunks.values()]
            states = [self._chunk(encoder, job, chunk, vectors, live) for chunk in row]
            columns.append(weighed(states, [chunk.weights for chunk in row], list(times.values())))
        whole = {p: torch.cat(parts) for p, parts in zip(times, zip(*columns, strict=True), strict=True)}
        return tuple(whole[span.pieces] for span in part.spans for _ in range(span.start, span.stop))

    def _chunk(
        self, encoder: Encoder, job: Job, chunk: Chunk, vectors: Mapping[Embedding, Tensor], live: LiveLora | None
    ) -> Tensor:
        scales = () if live is None else live.text_scales(job.variant, job.lora.strength)
        if not any(scale for _, scale in scales):
            scales = ()
        digests = {embedding.name: embedding.digest for embedding in vectors}
        planted = tuple((place, digests[name]) for place, name in chunk.vectors)
        read = (encoder.key, encoder.layer, chunk.tokens, planted)
        key = (job.scene.checkpoint.digest, job.lora.digest if scales else "", scales, *read)
        if key not in self._kept:
            if live is not None:
                live.set_samples([job.variant], job.lora.strength)
            self._kept[key] = encoder.encode(chunk, vectors)
            while len(self._kept) > CAPACITY:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _planted(self, encoder: Encoder, scene: Scene) -> dict[Embedding, Tensor]:
        found = {}
        for embedding in scene.embeddings:
            key = (embedding.digest, encoder.key, encoder.width)
            if key not in self._vectors:
                self._vectors[key] = read_vectors(embedding, encoder.key, encoder.width)
            found[embedding] = self._vectors[key]
        return found


def _encoder(pipeline: Any, scene: Scene) -> Encoder:
    """Stable Diffusion 1's text encoder, as a scene reads it."""
    return Encoder(pipeline.tokenizer, pipeline.text_encoder, scene.clip_skip)


def _of_one_length(parts: Sequence[tuple[Tensor, ...]]) -> list[tuple[Tensor, ...]]:
    """The parts of a conjunction with as many tokens each: the last token of the shorter ones is repeated, as the WebUI
    does it (`stack_conds` of its `modules/prompt_parser.py`)."""
    longest = max(len(part[0]) for part in parts)
    return [
        in_step(part, lambda state: torch.cat([state, state[-1:].expand(longest - len(state), -1)])) for part in parts
    ]
