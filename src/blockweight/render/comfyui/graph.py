"""ComfyUI's workflows in the API's format: nodes by name, each with its class and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Nodes = Mapping[str, Mapping[str, Any]]
"""`{"3": {"class_type": "KSampler", "inputs": {"seed": 5, "model": ["4", 0], …}}, …}`: an input is a value, or a link
to another node's output."""


@dataclass(frozen=True)
class Link:
    """A node's output: the node's name and the output's place."""

    node: str
    output: int = 0

    @property
    def written(self) -> list[str | int]:
        """As an input holds it."""
        return [self.node, self.output]


def link_of(value: object, nodes: Nodes) -> Link | None:
    """The link that an input's value is; None for a value."""
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], int)):
        return None
    return Link(str(value[0]), value[1]) if str(value[0]) in nodes else None


@dataclass
class Graph:
    """A workflow that grows. Nodes keep their names from picture to picture, so that ComfyUI takes up what it has
    calculated for those whose inputs are the same."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, kind: str, **inputs: object) -> Link:
        """Add a node and return its first output. Links among the inputs are written as such."""
        said = {key: value.written if isinstance(value, Link) else value for key, value in inputs.items()}
        self.nodes[name] = {"class_type": kind, "inputs": said, "_meta": {"title": name}}
        return Link(name)
