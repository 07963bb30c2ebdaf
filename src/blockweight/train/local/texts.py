"""Captions as the text encoder states them for training, as sd-scripts does (`library/strategy_sd.py` at 48d368fa)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from blockweight.plan.prompt_emphasis import Piece
from blockweight.render.local.chunks import LENGTH, Chunk
from blockweight.render.local.encoder import Encoder
from blockweight.train.captions import Norm, weighted_pieces


def text_states(encoder: Encoder, captions: Sequence[str], max_tokens: int, norm: Norm | None) -> Tensor:
    """What stands for the captions, (N, max_tokens + 2, width). Longer ones are cut; more than 75 tokens are read 75 at
    a time, and the ends between them dropped. With a `norm` their weights count: each token's state is multiplied by
    its weight, and with `mean` all of a caption's then by (mean before) / (mean after)."""
    read = [_read(encoder, caption, max_tokens, weighted=norm is not None) for caption in captions]
    rows = [
        encoder.ids(Chunk(tokens[start : start + LENGTH]))
        for tokens, _ in read
        for start in range(0, max_tokens, LENGTH)
    ]
    last = encoder.layer == 1
    device = encoder.model.device
    found = encoder.model(torch.tensor(rows, device=device), output_hidden_states=not last)
    states: Tensor = found.last_hidden_state if last else encoder.norm(found.hidden_states[-encoder.layer])
    parts = states.reshape(len(captions), -1, *states.shape[1:])
    inner = parts[:, :, 1:-1].flatten(1, 2)
    states = torch.cat([parts[:, 0, :1], inner, parts[:, -1, -1:]], 1)
    if all(weight == 1 for _, weights in read for weight in weights):
        return states
    columns = [[1.0, *weights, *[1.0] * (max_tokens + 1 - len(weights))] for _, weights in read]
    weighted = states * torch.tensor(columns, device=device, dtype=states.dtype)[:, :, None]
    if norm == "none":
        return weighted
    before, after = (each.float().mean((1, 2), keepdim=True) for each in (states, weighted))
    ratio = before / after
    return weighted * torch.where(ratio.isfinite(), ratio, 1.0).to(states.dtype)


def _read(encoder: Encoder, caption: str, most: int, *, weighted: bool) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """A caption's tokens with their weights; every stretch of one weight is tokenized by itself."""
    pieces = weighted_pieces(caption) if weighted else (Piece(caption),)
    found = [(token, piece.weight) for piece in pieces for token in encoder.tokens(piece.text)][:most]
    return tuple(token for token, _ in found), tuple(weight for _, weight in found)
