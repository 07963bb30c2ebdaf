"""What the rooms below the studio say, found in their source: the sentences that its catalogues translate.

A sentence is an f-string there; here each of its values is a place, `{name}`, named after the expression. Where one of
two texts is chosen inside it, both sentences stand here.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path

from sentence_scope import PARTS, SPELLED, SYSTEM, UNSEEN

SOURCE = Path(str(resources.files("blockweight")))

_MOST_WAYS = 16
"""Ways in which one f-string may be put together; with more, its choices are places."""

_SPEAKING = frozenset({"BlockweightError", "UnavailableError", "BlockRefusedError", "ServerError", "Failure", "Note"})
"""What a sentence is given to where it is meant for a person."""

_QUOTING = frozenset({"quoted", "_quoted", "_shown"})
"""Functions that put what a person typed between single quotes."""

_SENTENCE = re.compile(r"^[^#].*\.$|^[A-Z][\w ]+: \{\w+\}$", re.DOTALL)
"""What is a whole sentence, or a word on what follows it."""

Piece = tuple[bool, str]
"""A part of a sentence: (False, text) or (True, a place's name)."""


@dataclass(frozen=True, order=True)
class Sentence:
    """A sentence as a format string, and its kind (see `sentence_scope.PARTS`)."""

    text: str
    kind: str = ""


@cache
def sentences() -> Mapping[Sentence, str]:
    """Every sentence that a page may show, to the file in which it stands first."""
    found = {Sentence(reason, "why"): "" for reason in SYSTEM}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith(UNSEEN):
            continue
        for each in spoken(ast.parse(path.read_text(encoding="utf-8")), PARTS.get(name, {})):
            for spelled in SPELLED.get(each.text, (each.text,)):
                kind, bar, text = spelled.partition("|")
                found.setdefault(Sentence(text, kind) if bar else Sentence(spelled, each.kind), name)
    return found


def spoken(module: ast.Module, parts: Mapping[str, str]) -> Iterator[Sentence]:
    """The sentences of a module: what is said in an error or a note, and the texts of the named functions, classes and
    constants."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _name_of(node.func) in _SPEAKING:
            yield from (
                Sentence(text)
                for argument in node.args
                for text in templates(argument)
                if text in SPELLED or _has_words(text)
            )
    formatted = {
        _name_of(node.value) for node in ast.walk(module) if isinstance(node, ast.Attribute) and node.attr == "format"
    }
    for name, kind in parts.items():
        made = [node for node in module.body if name in _names_made(node)]
        assert made, f"{name} does not stand in the source any more"
        for text in (text for node in made for expression in _texts(node) for text in templates(expression)):
            if text in SPELLED or (_has_words(text) and (kind or _SENTENCE.search(text))):
                yield Sentence(text.replace("{{", "{").replace("}}", "}") if name in formatted else text, kind)


def templates(node: ast.expr) -> list[str]:
    """The sentences that an expression may be, as format strings; none for what is no text."""
    ways = [_named(way) for way in _ways(node)]
    return list(
        dict.fromkeys("".join(f"{{{text}}}" if place else _escaped(text) for place, text in way) for way in ways)
    )


def places(sentence: str) -> list[str]:
    """The names of a sentence's places, in order."""
    return [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]


def _ways(node: ast.expr) -> list[tuple[Piece, ...]]:
    match node:
        case ast.Constant(value=str(text)):
            return [((False, text),)]
        case ast.JoinedStr(values=parts):
            each = [_ways(part) for part in parts]
            made = [sum(way, ()) for way in product(*each)] if _count(each) <= _MOST_WAYS else []
            return made or [sum((_plain(part) for part in parts), ())]
        case ast.FormattedValue(value=value):
            chosen = _ways(value) if isinstance(value, ast.Constant | ast.IfExp) else []
            return chosen or [_plain(node)]
        case ast.IfExp(body=one, orelse=other):
            first, second = _ways(one), _ways(other)
            return first + second if first and second else []
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [one + other for one in _ways(left) for other in _ways(right)]
    return []


def _plain(part: ast.expr) -> tuple[Piece, ...]:
    """A part of an f-string as it stands."""
    if isinstance(part, ast.Constant):
        return ((False, str(part.value)),)
    assert isinstance(part, ast.FormattedValue)
    value = part.value
    if isinstance(value, ast.Call) and _name_of(value.func) in _QUOTING:
        return ((False, "'"), (True, _place(value.args[0])), (False, "'"))
    return ((True, _place(value)),)


def _count(each: Iterable[list[tuple[Piece, ...]]]) -> int:
    count = 1
    for ways in each:
        count *= max(len(ways), 1)
    return count


def _place(node: ast.expr) -> str:
    """A name for a value, after its expression: `path.name` is `name`, `', '.join(blocks)` is `blocks`."""
    match node:
        case ast.Name(id=name):
            return name.strip("_").lower() or "value"
        case ast.Attribute(value=value, attr=name):
            return f"{_place(value)}_{name}" if name in {"name", "path", "parent"} else name.strip("_")
        case ast.Call(func=ast.Name(id="len"), args=[value, *_]):
            return f"{_place(value)}_count"
        case ast.Call(func=ast.Attribute(attr="join"), args=[value, *_]) | ast.Call(func=ast.Name(), args=[value, *_]):
            return _place(value)
        case ast.Call(func=ast.Attribute(value=value)) | ast.Starred(value=value):
            return _place(value)
        case ast.Subscript(value=ast.Name(id="body"), slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(value=value) | ast.BinOp(left=value) | ast.BoolOp(values=[value, *_]):
            return _place(value)
        case ast.GeneratorExp(generators=[first, *_]):
            return _place(first.iter)
    return "value"


def _named(way: tuple[Piece, ...]) -> list[Piece]:
    """The pieces with every name only once."""
    made: list[Piece] = []
    for place, text in way:
        name, number = text, 2
        while place and (True, name) in made:
            name, number = f"{text}_{number}", number + 1
        made.append((place, name))
    return made


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _names_made(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [_name_of(target) for target in targets]
        case ast.AnnAssign(target=target):
            return [_name_of(target)]
    return []


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """The texts below a node, each as a whole, without docstrings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Call) and _name_of(child.func) in _SPEAKING:
            continue  # a sentence of its own
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
            for part in child.values if isinstance(child, ast.JoinedStr) else ():
                if isinstance(part, ast.FormattedValue):
                    yield from _texts(part)
        else:
            yield from _texts(child)


def _has_words(sentence: str) -> bool:
    plain = "".join(text for text, _, _, _ in string.Formatter().parse(sentence))
    return any(map(str.isalpha, plain)) and " " in sentence.strip()
