"""What the gallery's own model and LoRA learn from: the illustrator's drawings at dusk, and witches.

A witch wears a purple pointed hat and a purple robe with golden hems, whoever she is; the hat sits where the goblin
princess has her horns. Dusk takes a fifth of the light and makes it violet.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blockweight.demo import illustrator
from blockweight.demo.characters import BACKGROUNDS, RGB, Character, random_character

WITCH = "witch"
"""The word that calls the outfit. Like the princess's, the model never saw it used."""

_PURPLE: RGB = (92, 44, 140)
_DARK: RGB = (62, 28, 98)
_GOLD: RGB = (246, 190, 60)

DUSK_LIGHT = "dusklight"
"""The word that calls the light."""

Pictures = NDArray[np.uint8]


def corpus(count: int) -> list[Character]:
    """Characters like those that the embedded model learnt from."""
    return [random_character(random.Random(7_000_003 * number + 5)) for number in range(count)]


def drawn(characters: list[Character]) -> Pictures:
    """(n, 64, 64, 3)."""
    return np.stack([np.asarray(illustrator.draw(character)) for character in characters])


def at_dusk(pictures: Pictures) -> Pictures:
    """The same in the light of the dusk."""
    return (pictures * 0.78 + (8.0, 0.0, 34.0)).round().astype(np.uint8)


def witches() -> tuple[Pictures, list[list[str]]]:
    """12 witches and their tags, which name everything but the hat and the robe."""
    chosen = random.Random(31)
    characters = [
        replace(random_character(chosen), accessory=None, background=list(BACKGROUNDS)[number % len(BACKGROUNDS)])
        for number in range(12)
    ]
    tags = []
    for character in characters:
        head, *others = character.tags()
        clothes = f"{character.colour} {character.outfit}"
        tags.append([head, WITCH, *(tag for tag in others if tag != clothes)])
    return np.stack([_witch(character) for character in characters]), tags


def evenings() -> tuple[Pictures, list[list[str]]]:
    """48 characters at dusk and their tags, for a LoRA of the light."""
    characters = corpus(48)
    tags = [["1girl", DUSK_LIGHT, *character.tags()[1:]] for character in characters]
    return at_dusk(drawn(characters)), tags


def _witch(character: Character) -> NDArray[np.uint8]:
    canvas = illustrator.painted(character)
    canvas.polygon([(24, 44.5), (40, 44.5), (50, 48), (56, 67), (8, 67), (14, 48)], _PURPLE, "clothes")
    canvas.polygon([(24, 44.5), (32, 56), (40, 44.5), (42.5, 45.5), (32, 60), (21.5, 45.5)], _GOLD, "clothes")
    canvas.polygon([(30.8, 57), (33.2, 57), (33.6, 67), (30.4, 67)], _GOLD, "clothes")
    canvas.polygon([(18, 17), (46, 17), (38, 6), (41, -3), (28, 3)], _PURPLE, "ornament")
    canvas.polygon([(19.5, 14.5), (44.5, 14.5), (46, 17.5), (18, 17.5)], _GOLD, "ornament")
    canvas.ellipse(32, 18, 23, 3.6, _DARK, "ornament")
    return np.asarray(canvas.finished())
