"""What the rooms below say is said in the page's language: found in their source, recognised whole, never guessed."""

from __future__ import annotations

import ast
import html
import json
import string
from contextlib import ExitStack
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from hypothesis import given
from hypothesis import strategies as st
from sentence_catalogue import OTHERS, catalogue, catalogue_file, translations
from sentence_scope import SPELLED
from sentence_sources import SOURCE, Sentence, sentences, spoken, templates

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import open_lora
from blockweight.plan import read_infotext, scene_settings
from blockweight.project.rendering_lock import HOLDER, rendering_alone
from blockweight.studio.projects import identity_of
from blockweight.studio.sentences import Book, Said, said
from blockweight.weights import read_weights
from blockweight.workflow.generation_fields import read_generation
from blockweight.workflow.scenes import parse_seeds, scenes_of
from blockweight.workflow.settings import Settings
from blockweight.workflow.tuning import fix, set_each
from blockweight.workflow.tuning_project import create_project
from blockweight.workflow.weight_sheet import Sheet
from workshop import write_model

JAPANESE = {"accept-language": "ja"}


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def kinds_asked(text: str) -> list[str]:
    return [kind for _, _, kind, _ in string.Formatter().parse(text) if kind]


# The catalogues.


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_sentence_of_the_rooms_below_and_no_other(language):
    assert set(translations(language)) == set(sentences()), "run: make messages"


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_left_untranslated(language):
    assert [each.text for each, text in translations(language).items() if not text] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_places_of_its_sentence(language):
    for sentence, text in translations(language).items():
        assert places(text) == places(sentence.text), sentence


@pytest.mark.parametrize("language", OTHERS)
def test_a_place_asks_for_kinds_of_sentences_that_there_are(language):
    known = translations(language)
    assert {kind for text in known.values() for kind in kinds_asked(text)} <= {each.kind for each in known}


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_sentences_are_those_to_edit(language):
    with catalogue_file(language, "mo").open("rb") as file:
        compiled = {(each.id, each.context and bytes(each.context).decode(), each.string) for each in read_mo(file)}
    assert compiled - {("", None, "")} >= {
        (each.id, each.context, each.string) for each in catalogue(language) if each.id
    }


def test_a_sentence_has_words_of_its_own():
    for sentence in sentences():
        plain = "".join(text for text, _, _, _ in string.Formatter().parse(sentence.text))
        # Those of a kind are looked for where such a one stands, nowhere else.
        assert sum(map(str.isalpha, plain)) >= (2 if sentence.kind else 5) or plain == "In '': ", sentence


