"""One guarded conversation with a server: whatever it answers, or does not, ends in an answer or in one sentence."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx2

from blockweight.errors import UnavailableError, quoted
from blockweight.render.remote.address import Address, variable_of
from blockweight.render.remote.credentials import SERVICE, Credentials

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt."""

_CONNECT_SECONDS = 10.0
_PATIENCE = 30.0
_MOST_BYTES = 64 << 20
_MOST_TOLD = 200
_PASSING = (429, 502, 503, 504)
"""Answers of a server, or of what stands before it, that is busy or starts anew."""

Trouble = Literal["refused", "slow", "cut off", "garbage", "answer"]


class ServerError(UnavailableError):
    """A server did not do what it was asked. `trouble` says how: the connection was `refused`, the answer `slow`,
    `cut off` or `garbage`, or it was an `answer` with an error's `status`, whose JSON is `told` (None if it is none).
    `unsent` if the server certainly never got the request."""

    def __init__(
        self, message: str, trouble: Trouble, status: int = 0, told: object = None, *, unsent: bool = False
    ) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.status = status
        self.told = told
        self.unsent = unsent


@dataclass(frozen=True)
class _Answer:
    status: int
    data: bytes


class Server:
    """A server at an address. Threads may share it.

    Certificates are checked, by what the system trusts; redirections are not followed, since they could lead the
    credentials elsewhere. Every answer has a limit of bytes and of seconds. What is safe to repeat is repeated, after
    the `pauses` (seconds, one before each further attempt; `wait` does the waiting): GET always; POST if it never got
    there, or if the caller says `repeatable`. No answer is waited for longer than `longest` seconds.

    All methods raise ServerError for what cannot be had.
    """

    def __init__(
        self,
        address: Address,
        credentials: Credentials | None = None,
        pauses: Sequence[float] = PAUSES,
        wait: Callable[[float], None] = time.sleep,
        longest: float = math.inf,
    ) -> None:
        self.address = address
        self.wait = wait
        self._pauses = pauses
        self._longest = longest
        try:
            self._client = httpx2.Client(
                auth=None if credentials is None else (credentials.user, credentials.password),
                # An answer that is packed could unpack to any size.
                headers={"Accept-Encoding": "identity", "User-Agent": "blockweight"},
                timeout=httpx2.Timeout(_PATIENCE, connect=_CONNECT_SECONDS),
                follow_redirects=False,
            )
        except (ImportError, ValueError) as error:
            raise UnavailableError(
                f"The proxy that the environment names cannot be used ({_plain(error)}); correct HTTP_PROXY, "
                "HTTPS_PROXY or ALL_PROXY, or name the server in NO_PROXY."
            ) from None

    def close(self) -> None:
        """Close the connections that are open."""
        self._client.close()

    def get_json(
        self, path: str, params: Mapping[str, str] | None = None, most: int = _MOST_BYTES, patience: float = _PATIENCE
    ) -> Any:
        """The JSON at `path` (from `/` on), of at most `most` bytes, within `patience` seconds. What it holds is for
        the caller to check."""
        return self._json(self._asked("GET", path, most, patience, repeatable=True, params=params))

    def get_bytes(
        self, path: str, params: Mapping[str, str] | None = None, most: int = _MOST_BYTES, patience: float = _PATIENCE
    ) -> bytes:
        """What is at `path`, as it is."""
        return self._asked("GET", path, most, patience, repeatable=True, params=params)

    def post_json(
        self,
        path: str,
        body: object,
        most: int = _MOST_BYTES,
        patience: float = _PATIENCE,
        *,
        repeatable: bool = False,
    ) -> Any:
        """The JSON answer to `body`, sent as JSON; None for an empty one. `repeatable` if the server may get it
        twice."""
        data = self._asked("POST", path, most, patience, repeatable=repeatable, json=body)
        return self._json(data) if data.strip() else None

    def post_file(
        self,
        path: str,
        name: str,
        data: bytes,
        fields: Mapping[str, str],
        field: str = "image",
        patience: float = 10 * _PATIENCE,
    ) -> Any:
        """The JSON answer to a file that is uploaded as a form's `field`, with further `fields`. It is repeated like a
        GET, so name the file by its content."""
        files = {field: (name, data, "application/octet-stream")}
        return self._json(
            self._asked("POST", path, _MOST_BYTES, patience, repeatable=True, files=files, data=dict(fields))
        )

    def _asked(self, method: str, path: str, most: int, patience: float, *, repeatable: bool, **sent: Any) -> bytes:
        for pause in (*self._pauses, None):
            try:
                return self._once(method, path, most, patience, **sent)
            except ServerError as error:
                passes = error.trouble in ("refused", "cut off") or error.status in _PASSING
                if pause is None or not (error.unsent or (repeatable and passes)):
                    raise
                self.wait(pause)
        raise AssertionError("the last attempt has no pause after it")

    def _once(self, method: str, path: str, most: int, patience: float, **sent: Any) -> bytes:
        program, url = self.address.program, self.address.url
        patience = min(patience, self._longest)
        ends = time.monotonic() + patience
        timeout = httpx2.Timeout(patience, connect=min(patience, _CONNECT_SECONDS))
        try:
            with self._client.stream(method, self.address.url + path, timeout=timeout, **sent) as response:
                answer = _Answer(response.status_code, self._body(response, most, ends))
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ServerError(
                f"The {program} at {url} cannot be reached ({_plain(error)}); check that it runs, and its address.",
                "refused",
                unsent=True,
            ) from None
        except httpx2.TimeoutException:
            raise ServerError(
                f"The {program} at {url} did not answer within {patience:g} seconds; see whether it is busy, and "
                "start again.",
                "slow",
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise ServerError(
                f"The {program} at {url} broke the connection off ({_plain(error)}); see whether it still runs, and "
                "start again.",
                trouble="cut off",
            ) from None
        if not 200 <= answer.status < 300:
            raise self._error(path, answer)
        return answer.data

    def _body(self, response: httpx2.Response, most: int, ends: float) -> bytes:
        program, url = self.address.program, self.address.url
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ServerError(
                f"The {program} at {url} packed its answer though it was asked not to, so it is not read.", "garbage"
            )
        data = bytearray()
        for piece in response.iter_raw():
            data += piece
            if len(data) > most:
                raise ServerError(
                    f"The {program} at {url} answered more than {most >> 20} MiB, which is not read; check that the "
                    "address is right.",
                    "garbage",
                )
            if time.monotonic() > ends:
                raise httpx2.ReadTimeout("the answer goes on and on")
        return bytes(data)

    def _json(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise ServerError(
                f"What the {self.address.program} at {self.address.url} answered cannot be read (it is no JSON); check "
                "that the address is right.",
                "garbage",
            ) from None

    def _error(self, path: str, answer: _Answer) -> ServerError:
        try:
            told = json.loads(answer.data)
        except (ValueError, RecursionError):
            told = None
        return ServerError(_sentence(self.address, path, answer.status, _said(told)), "answer", answer.status, told)


def _sentence(address: Address, path: str, status: int, said: str) -> str:
    """What a person is told of an answer with an error's status, of which the server `said` more."""
    program, url = address.program, address.url
    if status in (401, 403):
        return (
            f"The {program} at {url} wants another user or password ({status}); set {variable_of(address.kind)} to "
            f"user:password, or put it into the keyring (keyring set {SERVICE} {url})."
        )
    if status == 404:
        return (
            f"The {program} at {url} has nothing at {path} (404); check the address, and that it was started with its "
            "API."
        )
    if status < 400:
        return f"The {program} at {url} sends its callers elsewhere ({status}); use the address that it sends them to."
    reason = f"{status}: {said}" if said else str(status)
    if status < 500:
        return f"The {program} at {url} refused what it was asked ({reason}); its version may be too old or too new."
    return f"The {program} at {url} failed ({reason}); what it printed where it runs says more."


def _said(told: object) -> str:
    """What an error's JSON says, for people: the keys that the programs use, whatever they hold."""
    if not isinstance(told, dict):
        return ""
    parts = [told[key] for key in ("error", "message", "errors", "detail") if told.get(key)]
    texts = [part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts]
    return quoted("; ".join(dict.fromkeys(texts)), _MOST_TOLD) if texts else ""


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:_MOST_TOLD] or type(error).__name__
