"""The catalogues are whole, and the language is the one that is wanted."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from blockweight.studio.languages import language_for
from blockweight.workflow.settings import LANGUAGES

STUDIO = Path(str(resources.files("blockweight.studio")))
OTHERS = [language for language in LANGUAGES if language != "en"]


def words_of_the_studio() -> set[str | tuple[str, ...]]:
    methods = [("**.j2", "jinja2"), ("**.py", "python")]
    found = extract_from_dir(STUDIO, methods, {"**.j2": {"trimmed": "true"}}, {**DEFAULT_KEYWORDS, "marked": None})
    return {message for _, _, message, _, _ in found}


def folder(language: str) -> Path:
    return STUDIO / "locale" / language / "LC_MESSAGES"


def catalogue(language: str) -> Catalog:
    with (folder(language) / "studio.po").open("rb") as file:
        return read_po(file, language)


def plain(words: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Singular and plural, to the translations."""
    pairs = ((message.id, message.string) for message in words if message.id)
    return {
        tuple([one] if isinstance(one, str) else one): tuple([text] if isinstance(text, str) else text)
        for one, text in pairs
    }


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_word_of_the_studio_and_no_other(language):
    assert {message.id for message in catalogue(language) if message.id} == words_of_the_studio()


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_is_left_untranslated(language):
    for message in catalogue(language):
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        assert all(texts), message.id
        assert not message.fuzzy or not message.id


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_places_of_its_original(language):
    for message in catalogue(language):
        one = message.id if isinstance(message.id, str) else message.id[-1]
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        for text in texts if message.id else ():
            assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", one))


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_the_one_to_edit(language):
    with (folder(language) / "studio.mo").open("rb") as file:
        compiled = read_mo(file)
    assert plain(compiled) == plain(catalogue(language))


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("ja", "en", "ja"),
        ("", "ja", "ja"),
        ("", "ja-JP,en;q=0.8", "ja"),
        ("", "fr,en;q=0.8,ja;q=0.9", "ja"),
        ("", "fr", "en"),
        ("", "", "en"),
        ("", "ja;q=0,en;q=0.1", "en"),
        ("", "ja;q=lots,en", "en"),
        ("xx", "ja", "ja"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers_best(chosen, accepted, language):
    assert language_for(chosen, accepted) == language


@given(st.text(), st.text())
def test_whatever_a_browser_says_there_is_a_language(chosen, accepted):
    assert language_for(chosen, accepted) in LANGUAGES


def test_the_switch_comes_before_the_settings_and_those_before_the_browser(client, config):
    japanese = {"accept-language": "ja"}
    assert 'lang="ja"' in client.get("/", headers=japanese).text
    client.post("/settings", data={"loras": "", "models": "", "language": "en", "theme": ""})
    assert '<html lang="en"' in client.get("/", headers=japanese).text
    answer = client.post("/look", data={"language": "ja", "back": "/weights?layout=sd1-17"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/weights?layout=sd1-17")
    assert '<html lang="ja"' in client.get("/").text


def test_saving_the_settings_takes_the_switches_place(client, config):
    client.post("/look", data={"language": "ja", "theme": "dark"})
    client.post("/settings", data={"loras": "", "models": "", "language": "en", "theme": "light"})
    assert '<html lang="en" data-theme="light">' in client.get("/").text


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:1", "/a\nb"]
)
def test_a_switch_never_leads_elsewhere(client, back):
    assert client.post("/look", data={"theme": "dark", "back": back}).headers["location"] == "/"


@pytest.mark.parametrize("fields", [{"theme": "pink"}, {"language": "xx"}, {}])
def test_a_switch_to_what_there_is_not_is_refused(client, fields):
    answer = client.post("/look", data={"back": "/", **fields})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
