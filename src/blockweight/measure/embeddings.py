"""How far apart two pictures are to a model that has seen many: CLIP, SigLIP, DINOv2 or their like, from a folder on
the person's disk. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure.cells import mask_cells
from blockweight.measure.pictures import Mask, Picture
from blockweight.measure.transformers_folder import Parts, load_parts, settings_of

if TYPE_CHECKING:
    import torch

_KEPT = 4
"""Pictures whose features are kept: a scene's source is compared with every block's picture in turn."""

MOST_LAYERS = 5
"""Hidden layers that `features` reads, spread evenly over the model's depth; LPIPS reads five too."""

_SIDE = 224
"""What models of this kind see, where neither the folder's settings nor its model's say."""


@dataclass(frozen=True, eq=False)
class Features:
    """What a model makes of one picture, float32: `embedding` (d,) of the whole, `patches` (h, w, d') of its places,
    and `layers`, each (h, w, d''), of the places in several hidden layers."""

    embedding: NDArray[np.float32]
    patches: NDArray[np.float32]
    layers: tuple[NDArray[np.float32], ...]


class Embedder:
    """A loaded model; `read` makes the features of one picture, `read_text` the embedding of a text, (d,), where the
    model compares both."""

    def __init__(
        self, read: Callable[[Picture], Features], read_text: Callable[[str], NDArray[np.float32]] | None = None
    ) -> None:
        self._read, self._read_text = read, read_text
        self._kept: OrderedDict[str, Features] = OrderedDict()

    def features(self, picture: Picture) -> Features:
        """Those of a picture, from memory if it is among the latest."""
        key = hashlib.sha256(f"{picture.shape}".encode() + np.ascontiguousarray(picture).tobytes()).hexdigest()
        if key not in self._kept:
            self._kept[key] = self._read(picture)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def text(self, words: str) -> NDArray[np.float32]:
        """The embedding of a text, (d,), of as much of it as the model reads. BlockweightError if it reads none."""
        if self._read_text is None:
            raise BlockweightError(
                "This model knows pictures but no texts, so it cannot tell whether a prompt is followed; give a CLIP."
            )
        return self._read_text(words)


def embedding_distance(picture: Features, source: Features, mask: Mask | None = None) -> float:
    """1 − cosine of the two embeddings, 0…2: 0 for pictures that the model cannot tell apart.

    Under a mask, of the mean over the model's last patch tokens, weighted by how much of each is masked. A token knows
    something of the whole picture, so a region's number is not wholly its own.
    """
    if mask is None:
        return cosine_distance(picture.embedding, source.embedding)
    shares = mask_cells(mask, picture.patches.shape[:2])[..., None]
    one, other = ((found.patches * shares).sum(axis=(0, 1)) for found in (picture, source))
    return cosine_distance(one, other)


def feature_distance(picture: Features, source: Features, mask: Mask | None = None) -> float:
    """The mean over several hidden layers of the mean over places of the squared distance of the features, each scaled
    to length 1: 0…4.

    This is LPIPS-like and not LPIPS: LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features", 2018) has
    weights per channel that were fitted to people's judgements of one network's features. Here all channels weigh
    alike, and the model is the person's own; numbers of two models do not compare. Under a mask, places count by how
    much of each is masked.
    """
    found = []
    for one, other in zip(picture.layers, source.layers, strict=True):
        squared = np.square(_unit(one) - _unit(other)).sum(axis=2)
        shares = None if mask is None else mask_cells(mask, squared.shape)
        found.append(float(np.average(squared, weights=shares)))
    return sum(found) / len(found)