def test_what_is_spelled_out_still_stands_in_the_source():
    nodes = (node for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = (node for node in nodes if isinstance(node, ast.JoinedStr | ast.Constant))
    assert SPELLED.keys() <= {template for node in texts for template in templates(node)}


# How they are found in the source.


def found_in(source: str, **parts: str) -> set[tuple[str, str]]:
    return {(each.text, each.kind) for each in spoken(ast.parse(source), parts)}


def test_values_become_places_with_their_expressions_names():
    source = "raise BlockweightError(f\"{len(a.cells)} in '{path}' of {', '.join(c.names)} and {path}, {quoted(d)}\")"
    assert found_in(source) == {("{cells_count} in '{path}' of {names} and {path_2}, '{d}'", "")}


def test_a_choice_inside_a_sentence_gives_both_sentences():
    source = "raise BlockweightError(f\"One is {'here' if a else 'there'}, {'' if b else f'with {c} '}or not.\")"
    assert found_in(source) == {
        (f"One is {place}, {more}or not.", "") for place in ("here", "there") for more in ("", "with {c} ")
    }


def test_texts_of_named_parts_are_found_and_no_docstrings():
    source = 'def _why(a):\n    """Says why."""\n    return f"it has {a}" if a else "it has none"\n'
    assert found_in(source) == set()
    assert found_in(source, _why="why") == {("it has {a}", "why"), ("it has none", "why")}


def test_a_part_that_is_gone_is_told():
    with pytest.raises(AssertionError, match="_why does not stand in the source any more"):
        found_in("A = 1", _why="")


def test_braces_stay_braces():
    assert templates(ast.parse("f'{{a}} {b} {{'", mode="eval").body) == ["{{a}} {b} {{"]


# How they are recognised.


BOOK = Book(
    {
        "There is no {what}.": "{what}はありません。",
        "There is no layout {name}.": "レイアウト{name}はありません。",
        "In {place}: {error}": "{place}: {error!m:why}",
        "Only {why}.": "{why!t:why}だけです。",
        "why\x04it is empty": "空です",
        "why\x04it has {count}": "{count}個です",
        "{a} and {b}, so there.": "{b}、{a}。",
        "step\x04set {told}": "{told!l:change}変更",
        "change\x04{block} to {value}": "{block}を{value}に",
        "It is done.": "終わりました。",
    }
)

JA_TEXTS = translations("ja")

JA = Book({(f"{each.kind}\x04" if each.kind else "") + each.text: text for each, text in JA_TEXTS.items()})


FREE = sorted(each for each in sentences() if not any(wants in JA_TEXTS.get(each, "") for wants in ("!t:", "!l:")))
"""All sentences but those of which only some values can be translated."""


@pytest.mark.parametrize("value", ["0", "ab", "IN01"])
def test_every_sentence_with_a_plain_value_in_all_its_places_is_translated(value):
    made = [(each.text.format(**dict.fromkeys(places(each.text), value)), each.kind) for each in FREE]
    assert [sentence for sentence, kind in made if JA.translated(sentence, kind) is None] == []


@given(st.sampled_from(FREE), st.data())
def test_a_sentence_with_any_values_is_translated_and_keeps_them(sentence, data):
    values = {name: data.draw(st.text(max_size=12), label=name) for name in places(sentence.text)}
    made = sentence.text.format(**values)
    answer = JA.translated(made, sentence.kind)
    if answer is None:
        # Some value holds what stands between the values, or after a sentence.
        assert any(not value.isalnum() for value in values.values())
    else:
        assert answer != made or sentence.text in translations("ja").values()
        assert all(value in answer for value in values.values())


@pytest.mark.parametrize(
    "value", ["it's", "a 'b' c", "{x} {0}", "a\nb", "プロンプト、「赤」", "", "%s \\1 $1", "a; b."]
)
def test_an_odd_value_is_kept_as_it_is(value):
    made = f"There is no model at '{value}'; give a diffusers folder or a .safetensors checkpoint."
    found = said("ja", made)
    assert (found.lang, f"「{value}」にモデルがありません。" in found.text) == ("ja", True)


def test_the_sentence_with_most_words_of_its_own_is_taken():
    assert BOOK.translated("There is no layout x.") == "レイアウトxはありません。"
    assert BOOK.translated("There is no cat.") == "catはありません。"


@pytest.mark.parametrize("text", ["", "a", "There is no cat!", "there is no cat.", "x There is no cat.", "it is empty"])
def test_what_is_not_known_stays_as_it_is(text):
    assert BOOK.translated(text) is None


def test_values_that_cannot_be_told_apart_are_left_alone():
    assert BOOK.translated("a and b, so there.") == "b、a。"
    assert BOOK.translated("a and b and c, so there.") is None


def test_of_two_ways_to_read_it_the_one_whose_parts_are_known_is_taken():
    assert BOOK.translated("In a: b: it is empty") == "a: b: 空です"
    assert BOOK.translated("In a: b: it is full") is None


def test_a_reason_inside_is_translated_too_if_it_is_known():
    assert BOOK.translated("In x: it has 3") == "x: 3個です"
    assert BOOK.translated("In x: Permission denied") == "x: Permission denied"
    assert BOOK.translated("In x: There is no layout y.") == "x: レイアウトyはありません。"


def test_a_reason_that_must_be_known_decides():
    assert BOOK.translated("Only it is empty.") == "空ですだけです。"
    assert BOOK.translated("Only that.") is None


def test_a_list_is_translated_item_by_item_or_not_at_all():
    assert BOOK.translated("set a,b to 1, c to 0", "step") == "a,bを1に、cを0に変更"
    assert BOOK.translated("set a,b to 1, c", "step") is None
    assert BOOK.translated("a to 1", "step") is None


def test_sentences_one_after_another_are_translated_if_all_are_known():
    assert (
        BOOK.translated("It is done. There is no a. b. It is done.") == "終わりました。a. bはありません。終わりました。"
    )
    assert BOOK.translated("It is done. Who knows.") is None


def test_english_pages_say_what_is_said():
    assert said("en", "There is nothing to undo.") == Said("There is nothing to undo.", "en")


def test_an_unknown_sentence_is_told_to_be_english():
    assert said("ja", "Something that nobody says.") == Said("Something that nobody says.", "en")


def sentence_of(refused) -> str:
    with pytest.raises(BlockweightError) as caught:
        refused()
    return str(caught.value)


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda _: parse_seeds("one two"), "「one」はシードではありません。"),
        (lambda _: read_weights("ALL:1,x"), ""),
        (lambda _: Sheet().layout("sd1-27"), "「sd1-27」"),
        (
            lambda folder: open_lora(folder / "it's gone.safetensors"),
            "it's gone.safetensors」というファイルがありません。",
        ),
        (open_lora, "はフォルダです。"),
    ],
)
def test_what_is_really_said_is_translated(tmp_path, refused, words):
    sentence = sentence_of(lambda: refused(tmp_path))
    found = said("ja", sentence)
    assert (found.lang, words in found.text) == ("ja", True), sentence


