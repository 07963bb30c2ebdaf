"""What the tutorial is about, in figures: the green that bleeds into the princess's clothes, and her look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from blockweight.demo.embedded import Outfit, look_mask, region_mask
from blockweight.measure import Picture, greenness, share_of_change, share_of_green


@dataclass(frozen=True)
class Green:
    """How green the clothes and the face are, mean of G − (R + B)/2 in levels over the pictures, and the share of the
    clothes' pixels that a person would call green, 0…1."""

    clothes: float
    face: float
    share: float


@dataclass(frozen=True)
class Outcome:
    """What the LoRA at ALL=1 adds to the pictures without it, and what of that the tuned weights leave. `look_kept` is
    the share of the change to her look, 0 as without the LoRA and 1 as with all blocks."""

    without: Green
    everything: Green
    tuned: Green
    look_kept: float

    @property
    def bleed_removed(self) -> float:
        """The share of the green that bled into the clothes which is gone; 1 is all, below 0 is more than before."""
        return (self.everything.clothes - self.tuned.clothes) / (self.everything.clothes - self.without.clothes)

    @property
    def face_kept(self) -> float:
        """The share of the green in her face which is left; 1 is all."""
        return (self.tuned.face - self.without.face) / (self.everything.face - self.without.face)


def measure_green(outfits: Sequence[Outfit], pictures: Sequence[Picture]) -> Green:
    """The means over pictures of the princess in these outfits, one each."""
    clothes = [region_mask(("clothes",), outfit.outfit) for outfit in outfits]
    faces = [region_mask(("face",), outfit.outfit) for outfit in outfits]
    return Green(
        clothes=fmean(greenness(picture, mask) for picture, mask in zip(pictures, clothes, strict=True)),
        face=fmean(greenness(picture, mask) for picture, mask in zip(pictures, faces, strict=True)),
        share=fmean(share_of_green(picture, mask) for picture, mask in zip(pictures, clothes, strict=True)),
    )


def measure_outcome(
    outfits: Sequence[Outfit], without: Sequence[Picture], everything: Sequence[Picture], tuned: Sequence[Picture]
) -> Outcome:
    """The outcome over scenes, one picture of each kind for each of the outfits."""
    looks = [look_mask(outfit.outfit) for outfit in outfits]
    return Outcome(
        without=measure_green(outfits, without),
        everything=measure_green(outfits, everything),
        tuned=measure_green(outfits, tuned),
        look_kept=fmean(
            share_of_change(picture, start, end, mask)
            for picture, start, end, mask in zip(tuned, without, everything, looks, strict=True)
        ),
    )
