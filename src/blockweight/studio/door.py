"""Who may come in: the address that the studio listens on, the names it answers to, and its token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Address:
    """Where to listen: a host's name or IP address, and a port (0 for any free one)."""

    host: str = "127.0.0.1"
    port: int = 8571

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        if self.host.lower() == "localhost":
            return True
        return _is_loopback(self.host)


@dataclass(frozen=True)
class Door:
    """What a request must show. `token` is None where the address is this machine's own."""

    address: Address
    token: str | None = field(default=None, repr=False)

    @property
    def cookie(self) -> str:
        """The token's cookie. Browsers share cookies between the ports of a host, so the port is in the name."""
        return f"blockweight-{self.address.port}"

    def url(self) -> str:
        """What to open in a browser, with the token if there is one."""
        name = self._shown_host()
        query = "" if self.token is None else f"?token={self.token}"
        return f"http://{name}:{self.address.port}/{query}"

    def knows_host(self, header: str) -> bool:
        """Whether a Host header names this server, port included.

        On this machine's own address only its own names do. Elsewhere any IP address does, and the names that the
        machine has: a page that has had its name rebound to our address (DNS rebinding) comes under another one.
        """
        name, _, port = header.rpartition(":")
        if not name or name.endswith(":"):
            name, port = header, "80"
        if port != str(self.address.port):
            return False
        if self.address.loopback:
            return name.lower() in _LOOPBACK_NAMES
        machine = socket.gethostname().lower()
        own = {self.address.host.lower(), machine, f"{machine}.local", *_LOOPBACK_NAMES}
        return _is_ip(name) or name.lower() in own

    def knows_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin header is that of our own pages, as the request's Host names them."""
        parts = urlsplit(origin)
        return parts.scheme == "http" and parts.netloc.lower() == host.lower() and not (parts.path or parts.query)

    def knows_token(self, given: str) -> bool:
        """Whether the token is right, compared in constant time."""
        return self.token is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def _shown_host(self) -> str:
        host = self.address.host
        if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
            host = _own_ip() or "localhost"
        return f"[{host}]" if ":" in host else host


def door_for(address: Address) -> Door:
    """The door of an address, with a new token if others can reach it."""
    return Door(address, None if address.loopback else secrets.token_urlsafe(24))


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_ip(name) and ipaddress.ip_address(name.strip("[]")).is_loopback


def _own_ip() -> str | None:
    """This machine's address in its network, as the system would choose it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: only the route is looked up
        except OSError:
            return None
        return str(probe.getsockname()[0])
