"""The guard before every page: Host, Origin, token, size, and the headers that bind the browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blockweight.errors import BlockweightError
from blockweight.studio.door import Door
from blockweight.studio.languages import marked

MOST_BYTES = 4 << 20
"""Of a request's body, but for the LARGER."""

_NOT_OURS = marked("This address is not the studio's own; open the one that 'blockweight studio' printed.")
_FOREIGN = marked("The request comes from another site, so it was refused.")
_UNSIGNED = marked("The request does not say which site it comes from (Origin), so it was refused.")
_TOO_LARGE = marked("The request is larger than 4 MiB, so it was refused.")
_ZIP_TOO_LARGE = marked(
    "The file is larger than 2 GiB, so it was refused; import it with 'blockweight project import'."
)
_PICTURE_TOO_LARGE = marked("The picture is larger than 32 MiB, so it was refused; paste its infotext instead.")
_NO_TOKEN = marked(
    "The studio is reachable from other machines, so it asks for its token: open the address with ?token=… that "
    "'blockweight studio' printed."
)

LARGER = {"/projects/import": (2 << 30, _ZIP_TOO_LARGE), "/projects/new/picture": (32 << 20, _PICTURE_TOO_LARGE)}
"""Addresses that take larger bodies, and how large, in bytes. They read them piece by piece, as they come."""

TOKEN = "token"  # noqa: S105 - the parameter's name

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For a report, which has its pictures, styles and script inside: a page of no site's own, that can reach nobody."""

_FRAMED = (
    "default-src 'none'; img-src 'self' data:; style-src {styles}; script-src {scripts}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


def framed_headers(page: str) -> dict[str, str]:
    """The headers of a page that our own pages frame: it may run the scripts and styles that stand in it, letter for
    letter, and show the studio's pictures; it reaches nobody."""
    policy = _FRAMED.format(
        styles=_hashes(page, r"<style>(.*?)</style>"), scripts=_hashes(page, r'<script type="module">(.*?)</script>')
    )
    return {"content-security-policy": policy, "x-frame-options": "SAMEORIGIN"}


def _hashes(page: str, pattern: str) -> str:
    digests = (hashlib.sha256(found.encode()).digest() for found in re.findall(pattern, page, re.DOTALL))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)

_OPEN = ("/static/",)
"""Files of the program itself, the same for everyone: the page that asks for the token needs its stylesheet."""


class TooLargeError(BlockweightError):
    """A body has come to more than its address takes."""


Refusal = Callable[[Mapping[str, str], int, str], bytes]
"""From a request's headers, a status and a sentence to a page that says it."""


class Guard:
    """ASGI middleware: lets a request in, or refuses it before any page sees it. Event streams are requests too."""

    def __init__(self, app: ASGIApp, door: Door, refusal: Refusal) -> None:
        self._app, self._door, self._refusal = app, door, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket: no page opens one
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded = _with_headers(send)
        headers = _headers(scope)
        refused = self._refused(scope, headers)
        if refused:
            await self._answer(headers, guarded, 403, refused)
            return
        if self._door.token is not None and not scope["path"].startswith(_OPEN):
            entered = await self._enter(scope, headers, guarded)
            if not entered:
                return
        most, sentence = LARGER.get(scope["path"], (MOST_BYTES, _TOO_LARGE))
        if not _announced(headers, most):
            await self._answer(headers, guarded, 413, sentence)
        elif scope["path"] in LARGER:
            await self._app(scope, _counted(receive, most, sentence), guarded)
        elif (body := await _body(headers, receive)) is None:
            await self._answer(headers, guarded, 413, sentence)
        else:
            await self._app(scope, _replayed(body, receive), guarded)

    def _refused(self, scope: Scope, headers: dict[str, list[str]]) -> str:
        """Why the request may not come in, or nothing."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._door.knows_host(hosts[0]):
            return _NOT_OURS
        origins = headers.get("origin", [])
        if any(not self._door.knows_origin(origin, hosts[0]) for origin in origins):
            return _FOREIGN
        if not origins and scope["method"] not in ("GET", "HEAD"):
            return _UNSIGNED
        site, mode = (headers.get(f"sec-fetch-{name}", [""])[0] for name in ("site", "mode"))
        if site in ("cross-site", "same-site") and (mode != "navigate" or scope["method"] != "GET"):
            return _FOREIGN
        return ""

    async def _enter(self, scope: Scope, headers: dict[str, list[str]], send: Send) -> bool:
        """Whether the token's cookie is there. A right token in the address becomes the cookie, once, and is taken out
        of the address."""
        if any(self._door.knows_token(value) for value in _cookies(headers, self._door.cookie)):
            return True
        fields = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in fields if name == TOKEN]
        if len(given) == 1 and self._door.knows_token(given[0]) and scope["method"] == "GET":
            rest = urlencode([(name, value) for name, value in fields if name != TOKEN])
            place = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
            cookie = f"{self._door.cookie}={self._door.token}; HttpOnly; SameSite=Strict; Path=/"
            start = _raw(location=place, set_cookie=cookie, cache_control="no-store", content_length="0")
            await send({"type": "http.response.start", "status": 303, "headers": start})
            await send({"type": "http.response.body", "body": b""})
            return False
        await self._answer(headers, send, 403, _NO_TOKEN)
        return False

    async def _answer(self, headers: dict[str, list[str]], send: Send, status: int, sentence: str) -> None:
        seen = {name: values[0] for name, values in headers.items()}
        page = "text/html" in seen.get("accept", "")
        kind = "text/html" if page else "text/plain"
        body = self._refusal(seen, status, sentence) if page else sentence.encode()
        start = _raw(content_type=f"{kind}; charset=utf-8", content_length=str(len(body)), cache_control="no-store")
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _cookies(headers: dict[str, list[str]], name: str) -> list[str]:
    values = []
    for header in headers.get("cookie", []):
        try:
            jar = SimpleCookie(header)
        except CookieError:
            continue
        if name in jar:
            values.append(jar[name].value)
    return values


def _raw(**headers: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", []))
            named = {name.lower() for name, _ in own}
            message = {**message, "headers": own + [each for each in _raw(**dict(HEADERS)) if each[0] not in named]}
        await send(message)

    return guarded


async def _body(headers: dict[str, list[str]], receive: Receive) -> bytes | None:
    """The whole body, None if it is too large. Nothing is read where none is announced, so that a stream can wait for
    the browser to leave."""
    if not headers.get("content-length") and "transfer-encoding" not in headers:
        return b""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(parts)
        parts += message.get("body", b"")
        if len(parts) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(parts)


def _announced(headers: dict[str, list[str]], most: int) -> bool:
    """Whether the body's length, if it is announced, is no more than this."""
    length = headers.get("content-length", [""])[0]
    return not length or (length.isascii() and length.isdigit() and len(length) < 16 and int(length) <= most)


def _counted(receive: Receive, most: int, sentence: str) -> Receive:
    """The body as it comes; TooLargeError once it is more than this."""
    count = 0

    async def next_part() -> Message:
        nonlocal count
        message = await receive()
        if message["type"] == "http.request":
            count += len(message.get("body", b""))
            if count > most:
                raise TooLargeError(sentence)
        return message

    return next_part


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def again() -> Any:
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
