"""The words in the figures of an analysis, in a page's language. They are drawn by rooms below, in English unless told
otherwise: here they are named, so that the catalogues have them."""

from __future__ import annotations

from functools import cache

from blockweight.studio.languages import catalogue, marked
from blockweight.workflow.analysis.figures import Spoken, spoken_by

FIGURE_WORDS = (
    marked("inside"),
    marked("outside"),
    marked("scenes"),
    marked("mean"),
    marked("95 % interval"),
    marked("noise floor"),
    marked("weaker"),
    marked("not measured"),
    marked("not distinguishable from noise"),
    marked("0"),
    marked("strongest of its row"),
    marked("strongest"),
    marked("below 0"),
    marked("above 0"),
    marked("all blocks together"),
    marked("near 0"),
    marked("inside = outside"),
    marked("step"),
    marked("noise level"),
    marked("two seeds differ"),
    marked("effect as a share of what two seeds differ by anyway"),
    marked("does not add up"),
    marked("keep"),
    marked("drop"),
    marked("unknown"),
    marked("Diff %"),
    marked("change"),
    marked("colour"),
    marked("structure"),
    marked("edges"),
    marked("layout"),
    marked("%"),
    marked("levels"),
    marked("ΔE"),
)
"""All that `spoken_by` asks for."""


@cache
def figure_words(language: str) -> Spoken:
    """The figures' words in one of LANGUAGES."""
    return spoken_by(catalogue(language).gettext)
