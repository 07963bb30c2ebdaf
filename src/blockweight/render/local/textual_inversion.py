"""Textual inversion embeddings: vectors that stand in the place of a word's token embeddings.

Facts from AUTOMATIC1111/stable-diffusion-webui 1.10: "Textual Inversion" of its wiki, and
`modules/textual_inversion/textual_inversion.py`; a `.safetensors` file holds one tensor (`emb_params`, in the WebUI's
own files), or one for each of SDXL's text encoders (`clip_l`, `clip_g`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import read_header
from blockweight.plan import Embedding
from blockweight.render.embeddings import file_digest
from blockweight.render.local.chunks import LENGTH

_OF_ENCODERS = ("clip_l", "clip_g")


def read_vectors(embedding: Embedding, key: str, width: int) -> Tensor:
    """An embedding's vectors for the text encoder `key` (`clip_l` or `clip_g`) of this width: (n, width), fp32, n at
    most 75. BlockweightError for a file that has changed, is damaged, is no embedding, or one for another model."""
    path = Path(embedding.path)
    names = [info.name for info in read_header(path).tensors]
    if file_digest(path) != embedding.digest:
        raise BlockweightError(f"'{path}' has changed since this was planned; start the same command again.")
    name = key if key in names else names[0] if len(names) == 1 and names[0] not in _OF_ENCODERS else None
    if name is None:
        raise BlockweightError(
            f"'{path}' holds no embedding for this model (its tensors are {_listed(names)}); take it out of the "
            "folder, or its name out of the prompt."
        )
    try:
        with safe_open(path, "pt") as file:
            vectors: Tensor = file.get_tensor(name).to(torch.float32)
    except (SafetensorError, OSError, RuntimeError, TypeError, AttributeError) as error:
        raise BlockweightError(
            f"'{path}' holds numbers in a format that torch does not read; get the embedding in fp16 or fp32."
        ) from error
    vectors = vectors[None] if vectors.dim() == 1 else vectors
    if vectors.dim() != 2 or vectors.shape[1] != width or not 1 <= len(vectors) <= LENGTH:
        shape = "×".join(map(str, vectors.shape))
        raise BlockweightError(
            f"'{path}' holds an embedding of {shape} numbers, but this model takes 1 to {LENGTH} vectors of {width}; "
            "take it out of the folder, or its name out of the prompt."
        )
    if not vectors.isfinite().all():
        raise BlockweightError(f"'{path}' holds something that is not a number; get the embedding again.")
    return vectors


def _listed(names: list[str]) -> str:
    return ", ".join(map(quoted, names[:3])) + (", …" if len(names) > 3 else "") if names else "none"
