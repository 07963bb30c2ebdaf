"""What nodes a server has, by its `/object_info`, and whether a workflow's fit them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Protocol
from urllib.parse import quote

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SERVER_MODEL
from blockweight.render.comfyui.graph import Link, Nodes, link_of

_MOST_SHOWN = 5


class Source(Protocol):
    """What answers with JSON at a path: `render.remote.Server`."""

    def get_json(self, path: str) -> Any:
        """The JSON at `path`."""
        ...


class NodeKinds:
    """The kinds of nodes of a server, each asked for once. BlockweightError for what cannot be had."""

    def __init__(self, server: Source) -> None:
        self._server = server
        self._known: dict[str, Mapping[str, Any] | None] = {}

    def find(self, kind: str) -> Mapping[str, Any] | None:
        """What the server says of a kind of node; None if it has none."""
        if kind not in self._known:
            told = self._server.get_json(f"/object_info/{quote(kind, safe='')}")
            found = told.get(kind) if isinstance(told, dict) else None
            self._known[kind] = found if isinstance(found, dict) else None
        return self._known[kind]

    def inputs(self, kind: str, sort: str = "required") -> Mapping[str, Sequence[Any]]:
        """The `required` or `optional` inputs of a kind: name → what it takes, and settings."""
        inputs = (self.find(kind) or {}).get("input")
        found = inputs.get(sort) if isinstance(inputs, dict) else None
        usable = found.items() if isinstance(found, dict) else ()
        return {name: spec for name, spec in usable if isinstance(spec, list) and spec}

    def options(self, kind: str, name: str) -> tuple[str, ...] | None:
        """The values that an input takes, of those that name them; None for another input."""
        spec = self.inputs(kind).get(name) or self.inputs(kind, "optional").get(name)
        return None if spec is None else _options(spec)


def _options(spec: Sequence[Any]) -> tuple[str, ...] | None:
    # Newer nodes say ["COMBO", {"options": [...]}].
    settings = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    listed = settings.get("options") if spec[0] == "COMBO" else spec[0]
    return tuple(map(str, listed)) if isinstance(listed, list) else None


def on_server(path: str, listed: Collection[str] | None, what: str) -> str:
    """What the server calls the file at `path`: the one of the same name, in whatever folder there, or the one that
    stands behind `server:`. A folder is found by a file of its name with an ending. BlockweightError if there is none,
    or more than one."""
    there = [] if listed is None else sorted(listed)
    if path.startswith(SERVER_MODEL):
        wanted = path.removeprefix(SERVER_MODEL)
        found = [name for name in there if name.replace("\\", "/") == wanted.replace("\\", "/")]
    else:
        wanted = PurePath(path).name
        names = {name: re.split(r"[\\/]", name)[-1] for name in there}
        found = [name for name in there if names[name] == wanted]
        found = found or [name for name in there if PurePath(names[name]).stem == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        example = f"{SERVER_MODEL}{found[0]}"
        raise BlockweightError(
            f"ComfyUI has more than one {what} called {quoted(wanted)}: {_some(found)}; name the one that is meant as "
            f"in {example}."
        )
    raise BlockweightError(
        f"ComfyUI has no {what} called {quoted(wanted)} (it has {_some(there) or 'none'}); put the file there, or name "
        f"one that it has as in {SERVER_MODEL}NAME."
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(quoted(name) for name in names[:_MOST_SHOWN])
    return shown + (f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else "")


def check_nodes(nodes: Nodes, kinds: NodeKinds, uploaded: Collection[str]) -> None:
    """Refuse, before anything is sent, what ComfyUI would refuse of a workflow: kinds of nodes that it has not, inputs
    that are missing, values that it does not know, numbers out of their range, and links that lead nowhere. `uploaded`
    are files that will be there in time."""
    for name, node in nodes.items():
        kind, inputs = str(node["class_type"]), node["inputs"]
        if kinds.find(kind) is None:
            raise BlockweightError(
                f"ComfyUI has no node {quoted(kind)}, which the workflow needs; update ComfyUI, or install what brings "
                "it."
            )
        required = kinds.inputs(kind)
        for key, spec in {**kinds.inputs(kind, "optional"), **required}.items():
            if key in inputs:
                _check_input(f"{quoted(key)} of the node {_shown(name, node)}", inputs[key], spec, nodes, uploaded)
            elif key in required:
                raise BlockweightError(
                    f"The node {_shown(name, node)} lacks its input {quoted(key)}; connect it and export the workflow "
                    "again."
                )


def _shown(name: str, node: Mapping[str, Any]) -> str:
    return f"{quoted(name)} ({node['class_type']})"


def _check_input(where: str, value: object, spec: Sequence[Any], nodes: Nodes, uploaded: Collection[str]) -> None:
    if isinstance(value, list):
        link = link_of(value, nodes)
        if link is None:
            raise BlockweightError(
                f"The input {where} is linked to a node that is not there; export the workflow again."
            )
        return
    options = _options(spec)
    if options is not None and str(value) not in options and str(value) not in uploaded:
        raise BlockweightError(
            f"ComfyUI does not take {quoted(str(value))} for the input {where}; it takes {_some(options) or 'nothing'}."
        )
    settings = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    if spec[0] in ("INT", "FLOAT") and isinstance(value, int | float):
        low, high = settings.get("min", -math.inf), settings.get("max", math.inf)
        if isinstance(low, int | float) and isinstance(high, int | float) and not low <= value <= high:
            raise BlockweightError(
                f"ComfyUI takes {low:g} to {high:g} for the input {where}, not {value:g}; choose a number between."
            )


def links_to(nodes: Nodes, target: str) -> list[tuple[str, str, Link]]:
    """The inputs that are linked to a node: the node, the input's name, and the link."""
    found = []
    for name, node in nodes.items():
        for key, value in node["inputs"].items():
            link = link_of(value, nodes)
            if link is not None and link.node == target:
                found.append((name, key, link))
    return found
