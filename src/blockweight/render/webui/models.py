"""The checkpoint of a scene among those of a WebUI: told by its SHA-256, never by its name alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SERVER_MODEL, Checkpoint
from blockweight.render.embeddings import file_digest
from blockweight.render.remote import Address, Server, find_credentials
from blockweight.render.webui.discovery import ServerModel, Site, discover

_SHORT = 10
"""Digits of SHA-256 that an infotext gives, and the site Civitai (AutoV2)."""

_MOST_NAMED = 8


def server_checkpoint(address: Address, name: str) -> Checkpoint:
    """The model that the WebUI at an address calls `name`, its title, name or file, as `server:NAME`. Its digest is
    that of the same file here (`identify_checkpoint`), by the SHA-256 that the server gives. BlockweightError if there
    is none, several, or one that the server has not read yet; ServerError if it cannot be asked."""
    server = Server(address, find_credentials(address))
    try:
        site = discover(server)
    finally:
        server.close()
    found = [model for model in site.models if name in (model.title, model.name, model.file)]
    if len(found) != 1:
        raise BlockweightError(
            f"The WebUI at {address.url} has {len(found) or 'no'} models that it calls {quoted(name)}; it has: "
            f"{_names(site)}."
        )
    if not found[0].sha256:
        raise BlockweightError(
            f"The WebUI at {address.url} has not read its model {quoted(name)} yet, so nothing tells it from another; "
            "choose it there once, and try again."
        )
    return Checkpoint(f"{SERVER_MODEL}{name}", _digest(found[0].sha256))


def model_for(checkpoint: Checkpoint, site: Site) -> tuple[ServerModel, str]:
    """The server's model for a scene's, and SHA-256 of its file, of which pictures give the first 10 digits.
    BlockweightError for a folder, and for a model that the server has not got, or only under the same name."""
    if checkpoint.path.startswith(SERVER_MODEL):
        name = checkpoint.path.removeprefix(SERVER_MODEL)
        known = [model for model in site.models if model.sha256 and _digest(model.sha256) == checkpoint.digest]
        if not known:
            raise BlockweightError(
                f"This WebUI does not have the model {quoted(name)} of the scene, or another file by that name; it "
                f"has: {_names(site)}."
            )
        return known[0], known[0].sha256
    path = Path(checkpoint.path)
    if path.is_dir():
        raise BlockweightError(
            f"The model '{path.name}' is a diffusers folder, which no WebUI loads; use a .safetensors checkpoint that "
            "the WebUI has."
        )
    sha = file_digest(path)
    same = [model for model in site.models if model.sha256 == sha]
    unread = [
        model
        for model in site.models
        if not model.sha256 and (model.short == sha[:_SHORT] or model.file.lower() == path.name.lower())
    ]
    if not same and len(unread) != 1:
        raise BlockweightError(
            f"The WebUI does not have the model '{path.name}' (SHA-256 {sha[:_SHORT]}…); copy it into the WebUI's "
            f"folder, or use one that it has: {_names(site)}."
        )
    return (*same, *unread)[0], sha


def _digest(sha256: str) -> str:
    """What `identify_checkpoint` makes of a single file with this SHA-256."""
    return hashlib.sha256(f"\0{sha256}\n".encode()).hexdigest()


def _names(site: Site) -> str:
    names = [model.name or model.title for model in site.models]
    more = [f"and {len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return ", ".join([*(quoted(name) for name in names[:_MOST_NAMED]), *more]) or "none"
