"""The theme's colours can be read: WCAG 2.2 AA, 4.5:1 for text and 3:1 for what must be seen (1.4.3, 1.4.11)."""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = (resources.files("blockweight.studio") / "static" / "studio.css").read_text("utf-8")
COLOURS = {
    name: dict(zip(("light", "dark"), pair, strict=True))
    for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
}

TEXT = [
    *((ink, ground) for ink in ("ink", "muted", "link") for ground in ("page", "paper", "well")),
    ("accent-ink", "accent"),
    ("good", "good-paper"),
    ("good", "paper"),
    ("bad", "bad-paper"),
    ("bad", "paper"),
    *(("cell-ink", ground) for ground in ("cell", "cell-one", "cell-beyond", "cell-below", "cell-absent")),
]
SEEN = [
    *((line, ground) for line in ("edge", "focus", "link") for ground in ("page", "paper")),
    ("bad", "paper"),
]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """color-mix(in srgb, one share, other)."""
    parts = (round(int(one[at : at + 2], 16) * share + int(other[at : at + 2], 16) * (1 - share)) for at in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT, ids=lambda name: name)
def test_text_stands_out_from_its_ground(ink, ground, theme):
    assert contrast(COLOURS[ink][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), SEEN, ids=lambda name: name)
def test_edges_and_the_focus_stand_out(line, ground, theme):
    assert contrast(COLOURS[line][theme], COLOURS[ground][theme]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("hot", "cold"),
    [("cell-one", "cell"), ("cell-beyond", "cell-one"), ("cell-below", "cell"), ("cell-absent", "cell")],
)
def test_a_number_can_be_read_at_every_heat(hot, cold, theme):
    grounds = [mixed(COLOURS[hot][theme], COLOURS[cold][theme], share / 20) for share in range(21)]
    assert min(contrast(COLOURS["cell-ink"][theme], ground) for ground in grounds) >= 4.5


def test_every_colour_is_one_of_the_theme():
    rules = re.sub(r":root \{.*?\n\}", "", CSS, count=1, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;, )])|rgba?\(|hsla?\(", rules)
