"""The page of presets and hints: every act, what is refused, and that text stays text."""

from __future__ import annotations

import html
from urllib.parse import parse_qsl, urlsplit

import pytest

from blockweight.workflow.hint_table import hints_file, load_hints
from blockweight.workflow.own_presets import load_presets, presets_file
from workshop import WEIGHTS

ONES = ",".join(["1"] * 17)
GIRL = f"Girl:{WEIGHTS}"


def shown(answer) -> str:
    return html.unescape(answer.text)


@pytest.fixture
def act(client):
    """Post an act, and the fields of the address that it leads to."""

    def send(place, **fields):
        answer = client.post(f"/presets/{place}", data=fields or {"name": ""})
        assert answer.status_code == 303, shown(answer)
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    return send


@pytest.fixture
def refused(client, config):
    """Post an act that is refused, and the page that says so; nothing is written."""

    def send(place, **fields):
        answer = client.post(f"/presets/{place}", data=fields or {"name": ""})
        assert answer.status_code == 422
        assert not presets_file().exists()
        assert not hints_file().exists()
        return shown(answer)

    return send


def presets():
    return list(load_presets().presets)


def hints():
    return list(load_hints().names)


def test_the_default_presets_and_the_shipped_hints_are_there_at_first(client, config):
    page = client.get("/presets").text
    for name in (*presets(), *hints()):
        assert f'data-name="{name}"' in page
    assert '<li data-heat="10"><span>BASE</span>1</li>' in page
    assert '<li data-heat="5"><span>BASE</span>0.5</li>' in page
    assert not config.exists()


def test_a_preset_is_added_edited_moved_and_removed(act):
    assert act("book/add", weights=GIRL)["name"] == "Girl"
    assert presets()[-1] == "Girl"
    act("book/edit", name="Girl", new="Woman", weights=ONES)
    assert (presets()[-1], load_presets().find("Woman")) == ("Woman", ONES)
    act("book/move", name="Woman", by="up")
    assert presets()[-2] == "Woman"
    act("book/move", name="Woman", before="NONE")
    assert presets()[0] == "Woman"
    act("book/move", name="Woman", by="down")
    assert presets()[:2] == ["NONE", "Woman"]
    act("book/move", name="Woman", before="")
    assert presets()[-1] == "Woman"
    gone = act("book/remove", name="Woman")
    assert "Woman" not in presets()
    assert gone["gone"] == f"Woman:{ONES}"


def test_a_hint_is_added_edited_moved_and_removed(act):
    act("hints/add", weights=GIRL, note="a blog")
    assert (hints()[-1], load_hints().find("Girl").note) == ("Girl", "a blog")
    act("hints/edit", name="Girl", new="Woman", weights=ONES, note="")
    assert load_hints().find("Woman").weights.vector() == ONES
    act("hints/move", name="Woman", by="up")
    assert hints()[-2] == "Woman"
    act("hints/move", name="Woman", before=hints()[0])
    assert hints()[0] == "Woman"
    act("hints/remove", name="Woman")
    assert "Woman" not in hints()


@pytest.mark.parametrize(("kind", "names"), [("book", presets), ("hints", hints)])
def test_what_was_removed_can_be_put_back_where_it_stood(act, client, kind, names):
    before = names()
    asked = act(f"{kind}/remove", name=before[3])
    assert "Put it back" in client.get("/presets", params=asked).text
    act(f"{kind}/add", weights=asked["gone"], before=asked["before"], note=asked.get("note", ""),
        layout=asked.get("layout", ""))  # fmt: skip
    assert names() == before


@pytest.mark.parametrize("kind", ["book", "hints"])
def test_the_row_that_was_moved_has_the_focus(act, client, kind):
    name = (presets() if kind == "book" else hints())[4]
    page = client.get("/presets", params=act(f"{kind}/move", name=name, by="up")).text
    assert page.count(" autofocus") == 1
    assert f'aria-label="Move {name} up" autofocus' in page


def test_presets_are_taken_in_with_the_books_or_the_new_weights(act):
    act("book/import", text=f"# theirs\r\n{GIRL}\r\nNONE:{ONES}")
    assert presets()[-1] == "Girl"
    assert load_presets().find("NONE") != ONES
    assert "\r" not in load_presets().text()
    act("book/import", text=f"NONE:{ONES}", prefer="second")
    assert load_presets().find("NONE") == ONES