def test_a_broken_file_is_refused_with_its_reason_in_japanese(tmp_path):
    file = tmp_path / "broken.safetensors"
    file.write_bytes((20).to_bytes(8, "little") + b'{"a": 1, "a": 2}    ')
    assert "ヘッダーに「a」が2回あります" in said("ja", sentence_of(lambda: open_lora(file))).text


def test_what_an_infotext_says_in_vain_is_told_in_japanese():
    text = (
        "girl <lora:x:1:2>\nSteps: 2000, Sampler: Nobody, CFG scale: x, Seed: -1, Face restoration: a, Foo: b, RNG: c"
    )
    notes = scene_settings(read_infotext(text)).notes
    assert len(notes) > 5
    assert [note.text for note in notes if said("ja", note.text).lang != "ja"] == []


def test_what_an_infotext_names_in_vain_is_told_in_japanese():
    text = (
        'girl\nSteps: 20, VAE: kl-f8.ckpt, ControlNet 0: "Module: canny, Model: canny [d14c016b], Weight: 1", '
        'ControlNet 1: "Module: none, Model: depth [d14c016b], Weight: 1"'
    )
    notes = [said("ja", note.text) for note in read_generation(text, Settings()).notes]
    assert len(notes) > 4
    assert [note.text for note in notes if note.lang != "ja" or " as " in note.text] == []


def test_a_vae_of_forge_in_vain_is_told_in_japanese():
    notes = read_generation("girl\nSteps: 20, Sampler: Euler, CFG scale: 1, Seed: 1, Module 1: ae", Settings()).notes
    assert [said("ja", note.text).lang for note in notes if "VAE" in note.text] == ["ja"]


@pytest.mark.parametrize("program", ["command", "studio", "unknown"])
def test_a_project_that_another_program_renders_is_told_in_japanese(tmp_path, program):
    with rendering_alone(tmp_path, "studio"):
        told = {"program": program, "pid": 7, "since": "2026-01-01T00:00:00+00:00"}
        (tmp_path / HOLDER).write_text(json.dumps(told))
        found = said("ja", sentence_of(lambda: ExitStack().enter_context(rendering_alone(tmp_path, "command"))))
    assert found.lang == "ja"


