"""What ComfyUI says went wrong, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from blockweight.errors import BlockweightError, quoted

_MOST = 300


def refused(told: object) -> BlockweightError:
    """The error for a workflow that was not taken: `told` is the JSON of the answer, which may hold anything."""
    node = next(_node_errors(told), "")
    top = told.get("error") if isinstance(told, dict) else None
    said = top.get("message") if isinstance(top, dict) else top
    reason = node or _line(said) or "it does not say why"
    return BlockweightError(f"ComfyUI does not take the workflow: {reason}; look at its own log where it runs.")


def node_errors(told: object) -> BlockweightError | None:
    """The error for a workflow that was taken in part; None for a whole one."""
    node = next(_node_errors(told), "")
    return BlockweightError(f"ComfyUI left a part of the workflow out: {node}; correct it there.") if node else None


def ended_badly(entry: Mapping[str, Any]) -> BlockweightError | None:
    """Why a picture that ended, by its entry in the history, was not made; None if it was."""
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    if status.get("status_str") != "error":
        return None
    messages = status.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if not (isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict)):
            continue
        event, data = message
        if event == "execution_interrupted":
            return BlockweightError("Somebody stopped the picture in ComfyUI; start the same command again to go on.")
        if event == "execution_error":
            return _failed(data)
    return BlockweightError(
        "ComfyUI could not make the picture and does not say why; look at its own log where it runs."
    )


def _failed(data: Mapping[str, Any]) -> BlockweightError:
    node = f"{quoted(str(data.get('node_id')))} ({_line(data.get('node_type'))})"
    said, kind = _line(data.get("exception_message")), _line(data.get("exception_type"))
    if "OutOfMemory" in kind:
        return BlockweightError(
            f"The picture does not fit into the memory of ComfyUI's device (at the node {node}); render smaller "
            "pictures, or close other programs that use it."
        )
    reason = said or kind or "it does not say why"
    return BlockweightError(f"ComfyUI failed at the node {node}: {reason}; look at its own log where it runs.")


def _node_errors(told: object) -> Iterator[str]:
    nodes = told.get("node_errors") if isinstance(told, dict) else None
    for name, node in nodes.items() if isinstance(nodes, dict) else ():
        if not isinstance(node, dict):
            continue
        errors = node.get("errors")
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict):
                details = _line(error.get("details"))
                said = _line(error.get("message")) or _line(error.get("type"))
                yield f"the node {quoted(str(name))} ({_line(node.get('class_type'))}): {said}" + (
                    f" ({details})" if details else ""
                )


def _line(text: object) -> str:
    """The first line of what a server says, without the marks of a sentence's end."""
    lines = str(text).strip().splitlines() if isinstance(text, str) else []
    return quoted(lines[0], _MOST)[1:-1].rstrip(" .;:") if lines else ""
