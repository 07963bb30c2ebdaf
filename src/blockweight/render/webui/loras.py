"""The LoRAs of jobs as a WebUI has them: by which names, which files are lent to it, and what its answers must say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blockweight.blocks import REST
from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora, Recipe, open_lora, plan_bake
from blockweight.lora.hashes import webui_hash
from blockweight.plan import Job, LoraUse, file_title
from blockweight.render.embeddings import file_digest
from blockweight.render.remote import Server
from blockweight.render.wanted import check_use, check_uses, wanted_of
from blockweight.render.webui.answers import Expected
from blockweight.render.webui.discovery import Site, server_loras
from blockweight.render.webui.lora_tags import Worn, is_off, is_plain, live_tag, plain_tag, why_not_live
from blockweight.render.webui.shelf import Shelf, is_lent
from blockweight.weights import BlockWeights

Route = Literal["plain", "live", "baked"]
"""LoRAs as they are, with their block weights in LoRA Block Weight's tags, or baked into files."""

NO_LBW = "LoRA Block Weight is not installed there"

_MOST_BAKED = 4
"""Files that are lent at once."""

_DIGITS = 12

_Stamp = tuple[str, int, int]


@dataclass(frozen=True)
class Piece:
    """A LoRA as one request names it: its tag, and what the answer has to say of it."""

    tag: str
    expected: Expected


