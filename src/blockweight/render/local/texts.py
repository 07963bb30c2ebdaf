"""Text embeddings, computed once for all variants whose text encoder has the same weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor

from blockweight.plan import Job
from blockweight.render.local.live import LiveLora

CAPACITY = 256
"""Embeddings that are kept; SD1's take 236 kB each in fp32. The largest batch needs 52."""


class TextEmbeddings:
    """Embeddings by what decides them: the model, the text, and the scales of the LoRA's text encoder blocks."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Hashable, ...], Tensor] = OrderedDict()

    def contexts(self, pipeline: Any, jobs: Sequence[Job], live: LiveLora | None, *, guided: bool) -> Tensor:
        """What the UNet attends to, (N or 2N, tokens, width): the negative prompts' half first if guided.

        Sets the samples of `live` as it goes.
        """
        texts = [(job, job.scene.negative_prompt) for job in jobs] if guided else []
        texts += [(job, job.scene.prompt) for job in jobs]
        return torch.stack([self._embedding(pipeline, job, text, live) for job, text in texts])

    def _embedding(self, pipeline: Any, job: Job, text: str, live: LiveLora | None) -> Tensor:
        scales = () if live is None else live.text_scales(job.variant, job.lora.strength)
        if not any(scale for _, scale in scales):
            scales = ()
        key = (job.scene.checkpoint.digest, job.lora.digest if scales else "", scales, text)
        if key not in self._kept:
            if live is not None:
                live.set_samples([job.variant], job.lora.strength)
            self._kept[key] = _encode(pipeline, text)
            while len(self._kept) > CAPACITY:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _encode(pipeline: Any, text: str) -> Tensor:
    """One text's embedding, (tokens, width). One at a time: whatever was encoded before, the answer is the same to the
    last bit. Tokens beyond the model's length are left out (see `cut_off`)."""
    tokens = pipeline.tokenizer(
        [text],
        padding="max_length",
        max_length=pipeline.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    states: Tensor = pipeline.text_encoder(tokens.to(pipeline.text_encoder.device)).last_hidden_state
    return states[0]


def cut_off(pipeline: Any, text: str) -> str:
    """The end of a text that the text encoder does not see, because it comes after the tokens that it takes (75 and
    the two at the ends); empty if it sees all."""
    tokenizer = pipeline.tokenizer
    tokens = tokenizer(text, verbose=False).input_ids
    unseen = tokens[tokenizer.model_max_length - 1 : -1]
    return str(tokenizer.decode(unseen)).strip() if unseen else ""
