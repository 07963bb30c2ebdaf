"""Where a server is, from what a person types: `webui+http://host:7860`. Needs the standard library alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from blockweight.errors import BlockweightError, quoted

PROGRAMS = {"webui": "WebUI", "comfyui": "ComfyUI"}
"""What can be behind an address: its kind, and what people call it."""

_START = re.compile(rf"({'|'.join(PROGRAMS)})\+(?=https?://)", re.ASCII)
_MOST_LETTERS = 2000


@dataclass(frozen=True)
class Address:
    """A server: its `kind`, one of PROGRAMS; the `url` that its paths are added to, without a slash at its end, a user
    or options; the `user` who logs in, empty for whomever the credentials name; and `options`, what stands behind a
    `?` as pairs of name and value. There is never a password in it, so all of it may be printed and kept."""

    kind: str
    url: str
    user: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def program(self) -> str:
        """What people call the program that answers there."""
        return PROGRAMS[self.kind]

    @property
    def name(self) -> str:
        """The address as a person types it."""
        scheme, _, rest = self.url.partition("://")
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        options = "&".join(f"{name}={quote(value, safe='/:')}" for name, value in self.options)
        return f"{self.kind}+{scheme}://{user}{rest}{'?' if options else ''}{options}"

    def option(self, name: str) -> str:
        """The option's value, empty without it."""
        return dict(self.options).get(name, "")

    def check_options(self, known: tuple[str, ...]) -> None:
        """BlockweightError for an option that is not among the `known` ones."""
        for name, _ in self.options:
            if name not in known:
                raise BlockweightError(
                    f"A {self.program}'s address has no option {quoted(name)}; there are: {', '.join(known) or 'none'}."
                )


def read_addresses(text: str) -> tuple[Address, ...]:
    """The servers that `text` names, separated by commas, each once by whatever
    name: `webui+http://host:7860`, `webui+https://…`,
    `comfyui+http://user@host:8188`, with options as `?name=value&…` (percent signs as in every URL). BlockweightError
    for anything else, and a password in it, which would be kept and shown with the address."""
    if len(text) > _MOST_LETTERS or not text.isprintable() or " " in text:
        raise BlockweightError("An address of a server is one word, as in webui+http://127.0.0.1:7860; check it.")
    parts = re.split(rf",(?={_START.pattern})", text)[:: _START.groups + 1]
    found: dict[tuple[object, ...], Address] = {}
    for address in map(_read, parts):
        first = found.setdefault(_place(address), address)
        if (first.user, first.options) != (address.user, address.options):
            raise BlockweightError(
                f"The {address.program} at {address.url} is named twice, as {quoted(first.name)} and "
                f"{quoted(address.name)}; name it once."
            )
    return tuple(found.values())


_USUAL_PORTS = {"http": 80, "https": 443}


def _place(address: Address) -> tuple[object, ...]:
    """What is equal for one server under several names, as far as they tell."""
    url = urlsplit(address.url)
    host = "127.0.0.1" if url.hostname in ("localhost", "::1") else url.hostname
    return address.kind, url.scheme, host, url.port or _USUAL_PORTS[url.scheme], url.path


def _read(text: str) -> Address:
    found = _START.match(text)
    try:
        if found is None:
            raise ValueError("no kind")
        url = urlsplit(text[found.end() :])
        host, port = url.hostname, url.port
        (host or "").encode("idna")  # UnicodeError, a ValueError, for what no name can be
    except ValueError:
        found, host = None, None
    if found is None or not host or url.fragment:
        # The text may hold a password where this cannot tell, so it is not shown.
        raise BlockweightError(
            "That is not the address of a server; write it as in webui+http://127.0.0.1:7860 or "
            "comfyui+https://host:8188."
        )
    if url.password is not None:
        raise BlockweightError(
            f"A password in an address would be shown and kept with it; leave it out, and set {variable_of(found[1])} "
            "to user:password instead, or put it into the keyring."
        )
    name = f"[{host}]" if ":" in host else host
    base = f"{url.scheme}://{name}{'' if port is None else f':{port}'}{url.path.rstrip('/')}"
    return Address(found[1], base, unquote(url.username or ""), _options(url.query))


def variable_of(kind: str) -> str:
    """The environment variable with the credentials for servers of this kind."""
    return f"BLOCKWEIGHT_{kind.upper()}_AUTH"


def _options(query: str) -> tuple[tuple[str, str], ...]:
    pairs = [part.partition("=") for part in query.split("&") if part]
    return tuple((name, unquote(value)) for name, _, value in pairs)