def load_embedder(folder: Path, device: str | None = None) -> Embedder:
    """A model of pictures from a folder that transformers reads: `config.json`, `preprocessor_config.json` and
    `.safetensors` weights. On a GPU if there is one, unless `device` says otherwise.

    The whole picture is squeezed into the square that the model sees, and not cropped, so that masks fit its patches.
    BlockweightError for a folder that is no such model, and without the extra `local`.
    """
    parts = load_parts(folder, "picture model", "AutoModel", "AutoImageProcessor", device=device, optional="pooler")
    model, processor = parts.model, parts.processor
    tower = getattr(model, "vision_model", model)
    patch, side = _sizes(tower.config, processor)
    mean, std = (np.array(getattr(processor, name), np.float32) for name in ("image_mean", "image_std"))
    # A pooler that the file lacks has random weights.
    pooled = not parts.missing

    def read(picture: Picture) -> Features:
        import torch  # noqa: PLC0415 - two seconds

        small = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)
        values = (np.asarray(small, np.float32) / 255 - mean) / std
        pixels = torch.from_numpy(values.transpose(2, 0, 1)[None].copy()).to(parts.device)
        with torch.inference_mode():
            out = tower(pixel_values=pixels, output_hidden_states=True)
            grids = [_grid(hidden, side // patch, folder) for hidden in out.hidden_states[1:]]
            last = _grid(out.last_hidden_state, side // patch, folder)
            whole = _whole(model, out, last, pooled=pooled)
        return Features(
            whole.float().flatten().cpu().numpy(),
            last.float().cpu().numpy(),
            tuple(grid.float().cpu().numpy() for grid in _spread(grids)),
        )

    embedder = Embedder(read, _text_reader(parts) if hasattr(model, "text_projection") else None)
    # A model of texts, say, fails here and not after an hour of rendering.
    with parts.checking():
        embedder.features(np.zeros((side, side, 3), np.uint8))
    return embedder


def _text_reader(parts: Parts) -> Callable[[str], NDArray[np.float32]]:
    """What reads a text where CLIP compares it with pictures, with the tokenizer of the same folder."""

    def read(words: str) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415 - two seconds
        import transformers  # noqa: PLC0415

        from blockweight.render.local.library import loading  # noqa: PLC0415

        with loading(parts.folder, "tokenizer", parts.device):
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(parts.folder), local_files_only=True, trust_remote_code=False
            )
        tokens = tokenizer(words, truncation=True, max_length=parts.model.config.text_config.max_position_embeddings,
                           return_tensors="pt").to(parts.device)  # fmt: skip
        with torch.inference_mode(), parts.checking():
            found = parts.model.text_model(**tokens).pooler_output
            embedding = parts.model.text_projection(found)
        made: NDArray[np.float32] = embedding.float().flatten().cpu().numpy()
        return made

    return read


def _sizes(config: Any, processor: Any) -> tuple[int, int]:
    """Pixels of a patch, and of the square's side: as many whole patches as fit into what the folder's settings say."""
    patch = int(getattr(config, "patch_size", None) or 1)
    side = settings_of(processor, "crop_size", "height") or settings_of(processor, "size", "height")
    side = side or settings_of(processor, "size", "shortest_edge") or getattr(config, "image_size", None) or _SIDE
    return patch, max(int(side) // patch, 1) * patch


def _grid(hidden: torch.Tensor, cells: int, folder: Path) -> torch.Tensor:
    """A layer's features by place, (h, w, d): a transformer's tokens (1, n, d), of which the last are the patches, or a
    convolution's maps (1, d, h, w)."""
    if hidden.ndim == 4:
        return hidden[0].permute(1, 2, 0)
    if hidden.ndim != 3 or hidden.shape[1] < cells * cells:
        raise BlockweightError(
            f"The model in '{folder}' keeps no token for every patch of a picture; give a CLIP, SigLIP or DINOv2."
        )
    return hidden[0, -cells * cells :].reshape(cells, cells, -1)


def _whole(model: Any, out: Any, patches: torch.Tensor, *, pooled: bool) -> torch.Tensor:
    """The picture's embedding: projected to where CLIP compares it with texts, else the model's own summary of it, else
    the mean of its patches."""
    found: torch.Tensor | None = getattr(out, "pooler_output", None) if pooled else None
    if found is None:
        return patches.mean(dim=(0, 1))
    if hasattr(model, "visual_projection"):
        projected: torch.Tensor = model.visual_projection(found)
        return projected
    return found


def _spread(grids: list[torch.Tensor]) -> list[torch.Tensor]:
    count = min(len(grids), MOST_LAYERS)
    return [grids[round((number + 1) * len(grids) / count) - 1] for number in range(count)]


def _unit(grid: NDArray[np.float32]) -> NDArray[np.float64]:
    values = grid.astype(np.float64)
    unit: NDArray[np.float64] = values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-12)
    return unit


def cosine_distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """1 − cosine of two vectors (d,), 0…2."""
    # Half the squared distance of the unit vectors: 1 − cos without its rounding, 0 for equal ones.
    return float(np.square(_unit(one) - _unit(other)).sum()) / 2