# Where pages say them.


@pytest.fixture
def tuning(config: Path, tmp_path: Path, shelf: Path):
    model = tmp_path / "model"
    write_model(model)
    scenes = scenes_of(model, ("1girl",), "", "1,2", 20, 7.0, "Euler a", "32x24")
    with create_project(tmp_path / "documents" / "blockweight" / "p", shelf / "princess.safetensors", scenes) as made:
        yield made


def test_a_japanese_page_says_in_japanese_why_it_refuses(client, shelf):
    answer = client.post("/bake", data={"lora": str(shelf / "princess.safetensors")}, headers=JAPANESE)
    assert answer.status_code == 422
    assert 'role="alert">焼き込む重みがありません。' in answer.text


def test_a_japanese_form_says_in_japanese_what_is_wrong_with_a_field(client):
    answer = client.post("/projects/new", data={"seeds": "1 & <one>"}, headers=JAPANESE)
    assert 'id="seeds-error">「&amp;」はシードではありません。' in answer.text


def test_a_japanese_script_is_answered_in_japanese(client):
    headers = {**JAPANESE, "accept": "*/*"}
    answer = client.post("/weights/read", json={"text": "nonsense", "layout": "sd1-26"}, headers=headers).json()
    assert (answer["lang"], quoted("nonsense")[1:-1] in answer["error"]) == ("ja", True)
    assert answer["error"].endswith("。")


def test_what_has_no_translation_is_marked_on_a_japanese_page(client, shelf, monkeypatch):
    def refuse(_: object) -> object:
        raise BlockweightError("Something that <nobody> says.")

    monkeypatch.setattr("blockweight.studio.routes.bake.weights_in", refuse)
    answer = client.post("/bake", data={"lora": str(shelf / "princess.safetensors")}, headers=JAPANESE)
    assert 'role="alert"><span lang="en">Something that &lt;nobody&gt; says.</span></p>' in answer.text


def test_the_history_of_a_japanese_page_is_japanese(client, tuning):
    fix(tuning, "IN04,IN05")
    set_each(tuning, {"IN01": "0.5", "IN02": "0.5", "OUT03": "0"})
    place = f"/projects/{identity_of(tuning.folder)}"
    view = client.get(f"{place}/tune/view", headers=JAPANESE).json()
    texts = [(step["text"], step["lang"]) for step in view["steps"]]
    assert ("固定: IN04,IN05", "ja") in texts
    assert ("IN01,IN02を0.5に、OUT03を0に変更", "ja") in texts
    assert all(lang == "ja" for _, lang in texts)
    assert view["undo"]["text"] == texts[-1][0]
    assert "IN01,IN02を0.5に、OUT03を0に変更" in html.unescape(client.get(place, headers=JAPANESE).text)
    english = client.get(f"{place}/tune/view").json()
    assert (english["undo"]["text"], english["undo"]["lang"]) == ("set IN01,IN02 to 0.5, OUT03 to 0", "en")


def test_every_kind_of_step_is_known():
    steps = {each.text for each in sentences() if each.kind == "step"}
    assert Sentence("finish the round", "step") in sentences()
    assert all(JA.translated(text.format(**dict.fromkeys(places(text), "x to 1")), "step") for text in steps)


def test_what_is_said_of_a_lost_worker_and_why_is_translated():
    why = "The WebUI at http://gpu:7860 cannot be reached (refused); check that it runs, and its address."
    lost = (
        "The WebUI at http://gpu:7860 was lost, and what it was at is begun anew; if that is said again, look after it:"
    )
    found = said("ja", f"{lost} {why}", "worker")
    assert found.lang == "ja"
    assert said("ja", why).text in found.text
