"""Block weights recorded in a LoRA's own metadata.

Each stamp is one JSON object under a key of ours, which WebUIs show nested and copy with the file. The keys begin with
neither `ss_` (they would change the legacy hash) nor `ssmd_` (Additional Networks would copy them to other LoRAs):

    {"schema": 1, "role": "recommended", "name": "Gobuhime", "family": "sd1", "layout": "sd1-26",
     "values": {"BASE": 1, "IN00": 0, …}, "rest": 1, "text": "Gobuhime:1,0,…", …}

Role `recommended` is advice to whoever uses the LoRA; `applied` are weights that its tensors already contain.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from blockweight import __version__
from blockweight.blocks import FAMILIES, Layout
from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights, check_name, plain_number

PREFIX = "blockweight."
SCHEMA = 1

Role = Literal["recommended", "applied"]
ROLES: tuple[Role, ...] = ("recommended", "applied")

LINE = "LoRA Block Weight: "
"""How the line with recommended weights begins in a description."""

_OWN = ("schema", "role", "name", "family", "layout", "values", "rest", "text", "program", "stale")


@dataclass(frozen=True)
class Stamp:
    """Block weights that a file carries. `stale` advice was given for a file whose tensors have been changed since;
    `details` are further facts of a bake, such as its strength and source."""

    role: Role
    weights: BlockWeights
    stale: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


def key_of(role: Role) -> str:
    """The metadata key of a role.

    >>> key_of("recommended")
    'blockweight.recommended_weights'
    """
    return f"{PREFIX}{role}_weights"


def stamp(
    weights: BlockWeights, role: Role, details: Mapping[str, Any] | None = None, *, stale: bool = False
) -> dict[str, str]:
    """The metadata, one key and its value, that record the weights.

    `details` are further plain values, for JSON, under names of their own.
    """
    values = {block: plain_number(float(value)) for block, value in weights.items()}
    own: dict[str, object] = {
        "schema": SCHEMA,
        "role": role,
        "name": weights.name,
        "family": weights.layout.family,
        "layout": weights.layout.name,
        "values": values,
        "rest": plain_number(float(weights.rest)),
        "text": weights.text(),
        "program": f"blockweight {__version__}",
    }
    marked = {"stale": True} if stale else {}
    extra = {name: value for name, value in (details or {}).items() if name not in _OWN}
    return {key_of(role): json.dumps(own | marked | extra, ensure_ascii=False)}


def read_stamps(metadata: Mapping[str, str]) -> tuple[Stamp, ...]:
    """The stamps of a file, recommended before applied. BlockweightError for one that is not as this module writes
    it."""
    return tuple(read_stamp(role, metadata[key_of(role)]) for role in ROLES if key_of(role) in metadata)


def read_stamp(role: Role, text: str) -> Stamp:
    """One stamp from its value. BlockweightError for one that is not as this module writes it."""
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise _broken(role, "it is not a JSON object")
    if data.get("schema") != SCHEMA:
        raise _broken(role, "a newer version of this program may have written it")
    values, rest = data.get("values"), data.get("rest", 1)
    texts = [data.get(name) for name in ("name", "family", "layout")]
    if data.get("role") != role or not isinstance(values, dict) or not values:
        raise _broken(role, "its role or its values are missing")
    if not all(isinstance(each, str) for each in texts) or not all(map(_is_number, (*values.values(), rest))):
        raise _broken(role, "it holds something other than names and numbers")
    name, family, layout = map(str, texts)
    try:
        weights = BlockWeights(
            check_name(name), _layout(family, layout, tuple(values)), tuple(map(float, values.values())), float(rest)
        )
    except (BlockweightError, OverflowError):
        raise _broken(role, "its name or numbers are no block weights") from None
    details = {key: value for key, value in data.items() if key not in _OWN}
    return Stamp(role, weights, bool(data.get("stale")), details)


def recommended(metadata: Mapping[str, str]) -> BlockWeights | None:
    """The weights that the file recommends; None if it recommends none, or none that still hold. BlockweightError for
    a broken stamp."""
    key = key_of("recommended")
    found = read_stamp("recommended", metadata[key]) if key in metadata else None
    return None if found is None or found.stale else found.weights


def with_stale_advice(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata for a file whose tensors were changed: recommended weights are marked as stale, because they were
    given for the old tensors. One that cannot be read is left out."""
    key = key_of("recommended")
    if key not in metadata:
        return dict(metadata)
    try:
        old = read_stamp("recommended", metadata[key])
    except BlockweightError:
        return {name: text for name, text in metadata.items() if name != key}
    return {**metadata, **stamp(old.weights, "recommended", old.details, stale=True)}


def described(description: str, weights: BlockWeights | None) -> str:
    """The description with the recommended weights as its last line, in place of an earlier such line; without
    weights, with no such line.

    >>> described("A goblin princess.", weights)  # doctest: +SKIP
    'A goblin princess.\\nLoRA Block Weight: Gobuhime:1,0,0.5,…'
    """
    kept = [line for line in description.split("\n") if not line.startswith(LINE)]
    if weights is None:
        return "\n".join(kept)
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join([*kept, f"{LINE}{weights.text()}"])


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _layout(family: str, name: str, blocks: tuple[str, ...]) -> Layout:
    known: Iterable[Layout] = (layout for each in FAMILIES if each.name == family for layout in each.layouts)
    # A layout made to measure for one file is in no table; its blocks say all there is to know.
    return next((layout for layout in known if layout.blocks == blocks), Layout(name, family, blocks))


def _broken(role: Role, why: str) -> BlockweightError:
    return BlockweightError(
        f"The {role} block weights in the metadata cannot be read ({why}); set them anew, or remove {key_of(role)}."
    )
