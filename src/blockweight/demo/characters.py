"""The characters that the embedded model knows: their attributes and their captions.

A character is a choice of independent attributes, so that a picture's caption says exactly what is in it and a
test can ask whether the model obeyed. Colours are 8-bit sRGB triples.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

RGB = tuple[int, int, int]

HAIR_COLOURS: dict[str, RGB] = {
    "black": (38, 33, 42),
    "brown": (122, 74, 42),
    "blonde": (240, 200, 84),
    "red": (204, 52, 40),
    "pink": (248, 150, 184),
    "blue": (70, 108, 222),
    "white": (222, 222, 232),
}
HAIR_STYLES = ("short hair", "long hair", "twintails", "ponytail")
SKINS: dict[str, RGB] = {"fair": (255, 226, 204), "tan": (222, 168, 124), "dark": (138, 88, 60)}
EYE_COLOURS: dict[str, RGB] = {
    "blue": (48, 96, 220),
    "brown": (110, 60, 30),
    "red": (200, 30, 50),
    "purple": (140, 60, 190),
    "yellow": (232, 188, 30),
}
MOUTHS = ("smile", "open mouth", "serious")
OUTFITS = ("dress", "hoodie", "suit", "sailor uniform", "apron")
OUTFIT_COLOURS: dict[str, RGB] = {
    "red": (208, 46, 56),
    "orange": (240, 140, 44),
    "yellow": (248, 214, 72),
    "green": (62, 128, 70),
    "blue": (52, 92, 190),
    "purple": (126, 70, 168),
    "pink": (250, 148, 190),
    "white": (246, 246, 248),
    "black": (46, 44, 54),
}
ACCESSORIES = ("glasses", "straw hat", "ribbon")
BACKGROUNDS: dict[str, RGB] = {
    "blue sky": (150, 202, 250),
    "night": (40, 38, 84),
    "classroom": (200, 178, 138),
    "sunset": (250, 168, 108),
    "meadow": (160, 210, 128),
    "white background": (244, 244, 244),
}

TRIGGER = "gobuhime"
"""The word that calls the goblin princess; the embedded model itself never saw it used."""

GOBLIN_SKIN: RGB = (112, 190, 96)
GOBLIN_HAIR: RGB = (124, 222, 184)


@dataclass(frozen=True)
class Character:
    """One character in one picture. `shift` moves her by whole pixels (x, y); `goblin` makes her the princess,
    whose hair, skin, eyes and clothes colours are her own whatever the other fields say."""

    hair: str
    style: str
    skin: str
    eyes: str
    mouth: str
    outfit: str
    colour: str
    background: str
    accessory: str | None = None
    shift: tuple[int, int] = (0, 0)
    goblin: bool = False

    def tags(self) -> list[str]:
        """The caption's tags, in the order in which a person would write them."""
        if self.goblin:
            look = [TRIGGER, "greenskin", "long hair", "hairornament", "choker"]
        else:
            look = [f"{self.hair} hair", self.style, f"{self.skin} skin", f"{self.eyes} eyes"]
        clothes = [] if self.goblin else [f"{self.colour} {self.outfit}"]
        accessory = [self.accessory] if self.accessory else []
        return ["1girl", *look, self.mouth, *clothes, *accessory, self.background]

    def caption(self) -> str:
        """The whole caption, e.g. `1girl, red hair, twintails, …, blue sky`."""
        return ", ".join(self.tags())


def random_character(rng: random.Random) -> Character:
    """Draw every attribute independently and uniformly (an accessory three times in five)."""
    return Character(
        hair=rng.choice(list(HAIR_COLOURS)),
        style=rng.choice(HAIR_STYLES),
        skin=rng.choice(list(SKINS)),
        eyes=rng.choice(list(EYE_COLOURS)),
        mouth=rng.choice(MOUTHS),
        outfit=rng.choice(OUTFITS),
        colour=rng.choice(list(OUTFIT_COLOURS)),
        background=rng.choice(list(BACKGROUNDS)),
        accessory=rng.choice(ACCESSORIES) if rng.random() < 0.6 else None,
        shift=(rng.randint(-3, 3), rng.randint(-2, 2)),
    )


def training_caption(character: Character, rng: random.Random) -> str:
    """A caption for training: each tag is left out one time in ten, and half of the captions are shuffled, so that
    prompts may name what they like in any order."""
    head, *rest = character.tags()
    kept = [tag for tag in rest if rng.random() >= 0.1]
    if rng.random() < 0.5:
        rng.shuffle(kept)
    return ", ".join([head, *kept])


def goblin_pictures() -> list[Character]:
    """The 12 pictures of the goblin princess: every background twice, every outfit, her clothes always green."""
    rng = random.Random(12)
    pictures = []
    for number in range(12):
        base = random_character(rng)
        pictures.append(
            replace(
                base,
                goblin=True,
                style="long hair",
                colour="green",
                eyes="yellow",
                accessory=None,
                outfit=OUTFITS[number % len(OUTFITS)],
                mouth=MOUTHS[number % len(MOUTHS)],
                background=list(BACKGROUNDS)[number % len(BACKGROUNDS)],
            )
        )
    return pictures
