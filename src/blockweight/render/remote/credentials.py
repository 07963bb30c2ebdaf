"""Who logs in at a server: from the environment or the keyring, never from a project or the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from blockweight.errors import BlockweightError
from blockweight.render.remote.address import Address, variable_of

SERVICE = "blockweight"
"""What the entries in the keyring belong to."""


@dataclass(frozen=True)
class Credentials:
    """A user and a password, which no message and no repr shows."""

    user: str
    password: str = field(repr=False)


def find_credentials(address: Address) -> Credentials | None:
    """The credentials for a server, written `user:password`: what the keyring holds for the service `blockweight` under
    the server's URL (`keyring set blockweight http://host:7860`), or those of `BLOCKWEIGHT_WEBUI_AUTH` or
    `BLOCKWEIGHT_COMFYUI_AUTH`, which are for every server of the kind; where the address names a user, the first that
    are this user's. None if there are none, or no keyring. BlockweightError for an entry that is not
    `user:password`."""
    variable = variable_of(address.kind)
    entries: tuple[tuple[str, Callable[[], str | None]], ...] = (
        (f"the keyring's entry for {address.url}", lambda: _from_keyring(address.url)),
        (variable, lambda: os.environ.get(variable)),
    )
    for where, entry in entries:
        said = entry()
        if not said:
            continue
        user, colon, password = said.partition(":")
        if not colon or not user:
            raise BlockweightError(f"There is no user:password in {where}; write it with a colon between the two.")
        if address.user in ("", user):
            return Credentials(user, password)
    return None


def _from_keyring(url: str) -> str | None:
    try:
        import keyring  # noqa: PLC0415 - looks for its back ends when it is loaded

        return keyring.get_password(SERVICE, url)
    except Exception:  # noqa: BLE001 - none, a locked one, a broken back end: the server says if it wants a password
        return None