@pytest.mark.parametrize(
    "text",
    [
        f"# theirs\r\n{GIRL}\r\n",
        f"Girl\t{WEIGHTS.replace(',', chr(9))}",
        f'[[hint]]\nname = "Girl"\nlayout = "sd1-26"\nweights = "{WEIGHTS}"\n',
    ],
    ids=["a book", "a spreadsheet's row", "TOML"],
)
def test_hints_are_taken_in_from_every_form(act, text):
    act("hints/import", text=text)
    assert load_hints().find("Girl").weights.vector() == WEIGHTS


def test_the_shipped_hints_come_back(act):
    before = hints()
    act("hints/remove", name=before[0])
    act("hints/reset")
    assert sorted(hints()) == sorted(before)


def test_the_whole_book_is_edited_as_text_with_what_is_wrong_in_it_shown(act, client):
    act("book/text", text=f"# mine\r\n{GIRL}\r\nnote to self\r\n")
    assert load_presets().text() == f"# mine\n{GIRL}\nnote to self\n"
    page = shown(client.get("/presets"))
    assert "note to self" in page
    assert 'there is no ":" between a name and its weights' in page


def test_an_empty_book_says_how_to_fill_it(act, client):
    act("book/text", text="")
    assert "Nothing here yet." in client.get("/presets").text


@pytest.mark.parametrize(
    ("place", "fields", "words"),
    [
        ("book/add", {"weights": "Girl:1,0"}, "Girl"),
        ("book/add", {"weights": f"NONE:{ONES}"}, "The book has the preset 'NONE' already"),
        ("book/edit", {"name": "NONE", "new": "ALL", "weights": ONES}, "has a preset 'ALL' already"),
        ("book/edit", {"name": "NONE", "new": "a:b", "weights": ONES}, "cannot hold a colon"),
        ("book/edit", {"name": "NONE", "new": "NONE", "weights": "1,zero"}, "NONE"),
        ("book/edit", {"name": "nobody", "new": "nobody2", "weights": ONES}, "There is no preset 'nobody'"),
        ("book/import", {"text": "nothing"}, "There is no preset in 'nothing'"),
        ("book/move", {"name": "nobody", "by": "up"}, "There is no 'nobody' any more; load the page anew."),
        ("book/remove", {"name": "nobody"}, "There is no preset 'nobody'"),
        ("book/fly", {}, "cannot do 'fly' to presets"),
        ("hints/add", {"weights": ONES}, "has no name"),
        ("hints/add", {"weights": f"Face_c:{ONES}"}, "There is a hint 'Face_c' already"),
        ("hints/edit", {"name": "Face_c", "new": "Face_s", "weights": ONES}, "There is a hint 'Face_s' already"),
        ("hints/edit", {"name": "Face_c", "new": "Face_c", "weights": "one"}, "Face_c"),
        ("hints/import", {"text": "nothing"}, "There is no hint in 'nothing'"),
        ("hints/move", {"name": "nobody", "by": "down"}, "There is no 'nobody' any more"),
        ("hints/remove", {"name": "nobody"}, "There is no hint called 'nobody'"),
        ("hints/fly", {}, "cannot do 'fly' to hints"),
    ],
)
def test_what_is_wrong_is_refused_with_the_form_as_it_was_sent(refused, place, fields, words):
    page = refused(place, **fields)
    assert words in page
    assert page.count('role="alert">') == 1
    if place.endswith(("add", "import")) or (place.endswith("edit") and fields["name"] != "nobody"):
        assert f">\n{fields.get('weights', fields.get('text'))}</textarea>" in page
        assert page.count('aria-invalid="true"') == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [("book.txt", "OUTALL:1,0"), ("hints.toml", "[[hint]]"), ("hints.csv", "NAME,"), ("hints.tsv", "NAME\t")],
)
def test_book_and_hints_can_be_downloaded(client, config, name, words):
    answer = client.get(f"/presets/{name}")
    assert (answer.status_code, words in answer.text) == (200, True)
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_name_or_a_note_with_a_script_in_it_stays_text(act, client):
    script = "<script>alert(1)</script>"
    act("book/text", text=f"{script}:{ONES}\n{script}\n")
    asked = act("hints/add", weights=f"{script}:{ONES}", note=script)
    page = client.get("/presets", params={**asked, "gone": script}).text
    assert script not in page
    assert html.escape(script) in page


def test_files_that_cannot_be_read_are_said_on_a_page(client, config):
    config.mkdir()
    presets_file().write_bytes(b"\xff\xfe")
    answer = client.get("/presets")
    assert (answer.status_code, "is not UTF-8 text" in shown(answer)) == (422, True)