class LoraDesk:
    """Knows the LoRAs of the jobs of one WebUI; lends it files over `shelf` where there is one."""

    def __init__(self, server: Server, shelf: Shelf | None) -> None:
        self._server = server
        self._shelf = shelf
        self._opened: dict[str, tuple[_Stamp | None, Lora]] = {}
        self._named: dict[str, tuple[str, tuple[str, ...]]] = {}
        # By keys that begin with the LoRA's digest.
        self._lent: dict[tuple[object, ...], tuple[Path, tuple[str, ...]]] = {}
        self._baked: dict[tuple[object, ...], tuple[Path, tuple[str, ...]]] = {}

    @property
    def lends(self) -> bool:
        """Whether files can be lent."""
        return self._shelf is not None

    def lora(self, use: LoraUse) -> Lora:
        """The LoRA's file, opened once, and anew after it was written. BlockweightError if it cannot be read."""
        path = Path(use.path)
        stamp = _stamp(path)
        known = self._opened.get(use.digest)
        if known is None or known[0] != stamp:
            known = self._opened[use.digest] = stamp, open_lora(path)
        return known[1]

    def check(self, job: Job) -> None:
        """BlockweightError for LoRAs that cannot be read or have changed, weights that do not name their blocks, and
        strengths and steps that no renderer takes."""
        check_uses(job)
        for each in wanted_of(job):
            check_use(self.lora(each.use), each)

    def left(self, worn: Sequence[Worn]) -> tuple[Worn, ...]:
        """Those of which anything is left."""
        return tuple(each for each in worn if not is_off(self.lora(each.use), each.weights))

    def needs_lbw(self, each: Worn) -> bool:
        """Whether a tag alone does not say it: it has block weights, or steps."""
        return not (is_plain(self.lora(each.use), each.weights) and each.use.always)

    def why_not_live(self, worn: Sequence[Worn], site: Site) -> str:
        """Why LoRA Block Weight cannot do these, as far as is known without a picture; empty if it can."""
        if not site.has_lbw:
            return NO_LBW
        return why_not_live([(self.lora(each.use), each.weights) for each in worn], site.flavour)

    def check_baked(self, worn: Sequence[Worn]) -> None:
        """BlockweightError for block weights that cannot be baked."""
        for each in worn:
            plan_bake(self.lora(each.use), self._whole(each), Recipe())

    def plain(self, use: LoraUse) -> Piece:
        """A LoRA as it is. BlockweightError if the WebUI has not got it and none can be lent."""
        name, hashes = self._name(use)
        return Piece(plain_tag(name, use), Expected(name, hashes))

    def live(self, each: Worn, site: Site) -> Piece:
        """A LoRA with its block weights in its tag."""
        if not is_plain(self.lora(each.use), each.weights):
            return self.weighted(each, site)
        name, hashes = self._name(each.use)
        return Piece(live_tag(name, each, site.flavour, weighted=False), Expected(name, hashes))

    def weighted(self, each: Worn, site: Site) -> Piece:
        """A LoRA with its block weights in its tag, all of them 1 or not."""
        name, hashes = self._name(each.use)
        return Piece(live_tag(name, each, site.flavour, weighted=True), Expected(name, hashes))

    def baked(self, each: Worn, at_once: int) -> Piece:
        """A LoRA with its block weights in a file that is lent, of which at least `at_once` stay."""
        assert self._shelf is not None
        if is_plain(self.lora(each.use), each.weights):
            return self.plain(each.use)
        key = (each.use.digest, each.weights.layout.name, each.weights.values, each.weights.rest)
        if key not in self._baked:
            while len(self._baked) >= max(_MOST_BAKED, at_once):
                path, _ = self._baked.pop(next(iter(self._baked)))
                self._shelf.remove(path)
            path = self._shelf.place_baked(Path(each.use.path), self._whole(each))
            self._baked[key] = path, _hashes(path, open_lora(path, self.lora(each.use).family))
        path, hashes = self._baked[key]
        return Piece(plain_tag(path.stem, each.use), Expected(path.stem, hashes))

    def keep(self, job: Job) -> None:
        """Take back what was lent for LoRAs that this job does not wear."""
        worn = {each.use.digest for each in wanted_of(job)}
        for lent in (self._lent, self._baked):
            for key in [key for key in lent if key[0] not in worn]:
                assert self._shelf is not None
                self._shelf.remove(lent.pop(key)[0])
        self._named = {digest: named for digest, named in self._named.items() if digest in worn}

    def clear(self) -> None:
        """Take back all that was lent."""
        if self._shelf is not None:
            self._shelf.clear()
        self._named, self._lent, self._baked = {}, {}, {}

    def _whole(self, each: Worn) -> BlockWeights:
        """The block weights, under a name that every file takes."""
        return each.weights.with_weights({REST: each.weights.rest}, "blockweight")

    def _name(self, use: LoraUse) -> tuple[str, tuple[str, ...]]:
        """By which name the WebUI has the LoRA, and the hashes that it may give for it."""
        if use.digest not in self._named:
            path, lora = Path(use.path), self.lora(use)
            hashes = _hashes(path, lora)
            name = self._own_name(use, hashes[0])
            if name is None and self._shelf is not None:
                placed = self._shelf.place(path)
                name = placed.stem
                self._lent[use.digest,] = placed, hashes
            if name is None:
                raise BlockweightError(
                    f"The WebUI has no LoRA {quoted(file_title(use.path))}; copy it into one of its LoRA folders, or "
                    "name "
                    "such a folder behind the address, as in webui+http://127.0.0.1:7860?loras=/path, for files to be "
                    "lent."
                )
            self._named[use.digest] = name, hashes
        return self._named[use.digest]

    def _own_name(self, use: LoraUse, model_hash: str) -> str | None:
        """What the WebUI calls its own file of this LoRA, None if it has none; by its name alone only where nothing can
        be lent, since only a picture tells then whether it is the same."""
        title = file_title(use.path)
        found = server_loras(self._server)
        same = [
            each.name
            for each in found
            if not is_lent(each.name) and each.model_hash.removeprefix("0x")[:_DIGITS] == model_hash
        ]
        if same:
            return title if title in same else same[0]
        return title if self._shelf is None and title in {each.name for each in found} else None


def _stamp(path: Path) -> _Stamp | None:
    """What changes when a file is written; None for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path), found.st_mtime_ns, found.st_size


def _hashes(path: Path, lora: Lora) -> tuple[str, ...]:
    """A1111's hash of the file, and Forge's, which differs where the file has no stamp."""
    return webui_hash(path, lora.header), file_digest(path)[:_DIGITS]
