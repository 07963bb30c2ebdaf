"""A text encoder: chunks of tokens in, what the UNet attends to out.

What equals AUTOMATIC1111's WebUI 1.10 (`modules/sd_hijack_clip.py`, `sd_hijack_open_clip.py`, `sd_emphasis.py`): the
ids of every chunk, the layer that is read, and emphasis of the kind "Original". Its numbers are those of the same
operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from blockweight.plan import Embedding
from blockweight.plan.prompt_emphasis import Piece
from blockweight.render.local.chunks import LENGTH, Chunk, Planted, chunks_of

OPENCLIP_PADDING = 0
"""The token that OpenCLIP's chunks are filled with, `!`."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """What stands for a chunk: `states` (77, width), and, of an encoder that projects, `pooled` (width,), the state of
    the end token behind the last layer, normed and projected."""

    states: Tensor
    pooled: Tensor | None = None


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and its text model, and what of the model is read: the `layer`-th of its hidden states from the end,
    1 for the last, through the final layer norm or not. `key` names the encoder in embeddings' files, `component` in
    LoRAs. `openclip` says that it reads as OpenCLIP does: no word stands for a token of another meaning, and chunks are
    filled up with OPENCLIP_PADDING."""

    tokenizer: Any
    model: Any
    layer: int = 1
    final_norm: bool = True
    key: str = "clip_l"
    component: str = "text_encoder"
    openclip: bool = False

    @property
    def width(self) -> int:
        """How many numbers stand for a token."""
        return int(self.model.config.hidden_size)

    @property
    def layers(self) -> int:
        """How many layers the text model has."""
        return int(self.model.config.num_hidden_layers)

    def chunks(self, pieces: Sequence[Piece], vectors: Mapping[Embedding, Tensor]) -> tuple[Chunk, ...]:
        """The chunks of a prompt's pieces, with these embeddings where their names stand."""
        planted = [Planted(e.name, tuple(self.tokens(e.name)), len(found)) for e, found in vectors.items()]
        return chunks_of(pieces, self.tokens, self._comma, planted)

    def encode(self, chunk: Chunk, vectors: Mapping[Embedding, Tensor]) -> Encoded:
        """One chunk before emphasis. One at a time: whatever was encoded before, the answer is the same to the last
        bit."""
        ids = torch.tensor([self.ids(chunk)], device=self.model.device)
        by_name = {embedding.name: found for embedding, found in vectors.items()}
        with self._planted([(place, by_name[name]) for place, name in chunk.vectors]):
            last = self.layer == 1 and self.final_norm
            found = self.model(ids, output_hidden_states=not last)
            states: Tensor = found.last_hidden_state if last else found.hidden_states[-self.layer]
            states = self.norm(states) if self.final_norm and not last else states
        pooled = getattr(found, "text_embeds", None)
        return Encoded(states[0], None if pooled is None else pooled[0])

    @property
    def _comma(self) -> int:
        known: int = self.tokenizer.convert_tokens_to_ids(",</w>")
        return known

    @property
    def norm(self) -> Any:
        """The layer that every state goes through at the end."""
        # transformers 5.6 dropped the level `text_model` from CLIPTextModel.
        return getattr(self.model, "text_model", self.model).final_layer_norm

    def tokens(self, text: str) -> list[int]:
        """A text's tokens, however many, without those of the ends."""
        if self.openclip:
            # transformers reads the padding, "!", as that wherever it stands in a text. OpenCLIP does not.
            known = self.tokenizer.backend_tokenizer
            plain = Tokenizer(known.model)
            plain.normalizer, plain.pre_tokenizer = known.normalizer, known.pre_tokenizer
            read: list[int] = plain.encode(text, add_special_tokens=False).ids
            return read
        found: list[int] = self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids
        return found

    def ids(self, chunk: Chunk) -> list[int]:
        """The chunk between the tokens of the start and the end, filled up with the model's padding."""
        tokenizer = self.tokenizer
        ids = [tokenizer.bos_token_id, *chunk.tokens, tokenizer.eos_token_id]
        padding = OPENCLIP_PADDING if self.openclip else tokenizer.pad_token_id
        return ids + [padding] * (LENGTH + 2 - len(ids))

    @contextmanager
    def _planted(self, vectors: Sequence[tuple[int, Tensor]]) -> Iterator[None]:
        """Put vectors in the place of the token embeddings from these positions of the chunk on."""
        if not vectors:
            yield
            return

        def plant(_layer: Any, _inputs: Any, output: Tensor) -> Tensor:
            output = output.clone()
            for place, found in vectors:
                room = output[0, place + 1 : place + 1 + len(found)]
                room.copy_(found[: len(room)])
            return output

        handle = self.model.get_input_embeddings().register_forward_hook(plant)
        try:
            yield
        finally:
            handle.remove()


def weighed(states: Sequence[Tensor], weights: Sequence[Sequence[float]], times: Sequence[int]) -> list[Tensor]:
    """Emphasis, for the chunks of one place in all of a prompt's texts: each token's state, (77, width), is multiplied
    by its weight, and then all of them by what restores their mean, (mean before) / (mean after), over the whole.
    `weights` are those of a chunk's own tokens; a text counts as many `times` as it stands in the schedule.

    Without emphasis, the states as they are, to the last bit.
    """
    if all(weight == 1 for row in weights for weight in row):
        return list(states)
    full = [state.float() * _column(row, state) for state, row in zip(states, weights, strict=True)]
    before = sum(state.float().mean() * count for state, count in zip(states, times, strict=True))
    after = sum(state.mean() * count for state, count in zip(full, times, strict=True))
    ratio = torch.as_tensor(before / after)
    ratio = ratio if ratio.isfinite() else torch.ones_like(ratio)
    return [(state * ratio).to(states[0].dtype) for state in full]


def _column(weights: Sequence[float], like: Tensor) -> Tensor:
    full = [1.0, *weights, *[1.0] * (len(like) - 1 - len(weights))]
    return torch.tensor(full, dtype=torch.float32, device=like.device)[:, None]
