"""Layers of a LoRA that ComfyUI did not load, which it tells its log alone."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from blockweight.blocks import Family, Module, module_of, parse_key
from blockweight.errors import BlockweightError, quoted
from blockweight.render.comfyui.kinds import Source
from blockweight.render.comfyui.uploads import LoraPiece
from blockweight.render.remote import ServerError

_KEY = re.compile(r"lora key not loaded: (\S+)")
_OTHER = re.compile(r"NOT LOADED (\S+)|ERROR (?:lora|loha|lokr|glora|oft|boft|diff) (\S+)")

_MOST_ENTRIES = 300
"""How many entries a server's log keeps. Source: `app/logger.py` of ComfyUI 0.3.64."""

_log = logging.getLogger("blockweight.render.comfyui")


class ServerLog:
    """The server's log, of which it keeps the last lines."""

    def __init__(self, server: Source) -> None:
        self._server = server
        self._seen: set[tuple[str, str]] = set()
        self._asked = False

    def news(self) -> list[str]:
        """What was logged since this was asked the last time. BlockweightError if the server does not say, or has
        forgotten some of it: silence is no sign that a LoRA was loaded."""
        try:
            told = self._server.get_json("/internal/logs/raw")
        except ServerError as error:
            if error.status not in (403, 404, 405):
                raise
            told = None
        entries = told.get("entries") if isinstance(told, dict) else None
        if not isinstance(entries, list):
            raise BlockweightError(
                "ComfyUI does not show its log, where it says which layers of a LoRA it did not load; update it "
                "(0.3.64 does), or let its proxy pass /internal/logs/raw."
            )
        found = [(str(entry.get("t")), str(entry.get("m"))) for entry in entries if isinstance(entry, dict)]
        if self._asked and len(found) >= _MOST_ENTRIES and not self._seen.intersection(found):
            raise BlockweightError(
                "ComfyUI's log ran over while it loaded a LoRA, as it does if it knows hardly any of its layers; give "
                "a model of the LoRA's family, or start again when nobody else uses this ComfyUI."
            )
        self._asked = True
        new = [text for time, text in found if (time, text) not in self._seen]
        self._seen = set(found)
        return new


def unloaded_keys(lines: Iterable[str]) -> set[str]:
    """The tensors' names of LoRA files that the log's lines name as not loaded."""
    return {found[1] for line in lines for found in _KEY.finditer(line)}


def dropped_layers(lines: Iterable[str], family: Family) -> Counter[str]:
    """Block → how many layers of the model did not take what a LoRA has for them, because of its shape. The log names
    them as the model does."""
    keys = {found[1] or found[2] for line in lines for found in _OTHER.finditer(line)}
    modules = [module_of(key.removesuffix(".weight")) for key in keys]
    return Counter(family.block_of(module) for module in modules if module is not None)


def unloaded_blocks(
    path: str, family: Family, pieces: Collection[LoraPiece], lines: Collection[str]
) -> dict[str, BlockweightError]:
    """Block → why it would seem to do nothing, for those of which nothing was loaded; of which a part was not, there is
    a warning in the program's log."""
    keys = unloaded_keys(lines)
    dropped = dropped_layers(lines, family)
    layers: defaultdict[str, set[Module]] = defaultdict(set)
    whole: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for piece in pieces:
        names = [info.name for info in piece.piece.tensors]
        whole[piece.piece.block] += len(names)
        lost[piece.piece.block] += sum(name in keys for name in names)
        layers[piece.piece.block].update(key.module for name in names if name not in keys and (key := parse_key(name)))
    # What is left of a block after the names that are not known may be dropped for its shape.
    dead = [block for block in whole if lost[block] == whole[block] or 0 < len(layers[block]) <= dropped[block]]
    for block in (block for block in whole if lost[block] and block not in dead):
        _log.warning(
            "ComfyUI did not load %d of the %d tensors that '%s' has in %s.", lost[block], whole[block], path, block
        )
    for line in lines:
        if found := _OTHER.search(line):
            _log.warning("ComfyUI did not load %s of a LoRA.", quoted(found[1] or found[2], 200))
    if not dead:
        return {}
    named = next(info.name for piece in pieces if piece.piece.block in dead for info in piece.piece.tensors)
    error = BlockweightError(
        f"ComfyUI loads nothing of '{path}' in {', '.join(dead)} (no place for {quoted(named)}, among others), so "
        "these blocks would seem to do nothing; give a model of the LoRA's family, or convert the LoRA's names."
    )
    return dict.fromkeys(dead, error)
