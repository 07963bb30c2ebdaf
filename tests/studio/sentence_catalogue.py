"""The catalogues of what the rooms below the studio say. `python tests/studio/sentence_catalogue.py` brings them up to
date with the source: it adds what is new, to be translated in the .po, takes out what is not said any more, and
compiles the .mo.
"""

from __future__ import annotations

import io
from importlib import resources
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from sentence_sources import Sentence, sentences

from blockweight.studio.languages import FIRST
from blockweight.studio.sentences import DOMAIN
from blockweight.workflow.settings import LANGUAGES

OTHERS = [language for language in LANGUAGES if language != FIRST]


def catalogue_file(language: str, ending: str) -> Path:
    """A language's catalogue, `po` to edit or `mo` to load."""
    locale = Path(str(resources.files("blockweight.studio"))) / "locale"
    return locale / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


def catalogue(language: str) -> Catalog:
    """The catalogue as it is."""
    with catalogue_file(language, "po").open("rb") as file:
        return read_po(file, language)


def translations(language: str) -> dict[Sentence, str]:
    """Every sentence of the catalogue, to its translation, empty where there is none yet."""
    return {Sentence(str(each.id), each.context or ""): str(each.string) for each in catalogue(language) if each.id}


def updated(language: str) -> bytes:
    """The .po with what is said now, and the translations that are known."""
    known, old = translations(language), catalogue(language)
    made = Catalog(
        language,
        header_comment=old.header_comment,
        project="Blockweight",
        creation_date=old.creation_date,
        charset="utf-8",
        fuzzy=False,
    )
    for each in sorted(sentences()):
        made.add(each.text, known.get(each, ""), context=each.kind or None)
    out = io.BytesIO()
    write_po(out, made, width=120)
    return out.getvalue()


def compiled(language: str) -> bytes:
    """The .mo of the .po."""
    out = io.BytesIO()
    write_mo(out, catalogue(language))
    return out.getvalue()


if __name__ == "__main__":
    for each in OTHERS:
        catalogue_file(each, "po").write_bytes(updated(each))
        catalogue_file(each, "mo").write_bytes(compiled(each))
