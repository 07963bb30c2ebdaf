"""Presets and hints: the person's own book and table, looked at, changed, taken in and taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from blockweight.errors import BlockweightError, quoted
from blockweight.studio.forms import Fields, form, query
from blockweight.studio.pages import render
from blockweight.workflow import hint_table as hints
from blockweight.workflow import own_presets as presets
from blockweight.workflow.weight_rows import hint_rows, preset_rows

router = APIRouter(prefix="/presets")

_PRESETS, _HINTS = "book", "hints"
_FORMS = ("add", "import", "text")
_SAID = ("kind", "name", "by", "done", "gone", "note", "layout", "before", "left")
_NOTHING = Fields([])


@router.get("")
def show(request: Request) -> Response:
    """The page. `kind` and `name` say which row is to have the focus, `done` what was done; `gone`, `note` and `before`
    what was removed, so that it can be put back."""
    return _page(request, query(request))


@router.get("/book.txt")
def book_file() -> Response:
    """The book as a file to keep."""
    return _file("presets.txt", presets.load_presets().text())


@router.get("/hints.{ending}")
def hints_file(ending: Literal["toml", "csv", "tsv", "txt"]) -> Response:
    """The hints as a file to keep."""
    return _file(f"hints.{ending}", hints.hints_text(hints.load_hints(), f".{ending}"))


@router.post("/{kind}/{act}")
def change(
    request: Request, kind: Literal["book", "hints"], act: str, fields: Annotated[Fields, Depends(form)]
) -> Response:
    """Change the book or the hints; where something is wrong, show the page as it was sent, with the reason."""
    try:
        focus = _book_act(act, fields) if kind == _PRESETS else _hints_act(act, fields)
    except BlockweightError as error:
        sent = Fields([("kind", kind), ("name", fields.one("name"))])
        return _page(request, sent, error=str(error), act=f"{kind}/{act}", typed=fields, status=422)
    return RedirectResponse(f"/presets?{urlencode({'kind': kind, 'done': act, **focus})}", 303)


def _book_act(act: str, fields: Fields) -> Mapping[str, str]:
    name, weights = fields.one("name"), fields.one("weights")
    match act:
        case "add":
            presets.change_presets(lambda book: presets.added_preset(book, weights, fields.one("before")))
            return {"name": weights.partition(":")[0].strip()}
        case "edit":
            presets.change_presets(lambda book: presets.edited_preset(book, name, fields.one("new"), weights))
            return {"name": fields.one("new").strip()}
        case "remove":
            now = presets.load_presets()
            gone = f"{name}:{now.vector(name)}"
            presets.change_presets(lambda book: book.without(name))
            return {"gone": gone, "before": _next_of(list(now.presets), name)}
        case "move":
            presets.change_presets(lambda book: book.moved(name, _before(list(book.presets), name, fields)))
            return {"name": name, "by": fields.one("by")}
        case "import":
            prefer: Literal["first", "second"] = "second" if fields.one("prefer") == "second" else "first"
            presets.change_presets(lambda book: presets.merged_presets(book, _lines(fields.one("text")), prefer))
            return {}
        case "text":
            presets.change_presets(lambda _: presets.book_of(_lines(fields.one("text"))))
            return {}
    raise BlockweightError(f"The studio cannot do {quoted(act)} to presets; load the page anew.")


def _hints_act(act: str, fields: Fields) -> Mapping[str, str]:
    name, weights, note = fields.one("name"), fields.one("weights"), fields.one("note")
    match act:
        case "add":
            new, before = hints.hint_of(weights, note, fields.one("layout") or None), fields.one("before")
            hints.change_hints(lambda table: table.added(new, before if before in table.names else None))
            return {"name": new.name}
        case "edit":
            hints.change_hints(lambda table: hints.edited_hint(table, name, fields.one("new"), weights, note))
            return {"name": fields.one("new").strip()}
        case "remove":
            now = hints.load_hints()
            gone = now.find(name)
            hints.change_hints(lambda table: table.removed(name))
            back = {"gone": gone.weights.text(), "note": gone.note, "layout": gone.weights.layout.name}
            return {**back, "before": _next_of(now.names, name)}
        case "move":
            hints.change_hints(lambda table: table.moved(name, _before(table.names, name, fields)))
            return {"name": name, "by": fields.one("by")}
        case "import":
            found, left_out = hints.pasted_hints(fields.one("text"))
            hints.change_hints(lambda table: table.merged(found))
            return {"left": " ".join(left_out)[:1000]} if left_out else {}
        case "reset":
            hints.reset_hints()
            return {}
    raise BlockweightError(f"The studio cannot do {quoted(act)} to hints; load the page anew.")


def _before(names: Sequence[str], name: str, fields: Fields) -> str | None:
    """What a row is moved before: as it was dragged, or by one place."""
    if fields.has("before"):
        return fields.one("before") or None
    return presets.place_of_neighbour(names, name, "up" if fields.one("by") == "up" else "down")


def _next_of(names: Sequence[str], name: str) -> str:
    place = list(names).index(name) + 1
    return names[place] if place < len(names) else ""


def _page(
    request: Request, asked: Fields, *, error: str = "", act: str = "", typed: Fields = _NOTHING, status: int = 200
) -> Response:
    book, table = presets.load_presets(), hints.load_hints()
    said = {name: asked.one(name) for name in _SAID}
    names = {_PRESETS: list(book.presets), _HINTS: list(table.names)}
    kind, _, what = act.partition("/")
    return render(
        request,
        "presets.html.j2",
        status,
        rows={_PRESETS: list(preset_rows(book)), _HINTS: list(hint_rows(table))},
        names=names,
        texts={_PRESETS: book.text(), _HINTS: hints.hints_text(table, "")},
        places={_PRESETS: str(presets.presets_file()), _HINTS: str(hints.hints_file())},
        said=said,
        error=error,
        # The form that the reason stands in, if it is still there.
        act=act if what in _FORMS or (what == "edit" and said["name"] in names[kind]) else "",
        typed=typed,
    )


def _lines(text: str) -> str:
    # A form sends every end of line as two characters.
    return text.replace("\r\n", "\n")


def _file(name: str, text: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(text.encode(), headers=headers, media_type="text/plain; charset=utf-8")
