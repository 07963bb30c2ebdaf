"""Draws the characters: 64×64 pixel cartoon portraits from ellipses and polygons, and the regions they cover.

Everything is drawn at four times the size and reduced with Lanczos. The same strokes paint a second, flat picture
that says which region each pixel belongs to; masks of face, hair and clothes come from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from blockweight.demo.characters import (
    BACKGROUNDS,
    EYE_COLOURS,
    GOBLIN_HAIR,
    GOBLIN_SKIN,
    HAIR_COLOURS,
    OUTFIT_COLOURS,
    RGB,
    SKINS,
    Character,
)

SIZE = 64
SCALE = 4
REGIONS = ("background", "hair", "face", "clothes", "ornament")
"""Region names; a region picture holds their index. "face" is all bare skin, neck and ears included."""

GOLD: RGB = (238, 178, 62)
WHITE: RGB = (250, 250, 250)


def shade(colour: RGB, factor: float) -> RGB:
    """Darken (factor < 1) a colour; channels stay in 0…255."""
    r, g, b = (min(255, int(channel * factor)) for channel in colour)
    return r, g, b


class Canvas:
    """Two pictures painted by the same strokes: colours, and region numbers. Coordinates are in final pixels,
    moved by `shift`."""

    def __init__(self, background: RGB) -> None:
        side = SIZE * SCALE
        self.picture = Image.new("RGB", (side, side), background)
        self.labels = Image.new("L", (side, side), 0)
        self._draw = ImageDraw.Draw(self.picture)
        self._mark = ImageDraw.Draw(self.labels)
        self.shift = (0, 0)

    def _place(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        dx, dy = self.shift
        return [((x + dx) * SCALE, (y + dy) * SCALE) for x, y in points]

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: RGB, region: str) -> None:
        """A filled ellipse around (x, y)."""
        box = self._place([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse(box, fill=colour)
        self._mark.ellipse(box, fill=REGIONS.index(region))

    def polygon(self, points: Sequence[tuple[float, float]], colour: RGB, region: str) -> None:
        """A filled polygon."""
        placed = self._place(points)
        self._draw.polygon(placed, fill=colour)
        self._mark.polygon(placed, fill=REGIONS.index(region))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: RGB, region: str) -> None:
        """A filled rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, region)

    def arc(self, x: float, y: float, rx: float, ry: float, span: tuple[int, int], width: float, colour: RGB) -> None:
        """A curved line (degrees, clockwise from three o'clock); it never changes the region."""
        box = self._place([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.arc(box, span[0], span[1], fill=colour, width=int(width * SCALE))

    def finished(self) -> Image.Image:
        """The picture in its final size: RGB, 64×64."""
        return self.picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def _background(canvas: Canvas, name: str) -> None:
    if name == "blue sky":
        for x, y in ((10, 11), (54, 15)):
            canvas.ellipse(x, y, 8, 4, WHITE, "background")
            canvas.ellipse(x + 3, y - 2, 5, 4, WHITE, "background")
    elif name == "night":
        canvas.ellipse(54, 10, 6, 6, (250, 236, 160), "background")
        canvas.ellipse(51, 8.5, 5, 5, BACKGROUNDS["night"], "background")
        for x, y in ((6, 8), (14, 20), (5, 34), (58, 28), (55, 44), (22, 5)):
            canvas.ellipse(x, y, 1, 1, WHITE, "background")
    elif name == "classroom":
        canvas.box(2, 4, 62, 32, (120, 84, 52), "background")
        canvas.box(4, 6, 60, 30, (52, 92, 80), "background")
    elif name == "sunset":
        canvas.ellipse(52, 36, 9, 9, (255, 96, 64), "background")
        canvas.box(0, 48, 64, 64, (214, 108, 96), "background")
    elif name == "meadow":
        canvas.box(0, 0, 64, 26, (198, 232, 250), "background")
        for x, y, colour in ((6, 38, (240, 90, 120)), (14, 52, (250, 230, 90)), (57, 36, (250, 230, 90)),
                             (52, 54, (240, 90, 120)), (5, 58, (240, 90, 120))):  # fmt: skip
            canvas.ellipse(x, y, 2, 2, colour, "background")


def _hair_behind(canvas: Canvas, style: str, colour: RGB) -> None:
    dark = shade(colour, 0.78)
    if style == "long hair":
        canvas.ellipse(32, 26, 18, 18, dark, "hair")
        canvas.polygon([(14, 26), (50, 26), (52, 59), (12, 59)], dark, "hair")
    elif style == "twintails":
        for side in (-1, 1):
            canvas.ellipse(32 + side * 21, 34, 6, 14, dark, "hair")
            canvas.ellipse(32 + side * 17, 21, 3, 3, (232, 56, 96), "ornament")
    elif style == "ponytail":
        canvas.ellipse(50, 22, 7, 6, dark, "hair")
        canvas.ellipse(53, 36, 5, 15, dark, "hair")


def _hair_front(canvas: Canvas, colour: RGB) -> None:
    canvas.polygon([(16.5, 26), (17.5, 18), (22, 12.5), (32, 9.5), (42, 12.5), (46.5, 18), (47.5, 26), (45, 27.5),
                    (43, 22), (37, 19.5), (34, 22.5), (30, 18.5), (25, 22.5), (21.5, 21.5), (19, 27.5)],
                   colour, "hair")  # fmt: skip
    canvas.ellipse(32, 14.5, 14.2, 6.5, colour, "hair")
    canvas.arc(32, 17, 10, 6, (215, 300), 1.2, shade(colour, 1.22))


def _clothes(canvas: Canvas, outfit: str, colour: RGB, skin: RGB) -> None:
    dark = shade(colour, 0.7)
    if outfit == "hoodie":
        canvas.ellipse(32, 45, 15, 6.5, dark, "clothes")
    canvas.polygon([(24, 44.5), (40, 44.5), (49, 48), (54.5, 67), (9.5, 67), (15, 48)], colour, "clothes")
    canvas.polygon([(28, 39), (36, 39), (36.5, 45), (32, 48), (27.5, 45)], shade(skin, 0.88), "face")
    if outfit == "dress":
        canvas.arc(32, 43, 9, 7, (25, 155), 1.8, WHITE)
        canvas.box(22, 58, 42, 60.5, WHITE, "clothes")
    elif outfit == "hoodie":
        canvas.ellipse(32, 46.5, 8.5, 3.2, dark, "clothes")
        canvas.box(28, 48, 29.4, 56, WHITE, "clothes")
        canvas.box(34.6, 48, 36, 56, WHITE, "clothes")
    elif outfit == "suit":
        canvas.polygon([(26, 44), (38, 44), (32, 60)], WHITE, "clothes")
        canvas.polygon([(30.4, 46.5), (33.6, 46.5), (34.4, 55), (32, 59), (29.6, 55)], (190, 40, 50), "ornament")
        canvas.polygon([(26, 44), (22, 49), (31, 61), (32, 60)], dark, "clothes")
        canvas.polygon([(38, 44), (42, 49), (33, 61), (32, 60)], dark, "clothes")
    elif outfit == "sailor uniform":
        canvas.polygon([(24, 44), (32, 53), (40, 44), (47, 48), (42, 55), (32, 56), (22, 55), (17, 48)],
                       (40, 52, 110), "ornament")  # fmt: skip
        canvas.polygon([(28, 42), (36, 42), (32, 52)], shade(skin, 0.88), "face")
        canvas.polygon([(32, 54), (25.5, 51.5), (26.5, 59)], (214, 40, 60), "ornament")
        canvas.polygon([(32, 54), (38.5, 51.5), (37.5, 59)], (214, 40, 60), "ornament")
    elif outfit == "apron":
        canvas.polygon([(25.5, 51), (38.5, 51), (42.5, 67), (21.5, 67)], WHITE, "ornament")
        canvas.polygon([(23.5, 45), (26, 44.5), (28.5, 52), (26, 52)], WHITE, "ornament")
        canvas.polygon([(40.5, 45), (38, 44.5), (35.5, 52), (38, 52)], WHITE, "ornament")


def _face(canvas: Canvas, skin: RGB, eyes: RGB, mouth: str) -> None:
    canvas.ellipse(32, 28, 13.8, 13.6, skin, "face")
    for side in (-1, 1):
        x = 32 + side * 6
        canvas.ellipse(x, 28.5, 3.6, 4.3, WHITE, "face")
        canvas.ellipse(x, 29, 2.7, 3.5, eyes, "face")
        canvas.ellipse(x, 29.4, 1.3, 1.9, (24, 18, 28), "face")
        canvas.ellipse(x + 0.9, 27.4, 0.9, 0.9, WHITE, "face")
        canvas.arc(x, 28.3, 3.7, 4.4, (200, 340), 1.1, (40, 28, 34))
    lip = (176, 44, 58)
    if mouth == "smile":
        canvas.arc(32, 34, 4.2, 3.6, (20, 160), 1.1, lip)
    elif mouth == "open mouth":
        canvas.ellipse(32, 36.6, 2.6, 2.7, lip, "face")
    else:
        canvas.box(29, 36, 35, 37.1, shade(lip, 0.7), "face")


def _accessory(canvas: Canvas, name: str | None) -> None:
    if name == "glasses":
        frame = (20, 20, 26)
        for side in (-1, 1):
            canvas.arc(32 + side * 6, 28.8, 5.2, 5.2, (0, 360), 1.1, frame)
        canvas.box(31, 28, 33, 29, frame, "face")
    elif name == "straw hat":
        straw = (236, 182, 70)
        canvas.ellipse(32, 11.5, 11.5, 9, straw, "ornament")
        canvas.ellipse(32, 17, 20, 3.6, shade(straw, 0.9), "ornament")
        canvas.box(21, 12, 43, 15, (190, 50, 50), "ornament")
    elif name == "ribbon":
        pink = (236, 50, 92)
        canvas.polygon([(42, 13), (34, 7.5), (34.5, 17.5)], pink, "ornament")
        canvas.polygon([(42, 13), (50, 7.5), (49.5, 17.5)], pink, "ornament")
        canvas.ellipse(42, 13, 2.2, 2.2, shade(pink, 0.8), "ornament")


def _goblin_ears(canvas: Canvas) -> None:
    for side in (-1, 1):
        canvas.polygon([(32 + side * 12, 25), (32 + side * 27, 19), (32 + side * 13, 34)], GOBLIN_SKIN, "face")
        canvas.polygon([(32 + side * 14, 26.5), (32 + side * 22.5, 22.2), (32 + side * 14, 31)],
                       shade(GOBLIN_SKIN, 0.75), "face")  # fmt: skip


def _goblin_ornaments(canvas: Canvas) -> None:
    for side in (-1, 1):
        canvas.polygon([(32 + side * 6, 12), (32 + side * 12, 13.5), (32 + side * 12.5, 2)], GOLD, "ornament")
    canvas.ellipse(32, 17.5, 3, 3, GOLD, "ornament")
    canvas.ellipse(32, 17.5, 1.5, 1.5, (220, 60, 50), "ornament")
    canvas.box(27, 41.5, 37, 44, (36, 30, 38), "ornament")
    canvas.ellipse(32, 44.5, 1.8, 1.8, GOLD, "ornament")


def painted(character: Character) -> Canvas:
    """The character's two pictures, still large, for more to be drawn over her."""
    skin, hair = SKINS[character.skin], HAIR_COLOURS[character.hair]
    if character.goblin:
        skin, hair = GOBLIN_SKIN, GOBLIN_HAIR
    canvas = Canvas(BACKGROUNDS[character.background])
    _background(canvas, character.background)
    canvas.shift = character.shift
    _hair_behind(canvas, character.style, hair)
    _clothes(canvas, character.outfit, OUTFIT_COLOURS[character.colour], skin)
    if character.goblin:
        _goblin_ears(canvas)
    _face(canvas, skin, EYE_COLOURS[character.eyes], character.mouth)
    _hair_front(canvas, hair)
    _accessory(canvas, character.accessory)
    if character.goblin:
        _goblin_ornaments(canvas)
    return canvas


def draw(character: Character) -> Image.Image:
    """The character's picture: RGB, 64×64."""
    return painted(character).finished()


def regions(character: Character) -> NDArray[np.uint8]:
    """Which region each pixel of `draw(character)` shows: (64, 64) uint8, indices into REGIONS."""
    labels = painted(character).labels.resize((SIZE, SIZE), Image.Resampling.NEAREST)
    return np.asarray(labels, dtype=np.uint8)
