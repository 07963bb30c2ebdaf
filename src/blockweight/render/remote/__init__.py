"""What every renderer on another machine stands on: addresses, credentials, a guarded HTTP client, guarded pictures.

Needs the `remote` extra.
"""

from blockweight.render.remote.address import PROGRAMS, Address, read_addresses
from blockweight.render.remote.credentials import SERVICE, Credentials, find_credentials
from blockweight.render.remote.http import PAUSES, Server, ServerError
from blockweight.render.remote.pictures import decode_picture, picture_of_base64

__all__ = [
    "PAUSES",
    "PROGRAMS",
    "SERVICE",
    "Address",
    "Credentials",
    "Server",
    "ServerError",
    "decode_picture",
    "find_credentials",
    "picture_of_base64",
    "read_addresses",
]
