"""Text embeddings, computed once for all variants whose text encoders have the same weights."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from blockweight.errors import BlockweightError
from blockweight.plan import Embedding, Job, Scene, SubPrompt, read_negative, read_prompt
from blockweight.plan.prompt_emphasis import Piece
from blockweight.render.local.chunks import LENGTH, Chunk
from blockweight.render.local.conditioning import Conditioning, Direction, in_step
from blockweight.render.local.encoder import Encoded, Encoder, weighed
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.text_encoders import encoders_of
from blockweight.render.local.textual_inversion import read_vectors

CAPACITY = 512
"""Chunks of one text encoder that are kept; SD1's take 236 kB each in fp32, and SDXL's second encoder's 394 kB. The
largest batch of short prompts needs 52 of each encoder."""

_Text = tuple[Piece, ...]


@dataclass(frozen=True, eq=False)
class _Read:
    """What stands for a prompt in each step, the same tensor where it stays the same: states (tokens, width), and for
    SDXL pooled (width,)."""

    states: tuple[Tensor, ...]
    pooled: tuple[Tensor, ...]


class TextEmbeddings:
    """Chunks' embeddings by what decides them: the model, the tokens, and the scales of the LoRAs' text encoder
    blocks."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, ...], Encoded] = OrderedDict()
        self._vectors: dict[tuple[str, str, int], Tensor] = {}

    def check(self, pipeline: Any, scene: Scene) -> None:
        """Refuse a clip skip that leaves no layer, and embeddings that are not for this model."""
        encoders = encoders_of(pipeline, scene)
        layers = encoders[0].layers
        if not 1 <= scene.clip_skip <= layers:
            raise BlockweightError(
                f"The clip skip must be 1 to {layers} for this model's text encoder, not {scene.clip_skip}; 1 "
                "or 2 are usual."
            )
        found = [self._planted(encoder, scene) for encoder in encoders]
        for embedding in scene.embeddings:
            lengths = [len(vectors[embedding]) for vectors in found]
            if len(set(lengths)) > 1:
                raise BlockweightError(
                    f"'{embedding.path}' holds {lengths[0]} vectors for one text encoder and {lengths[1]} for the "
                    "other; get the embedding again, or take its name out of the prompt."
                )

    def conditioning(
        self, pipeline: Any, jobs: Sequence[Job], loras: LiveLoras, steps: int, over: int = 0, *, guided: bool
    ) -> Conditioning:
        """What the UNet attends to each time that it is asked, `steps` times, for all jobs of a batch, after a pass
        that asked it `over` times.

        Tells `loras` whose texts are read as it goes.
        """
        rows: list[Direction] = []
        if guided:
            for sample, job in enumerate(jobs):
                read = self._negative(pipeline, job, loras, steps, over)
                rows.append(Direction(sample, None, read.states, read.pooled))
        for sample, job in enumerate(jobs):
            parts = read_prompt(job.scene.prompt, steps, over)
            found = [self._read(pipeline, job, part, loras) for part in parts]
            states = _of_one_length([read.states for read in found])
            rows += [
                Direction(sample, part.weight, long, read.pooled)
                for part, long, read in zip(parts, states, found, strict=True)
            ]
        return Conditioning(tuple(rows), len(jobs))

    def _negative(self, pipeline: Any, job: Job, loras: LiveLoras, steps: int, over: int) -> _Read:
        """An empty negative prompt is nothing but zeros for SDXL, which was trained so (`get_learned_conditioning` of
        the WebUI's `modules/sd_models_xl.py`)."""
        encoders = encoders_of(pipeline, job.scene)
        if len(encoders) == 1 or job.scene.negative_prompt:
            return self._read(pipeline, job, read_negative(job.scene.negative_prompt, steps, over), loras)
        unet = pipeline.unet
        states = torch.zeros(LENGTH + 2, sum(encoder.width for encoder in encoders), dtype=unet.dtype)
        pooled = torch.zeros(encoders[-1].model.config.projection_dim, dtype=unet.dtype)
        return _Read((states.to(unet.device),) * steps, (pooled.to(unet.device),) * steps)

    def _read(self, pipeline: Any, job: Job, part: SubPrompt, loras: LiveLoras) -> _Read:
        """All of a prompt's texts have as many chunks as the longest; empty ones follow. The states of several encoders
        stand side by side; what is pooled is the last encoder's, of the first chunk."""
        times = Counter(span.pieces for span in part.spans)
        encoders = encoders_of(pipeline, job.scene)
        planted = [self._planted(encoder, job.scene) for encoder in encoders]
        chunks = [
            {pieces: encoder.chunks(pieces, vectors) for pieces in times}
            for encoder, vectors in zip(encoders, planted, strict=True)
        ]
        count = max(len(found) for by_text in chunks for found in by_text.values())
        read = [
            self._columns(encoder, job, by_text, vectors, loras, times, count)
            for encoder, by_text, vectors in zip(encoders, chunks, planted, strict=True)
        ]
        # The text encoders may stay with the CPU (`residence`).
        like = pipeline.unet
        states = {t: torch.cat([by_text[t].states for by_text in read], 1).to(like.device, like.dtype) for t in times}
        last = {text: found.pooled for text, found in read[-1].items() if found.pooled is not None}
        pooled = {text: found.to(like.device, like.dtype) for text, found in last.items()}
        order = [span.pieces for span in part.spans for _ in range(span.start, span.stop)]
        return _Read(tuple(states[text] for text in order), tuple(pooled[text] for text in order if pooled))

    def _columns(
        self,
        encoder: Encoder,
        job: Job,
        chunks: Mapping[_Text, Sequence[Chunk]],
        vectors: Mapping[Embedding, Tensor],
        loras: LiveLoras,
        times: Mapping[_Text, int],
        count: int,
    ) -> dict[_Text, Encoded]:
        """Each text as one encoder reads it, `count` chunks joined, with its emphasis."""
        columns: list[list[Tensor]] = []
        pooled: list[Tensor | None] = []
        for number in range(count):
            row = [found[number] if number < len(found) else Chunk() for found in chunks.values()]
            found = [self._chunk(encoder, job, chunk, vectors, loras) for chunk in row]
            pooled = pooled or [one.pooled for one in found]
            states = [one.states for one in found]
            columns.append(weighed(states, [chunk.weights for chunk in row], list(times.values())))
        return {
            text: Encoded(torch.cat(parts), first)
            for text, parts, first in zip(chunks, zip(*columns, strict=True), pooled, strict=True)
        }

    def _chunk(
        self, encoder: Encoder, job: Job, chunk: Chunk, vectors: Mapping[Embedding, Tensor], loras: LiveLoras
    ) -> Encoded:
        digests = {embedding.name: embedding.digest for embedding in vectors}
        planted = tuple((place, digests[name]) for place, name in chunk.vectors)
        read = (encoder.key, encoder.layer, chunk.tokens, planted)
        key = (job.scene.checkpoint.digest, loras.text_key(job, (encoder.component,)), *read)
        if key not in self._kept:
            loras.set_texts(job)
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


def _of_one_length(parts: Sequence[tuple[Tensor, ...]]) -> list[tuple[Tensor, ...]]:
    """The parts of a conjunction with as many tokens each: the last token of the shorter ones is repeated, as the WebUI
    does it (`stack_conds` of its `modules/prompt_parser.py`)."""
    longest = max(len(part[0]) for part in parts)
    return [
        in_step(part, lambda state: torch.cat([state, state[-1:].expand(longest - len(state), -1)])) for part in parts
    ]
