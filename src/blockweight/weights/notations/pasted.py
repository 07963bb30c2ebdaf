"""Training arguments as people paste them: a command line, bare `key=value` words, a TOML or JSON file's text."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from blockweight.errors import BlockweightError, quoted

_RATES = ("unet_lr", "learning_rate")
_UNET_FIELDS = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "block_dims")
_FLUX_FIELDS = ("train_double_block_indices", "train_single_block_indices")
_CONTINUED = re.compile(r"[\\^`][ \t]*\r?\n")
"""A line that goes on: bash's backslash, cmd's caret, PowerShell's backtick."""

_BARE = re.compile(r"(?:^|(?<=\s))([A-Za-z_]\w*)=", re.ASCII)
_OPTION = re.compile(r"(?:^|\s)--[A-Za-z]")
_TOML = re.compile(r"^\s*network_args\s*=\s*\[", re.MULTILINE)
_SECOND_KEY = re.compile(r"\s[A-Za-z_]\w*=", re.ASCII)
_QUOTE = re.compile(r"[\"'“”‘’„]")
_LIST = re.compile(r"""(?:^|\s)[A-Za-z_]\w*=\[\s*r?['"]""", re.ASCII)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})


@dataclass(frozen=True)
class Pasted:
    """Network arguments by key, as text; learning rates and the network's module, None where they are not said; and
    remarks on what the trainer would do with the rest."""

    network_args: Mapping[str, str]
    network_module: str | None = None
    unet_lr: float | None = None
    text_encoder_lr: tuple[float, ...] | None = None
    notes: tuple[str, ...] = field(default=())


def parse_pasted(text: str) -> Pasted:
    """Read what was pasted.

    A command line may break its lines as bash, cmd or PowerShell do. Bare words may have blanks in their values. A
    TOML text has `network_args = [...]`; a JSON object is `ss_network_args` itself, metadata that holds it, or
    kohya_ss's configuration, where empty text means not given. BlockweightError for anything else, and for a command
    with which sd-scripts would stop.
    """
    plain = text.removeprefix("\ufeff").strip()
    if not plain:
        raise BlockweightError("Nothing was given to read; paste arguments, or name a LoRA file.")
    if plain.startswith("{"):
        return from_mapping(_json(plain))
    if _TOML.search(plain):
        return _from_toml(plain)
    # Quotes inside brackets belong to a list such as exclude_patterns=['…'], which no shell has taken apart yet.
    if _OPTION.search(plain) or (_QUOTE.search(plain) and not _LIST.search(plain)):
        return _from_command(plain)
    arguments, notes = _by_key(_bare_words(plain))
    return Pasted(arguments, notes=notes)


def from_mapping(found: Mapping[str, object]) -> Pasted:
    """The arguments in a JSON object (see `parse_pasted`) or a file's metadata. BlockweightError for values of a kind
    that the trainer does not write."""
    if "ss_network_args" in found or "ss_network_module" in found:
        return _from_metadata(found)
    if "LoRA_type" not in found:
        return Pasted({key: _value(key, value) for key, value in found.items()})
    # kohya_ss keeps every field of every model; it hands on those of the one that is chosen.
    fields = _FLUX_FIELDS if str(found["LoRA_type"]).startswith("Flux1") else _UNET_FIELDS
    return Pasted({key: _value(key, found[key]) for key in fields if found.get(key)}, None, *_rates(found))


def _json(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BlockweightError(
            f"{quoted(text)} begins like JSON but is none; paste the whole object, from brace to brace."
        ) from None
    if not isinstance(found, dict):
        raise BlockweightError(f"{quoted(text)} is not a JSON object of arguments; paste it from brace to brace.")
    return found


def _from_metadata(found: Mapping[str, object]) -> Pasted:
    inner = found.get("ss_network_args") or "{}"
    if isinstance(inner, str):
        inner = _json(inner.strip() or "{}") if inner.strip() not in ("None", "null") else {}
    if not isinstance(inner, dict):
        raise BlockweightError("ss_network_args is not an object of arguments, so nothing can be read from it.")
    arguments = {key: _value(key, value) for key, value in inner.items()}
    return Pasted(arguments, _module(found.get("ss_network_module")), *_rates(found, prefix="ss_"))


def _from_toml(text: str) -> Pasted:
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80] or "nested too deeply"
        raise BlockweightError(f"The pasted TOML cannot be read ({reason}); paste the file's text as it is.") from None
    # sd-scripts flattens the sections in the same way.
    flat: dict[str, object] = {}
    for key, value in found.items():
        flat |= value if isinstance(value, dict) else {key: value}
    listed = flat.get("network_args")
    if not (isinstance(listed, list) and all(isinstance(item, str) for item in listed)):
        raise BlockweightError('network_args in the TOML must be a list of texts, ["down_lr_weight=…", …].')
    arguments, notes = _by_key(listed)
    return Pasted(arguments, _module(flat.get("network_module")), *_rates(flat), notes)


