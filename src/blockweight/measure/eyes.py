"""What a model of pictures on the person's disk says of a picture: how well it shows the prompt, how near it comes to
pictures that somebody gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from blockweight.measure.cells import mask_cells
from blockweight.measure.embeddings import Embedder, Features, cosine_distance
from blockweight.measure.pictures import Mask, Picture


@dataclass(frozen=True, eq=False)
class Eye:
    """A model with what a scene's pictures are compared with: the embedding of the `prompt`, (d,), None where nothing
    asks for it, and the features of `examples`."""

    embedder: Embedder
    prompt: NDArray[np.float32] | None = None
    examples: Sequence[Features] = ()

    def follows(self, picture: Picture) -> float:
        """The cosine of the embeddings of a picture, uint8 (H, W, 3), and the prompt, −1…1: CLIP's similarity (Radford
        et al., 2021). ValueError without a prompt."""
        if self.prompt is None:
            raise ValueError("no prompt was given")
        return 1 - cosine_distance(self.embedder.features(picture).embedding, self.prompt)

    def distance(self, picture: Picture, mask: Mask | None = None) -> float:
        """1 − cosine of the embeddings of the picture and of the examples, their mean, 0…2. Under a mask, of the mean
        of the masked patches, weighted by how much of each is masked, and that of all patches of an example: examples
        show nothing else, and have no mask. ValueError without examples."""
        if not self.examples:
            raise ValueError("no examples were given")
        seen = self.embedder.features(picture)
        if mask is None:
            return fmean(cosine_distance(seen.embedding, each.embedding) for each in self.examples)
        shares = mask_cells(mask, seen.patches.shape[:2])[..., None]
        region = (seen.patches * shares).sum(axis=(0, 1))
        return fmean(cosine_distance(region, each.patches.sum(axis=(0, 1))) for each in self.examples)
