"""What a browser sends: forms and JSON, checked for shape before any page reads them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from blockweight.errors import BlockweightError

_MOST_FIELDS = 2000


class Fields:
    """The fields of a form or a query, by name."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def one(self, name: str, default: str = "") -> str:
        """The field's last value, or the default if it is not there."""
        return next((value for key, value in reversed(self._pairs) if key == name), default)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a field, in the order in which they stand in the form."""
        return tuple(value for key, value in self._pairs if key == name)

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return any(key == name for key, _ in self._pairs)


async def form(request: Request) -> Fields:
    """The fields of a posted form (application/x-www-form-urlencoded). BlockweightError for anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise BlockweightError("The request is no form; send it from the studio's own page.")
    return fields_of(await request.body())


def query(request: Request) -> Fields:
    """The fields of the address."""
    return fields_of(request.scope["query_string"])


def fields_of(data: bytes) -> Fields:
    """Fields as they are encoded in an address or a form. BlockweightError for too many, or what is not ASCII."""
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BlockweightError("The request's fields cannot be read; open the page anew.") from None
    return Fields(pairs)


def text_of(data: Mapping[str, object], name: str) -> str:
    """A text of a JSON object, empty if it is not there. BlockweightError for another kind of value."""
    value = data.get(name, "")
    if not isinstance(value, str):
        raise BlockweightError(f"'{name}' must be a text; load the page anew.")
    return value


def texts_of(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A list of texts of a JSON object, empty if it is not there. BlockweightError for another kind of value."""
    value = data.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BlockweightError(f"'{name}' must be a list of texts; load the page anew.")
    return tuple(value)


async def picture(request: Request) -> bytes:
    """The bytes of the PNG that a script of ours has posted. BlockweightError for another kind of content."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "image/png":
        raise BlockweightError("The request is no PNG picture; load the page anew.")
    return await request.body()


def numbers_of(data: Mapping[str, object], name: str) -> tuple[int, ...]:
    """A list of whole numbers of a JSON object, empty if it is not there. BlockweightError for anything else."""
    value = data.get(name, [])
    if not isinstance(value, list):
        raise BlockweightError(f"'{name}' must be a list of whole numbers; load the page anew.")
    return tuple(whole_of({name: item}, name) for item in value)


def whole_of(data: Mapping[str, object], name: str) -> int:
    """A whole number of a JSON object. BlockweightError for another kind of value."""
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise BlockweightError(f"'{name}' must be a whole number; load the page anew.")
    return value


async def json_object(request: Request) -> Mapping[str, object]:
    """The JSON object that a script of ours has posted. BlockweightError for anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BlockweightError("The request is not JSON; send it from the studio's own page.")
    try:
        data = await request.json()
    except (ValueError, RecursionError):
        raise BlockweightError("The request is not JSON; load the page anew.") from None
    if not isinstance(data, dict):
        raise BlockweightError("The request is no JSON object; load the page anew.")
    return data
