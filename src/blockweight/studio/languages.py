"""The pages' language: which one a browser wants, and its catalogue.

The words stand in the templates in English; `locale/` has the other languages as gettext catalogues, .po to edit and
.mo to load ('make messages' brings both up to date).
"""

from __future__ import annotations

import gettext
from functools import cache
from importlib import resources

from blockweight.workflow.settings import LANGUAGES

DOMAIN = "studio"

FIRST = "en"
"""The language that the words are written in."""


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The words of one of LANGUAGES; English needs no catalogue."""
    if language == FIRST:
        return gettext.NullTranslations()
    folder = resources.files("blockweight.studio") / "locale"
    return gettext.translation(DOMAIN, str(folder), [language])


def marked(text: str) -> str:
    """The text itself: a mark by which a sentence that stands in Python is found for the catalogues."""
    return text


def language_for(chosen: str, accepted: str) -> str:
    """The language that a person has chosen, else the best of an Accept-Language header, else English.

    >>> language_for("", "fr;q=0.9, ja-JP;q=0.8, en;q=0.5")
    'ja'
    """
    if chosen in LANGUAGES:
        return chosen
    wanted = []
    for place, item in enumerate(accepted[:1000].split(",")):
        tag, _, quality = item.partition(";")
        wanted.append((-_quality(quality), place, tag.strip().lower().partition("-")[0]))
    return next((tag for worth, _, tag in sorted(wanted) if tag in LANGUAGES and worth < 0), "en")


def _quality(text: str) -> float:
    name, _, value = text.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