def _from_command(text: str) -> Pasted:
    joined = _CONTINUED.sub(" ", text.translate(_QUOTES))
    try:
        words = shlex.split(joined)
    except ValueError:
        raise BlockweightError(
            "A quotation mark in the pasted command is never closed; paste the whole command."
        ) from None
    options: dict[str, list[str]] = {}
    notes: list[str] = []
    current = words if not any(word.startswith("--") for word in words) else []
    loose = bool(current)
    for word in () if loose else words:
        if word.startswith("--"):
            name, mark, value = word[2:].partition("=")
            if name == "network_args" and name in options:
                notes.append("A second --network_args replaces the first altogether; only the last counts.")
            current = options[name] = [value] if mark else []
        else:
            current.append(word)
    if "block_lr" in options and "network_args" not in options:
        raise BlockweightError(
            "--block_lr are the rates of a whole SDXL model's blocks (sdxl_train.py), not of a LoRA; give the command "
            "of a LoRA's training."
        )
    arguments, more = _by_key(words if loose else options.get("network_args", []))
    if not loose and "network_args" not in options:
        notes.append("The command has no --network_args.")
    given = {name: values for name, values in options.items() if values}
    rates: dict[str, object] = {name: given[name][-1] for name in _RATES if name in given}
    if "text_encoder_lr" in given:
        rates["text_encoder_lr"] = given["text_encoder_lr"]
    module = _module(given["network_module"][-1]) if "network_module" in given else None
    return Pasted(arguments, module, *_rates(rates), (*notes, *more))


def _bare_words(text: str) -> list[str]:
    """`key=value key=value` cut before each key, so that a value may have blanks in it."""
    starts = [found.start(1) for found in _BARE.finditer(text)]
    if not starts or text[: starts[0]].strip():
        raise BlockweightError(
            f"{quoted(text)} holds no arguments to read; paste them as in down_lr_weight=0.5,1,… mid_lr_weight=1, or a "
            "whole command, or a file's text."
        )
    ends = [*(start - 1 for start in starts[1:]), len(text)]
    return [text[start:end].rstrip() for start, end in zip(starts, ends, strict=True)]


def _by_key(words: Iterable[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The arguments, and remarks on those given twice."""
    arguments: dict[str, str] = {}
    notes: list[str] = []
    for word in words:
        key, mark, value = word.partition("=")
        if not mark:
            raise BlockweightError(
                f"{quoted(word)} among the network arguments has no '=', at which sd-scripts stops; quote each whole "
                'argument, "down_lr_weight=…".'
            )
        if _SECOND_KEY.search(value):
            raise BlockweightError(
                f"{quoted(word)} holds two arguments in one pair of quotes, which sd-scripts takes for one; quote each "
                "on its own."
            )
        if key in arguments:
            notes.append(f"{quoted(key)} is given twice; the last counts.")
        arguments[key] = value
    return arguments, tuple(notes)


def _module(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _value(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BlockweightError(
        f"{quoted(key)} is neither text nor a number, as a trainer's arguments are; paste them as text."
    )


def _rates(found: Mapping[str, object], prefix: str = "") -> tuple[float | None, tuple[float, ...] | None]:
    """The denoiser's rate (`unet_lr`, or else `learning_rate`), and those of the text encoders."""
    rate = next((rate for rate in (_rate(found.get(prefix + name)) for name in _RATES) if rate is not None), None)
    given = found.get(f"{prefix}text_encoder_lr")
    if isinstance(given, str) and given.startswith("["):
        given = given.strip("[]").split(",")
    values = tuple(map(_rate, given if isinstance(given, list) else [given]))
    known = tuple(value for value in values if value is not None)
    return rate, known if known and len(known) == len(values) else None


def _rate(value: object) -> float | None:
    """A rate as it stands in metadata or on a command line; None for none, `None`, or what is no number."""
    try:
        rate = float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None
    return rate if rate is not None and 0 <= rate < float("inf") else None
