"""What a WebUI says of itself: its flavour, what it has, and which options it knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from blockweight.render.remote import Server, ServerError

API = "/sdapi/v1"

Flavour = Literal["A1111", "Forge", "classic"]

LBW = "lora block weight"
"""The extension's name among the scripts, which are compared in lower case."""

_STARTING = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds. The routes of the built-in LoRA extension come up somewhat after the others."""


@dataclass(frozen=True)
class ServerModel:
    """A checkpoint of the server's list: what choosing it takes (`title`), its file's name, SHA-256 (64 hex digits,
    empty as long as the server has not read the file), and short hash."""

    title: str
    name: str
    file: str
    sha256: str
    short: str


@dataclass(frozen=True)
class ServerLora:
    """A LoRA of the server's list: the name that a tag calls it by, and the hash in its metadata, empty for none."""

    name: str
    model_hash: str


@dataclass(frozen=True)
class Site:
    """What a WebUI has. `options` are its settings by name; `schedulers` its schedule types' labels, None where
    samplers have them in their names; `vaes` maps files' names to what the VAE's option takes; `scripts` are in lower
    case; `flags` are those of its command line that change numbers."""

    flavour: Flavour
    options: Mapping[str, object]
    samplers: frozenset[str]
    schedulers: tuple[str, ...] | None
    models: tuple[ServerModel, ...]
    vaes: Mapping[str, str]
    upscalers: frozenset[str]
    embeddings: frozenset[str]
    scripts: frozenset[str]
    flags: tuple[str, ...]
    has_tasks: bool

    @property
    def nature(self) -> tuple[object, ...]:
        """What does not change while a WebUI runs: another one draws other pictures."""
        return self.flavour, self.flags, self.scripts

    @property
    def has_lbw(self) -> bool:
        """Whether LoRA Block Weight is installed. That it works, only pictures tell."""
        return LBW in self.scripts


def discover(server: Server) -> Site:
    """Ask a WebUI what it has. ServerError if it cannot be asked."""
    options = server.get_json(f"{API}/options")
    if not isinstance(options, dict):
        options = {}
    schedulers = _listed(server, "schedulers")
    forge = "forge_additional_modules" in options
    flavour: Flavour = "Forge" if forge else "classic" if schedulers is None else "A1111"
    vaes = _listed(server, "sd-modules" if forge else "sd-vae") or []
    upscalers = [*(_listed(server, "upscalers") or []), *(_listed(server, "latent-upscale-modes") or [])]
    return Site(
        flavour,
        options,
        frozenset(_text(item, "name") for item in _listed(server, "samplers") or []),
        None if schedulers is None else tuple(_text(item, "label") or _text(item, "name") for item in schedulers),
        tuple(_model(item) for item in _listed(server, "sd-models") or []),
        {base_name(_text(item, "filename")): _text(item, "filename" if forge else "model_name") for item in vaes},
        frozenset(_text(item, "name") for item in upscalers),
        _embeddings(server),
        frozenset(_text(item, "name").lower() for item in _listed(server, "script-info") or []),
        _flags(server),
        _has_tasks(server),
    )


def server_loras(server: Server) -> tuple[ServerLora, ...]:
    """The LoRAs of a WebUI, by its list. ServerError if it cannot be asked, or has no such list a while after its
    start either."""
    for pause in (*_STARTING, None):
        try:
            found = server.get_json(f"{API}/loras", most=256 << 20)
        except ServerError as error:
            if error.status != 404 or pause is None:
                raise
            server.wait(pause)
        else:
            return tuple(_lora(item) for item in _dicts(found))
    raise AssertionError("the last attempt has no pause after it")


def base_name(path: str) -> str:
    """The file's name in a path of any system's."""
    return re.split(r"[\\/]", path)[-1]


def _lora(item: Mapping[str, Any]) -> ServerLora:
    metadata = item.get("metadata")
    return ServerLora(_text(item, "name"), _text(metadata, "sshs_model_hash") if isinstance(metadata, dict) else "")


def _model(item: Mapping[str, Any]) -> ServerModel:
    sha = _text(item, "sha256").lower()
    sha = sha if re.fullmatch(r"[0-9a-f]{64}", sha) else ""
    file = base_name(_text(item, "filename"))
    return ServerModel(_text(item, "title"), _text(item, "model_name"), file, sha, _text(item, "hash").lower())


def _embeddings(server: Server) -> frozenset[str]:
    found = _maybe(server, f"{API}/embeddings")
    loaded = found.get("loaded") if isinstance(found, dict) else None
    return frozenset(map(str, loaded)) if isinstance(loaded, dict) else frozenset()


_FLAGS = ("precision", "no_half", "no_half_vae", "upcast_sampling", "xformers", "opt_sdp_attention", "use_cpu",
          "opt_sdp_no_mem_attention", "opt_split_attention", "always_cpu", "all_in_fp32", "all_in_fp16")  # fmt: skip
_USUAL = ("", "None", "False", "[]", "autocast")


def _flags(server: Server) -> tuple[str, ...]:
    try:
        found = _maybe(server, f"{API}/cmd-flags")
    except ServerError as error:
        if error.trouble != "answer":
            raise
        found = None  # Forge fails at telling them (500) when it was started with --port
    said = {name: str(found.get(name))[:40] for name in _FLAGS} if isinstance(found, dict) else {}
    return tuple(name if value == "True" else f"{name} {value}" for name, value in said.items() if value not in _USUAL)


def _has_tasks(server: Server) -> bool:
    """Whether a task's progress can be asked for by its id: only with the web page, not with the bare API."""
    return isinstance(_maybe(server, "/internal/pending-tasks"), dict)


def _listed(server: Server, name: str) -> list[dict[str, Any]] | None:
    found = _maybe(server, f"{API}/{name}")
    return None if found is None else _dicts(found)


def _maybe(server: Server, path: str) -> Any:
    """What is there; None where the server has nothing."""
    try:
        return server.get_json(path)
    except ServerError as error:
        if error.status not in (404, 405):
            raise
        return None


def _dicts(found: object) -> list[dict[str, Any]]:
    return list(_only_dicts(found)) if isinstance(found, list) else []


def _only_dicts(found: list[object]) -> Iterator[dict[str, Any]]:
    return (item for item in found if isinstance(item, dict))


def _text(item: Mapping[str, Any], key: str) -> str:
    found = item.get(key)
    return found if isinstance(found, str) else ""
