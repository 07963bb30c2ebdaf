"""`python -m blockweight.demo.train.card`: measure the figures of the model card.

A colour probe: pictures of random characters are generated from their captions, and in each the mean colour of the
place where the illustrator draws hair, skin, clothes or background is compared with the palette. The prompt counts as
followed if the palette's nearest colour is the prompted one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from blockweight.demo import embedded
from blockweight.demo.characters import (
    BACKGROUNDS,
    HAIR_COLOURS,
    OUTFIT_COLOURS,
    RGB,
    SKINS,
    Character,
    random_character,
)
from blockweight.demo.illustrator import REGIONS, draw, regions
from blockweight.demo.outcome import measure_green
from blockweight.lora import open_lora
from blockweight.measure import Mask, Picture
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.weights import uniform

PROBED = 240
CENTRED = (0, 0)


def nearest(colour: np.ndarray[tuple[int, ...], np.dtype[np.float64]], palette: Mapping[str, RGB]) -> str:
    """The palette's name with the smallest Euclidean distance in 8-bit RGB."""
    return min(palette, key=lambda name: float(np.square(colour - np.array(palette[name])).sum()))


def core(character: Character, region: str) -> Mask:
    """Where the character shows the region wherever she stands, (64, 64) bool."""
    shifts = [(x, y) for x in (-3, 0, 3) for y in (-2, 0, 2)]
    masks = [regions(replace(character, shift=shift)) == REGIONS.index(region) for shift in shifts]
    shared: Mask = np.logical_and.reduce(masks)
    return shared


def palette_colours(character: Character, place: Mask, palette: Mapping[str, RGB], attribute: str) -> dict[str, RGB]:
    """What the mean colour of the place is when the illustrator draws her with each colour of the palette."""
    colours = {}
    for name in palette:
        changes: dict[str, Any] = {"shift": CENTRED, attribute: name}
        red, green, blue = np.asarray(draw(replace(character, **changes)))[place].mean(axis=0)
        colours[name] = (int(red), int(green), int(blue))
    return colours


def probe(character: Character, picture: Picture) -> dict[str, bool]:
    """For each attribute whether the picture shows what the caption said."""
    asked = (
        ("hair", "hair", HAIR_COLOURS, character.hair),
        ("skin", "face", SKINS, character.skin),
        ("colour", "clothes", OUTFIT_COLOURS, character.colour),
        ("background", "background", BACKGROUNDS, character.background),
    )
    found = {}
    for attribute, region, palette, wanted in asked:
        place = core(character, region)
        shown = nearest(picture[place].mean(axis=0), palette_colours(character, place, palette, attribute))
        found[attribute] = shown == wanted
    return found


def main() -> None:
    """Print the card's figures."""
    console = Console()
    checkpoint = identify_checkpoint(embedded.model_folder())
    lora = open_lora(embedded.lora_file("gobuhime-locon"))
    use = LoraUse(str(lora.path), lora.digest)
    without = Variant("no LoRA", None)
    renderer = LocalRenderer()
    characters = [replace(random_character(random.Random(900_000 + n)), accessory=None) for n in range(PROBED)]
    base = embedded.scene(checkpoint, embedded.SHOWN[0], 0)

    def scene(number: int, character: Character) -> Scene:
        return replace(base, label=str(number), prompt=character.caption(), seed=10_000 + number)

    jobs = [Job(scene(number, character), use, without) for number, character in enumerate(characters)]
    pictures = {rendering.job.key: rendering.picture for rendering in renderer.render(jobs)}
    hits = [probe(character, pictures[job.key]) for character, job in zip(characters, jobs, strict=True)]
    table = Table("what", "figure")
    for attribute in hits[0]:
        share = np.mean([hit[attribute] for hit in hits])
        table.add_row(f"{attribute} as prompted, of {PROBED}", f"{share:.1%}")

    for name in ("gobuhime", "gobuhime-locon"):
        opened = open_lora(embedded.lora_file(name))
        everything = Variant("ALL", uniform("ALL", opened.family.layout, 1.0))
        pairs = [(outfit, seed) for outfit in embedded.SHOWN for seed in (301, 302)]
        scenes = [embedded.scene(checkpoint, outfit, seed) for outfit, seed in pairs]
        for variant in (without, everything):
            wanted = [Job(scene, LoraUse(str(opened.path), opened.digest), variant) for scene in scenes]
            drawn = {rendering.job.key: rendering.picture for rendering in renderer.render(wanted)}
            green = measure_green([outfit for outfit, _ in pairs], [drawn[job.key] for job in wanted])
            label = f"{name}, {variant.label}"
            table.add_row(f"{label}: green in the clothes", f"{green.clothes:.1f} levels, {green.share:.0%} of pixels")
            table.add_row(f"{label}: green in the face", f"{green.face:.1f} levels")
    console.print(table)


if __name__ == "__main__":
    main()
