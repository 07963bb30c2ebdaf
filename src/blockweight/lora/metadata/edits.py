"""Edits of metadata, as pure functions from the old to the new ones. Keys keep their order; new ones come last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.lora.hashes import LEGACY_HASH, MODEL_HASH, STAMPS, TRAINING, DataHashes
from blockweight.lora.metadata.block_weights import PREFIX, ROLES, key_of, read_stamp
from blockweight.lora.metadata.fields import COVERS, MODELSPEC, NEEDED_TRAINING, NO_COVERS, SESSION, USER, check_value

Metadata = Mapping[str, str]

GROUPS = ("training", "user", "cover", "modelspec", "weights", "hashes", "all")
"""What can be stripped."""


@dataclass(frozen=True)
class Change:
    """One key's value before and after; None where it is not there."""

    key: str
    before: str | None
    after: str | None


def edited(metadata: Metadata, changes: Mapping[str, str | None], *, force: bool = False) -> dict[str, str]:
    """The metadata with these values set; None or "" takes a key away, and leaves a cover as the empty list.

    BlockweightError for what no reader could use (see `check_value` and `read_stamp`), for a hash, which is computed
    and never typed, and, without `force`, for training data: they say what was, and the legacy hash depends on them.
    """
    new = dict(metadata)
    for key, text in changes.items():
        _check_key(key, force=force)
        if text:
            check_value(key, text)
            for role in ROLES:
                if key == key_of(role):
                    read_stamp(role, text)
            new[key] = text
        else:
            _remove(new, key)
    return repaired(new)


def _check_key(key: str, *, force: bool) -> None:
    if not key.strip() or key.startswith("__"):
        raise BlockweightError(f"{quoted(key)} cannot be a metadata key; give a name such as ssmd_author.")
    if key in STAMPS:
        raise BlockweightError(f"{key} is computed from the file; write it with 'lora metadata hash FILE --write'.")
    if key.startswith(TRAINING) and not force:
        raise BlockweightError(f"{key} is training data, which is only changed by force; add --force if you must.")


def _remove(metadata: dict[str, str], key: str) -> None:
    if key == COVERS and key in metadata:
        metadata[key] = NO_COVERS
    else:
        metadata.pop(key, None)


def repaired(metadata: Metadata) -> dict[str, str]:
    """The metadata with an empty cover as `[]`: an empty text makes WebUIs fail when they list their models."""
    return {key: NO_COVERS if key == COVERS and not text.strip() else text for key, text in metadata.items()}


def stamped(metadata: Metadata, hashes: DataHashes, *, modelspec: bool = False) -> dict[str, str]:
    """The metadata with Additional Networks' two hashes as the file's data have them, and ModelSpec's where it stands
    already or is asked for."""
    wanted = {MODEL_HASH, LEGACY_HASH} | ({STAMPS[-1]} if modelspec else set())
    missing = {key: text for key, text in hashes.stamps().items() if key in wanted and key not in metadata}
    return hashes.restamped({**metadata, **missing})


def stripped(metadata: Metadata, groups: Iterable[str], keys: Iterable[str] = ()) -> dict[str, str]:
    """The metadata without whole groups (see GROUPS), and without single keys.

    `training` keeps NEEDED_TRAINING, by which programs load the file; `all` leaves nothing. BlockweightError for a key
    that is not there.
    """
    chosen = set(groups)
    new = {}
    for key, text in metadata.items():
        hit = chosen & _groups_of(key)
        if not hit or hit == {"cover"}:
            new[key] = NO_COVERS if hit else text
    for key in keys:
        if key not in metadata:
            raise BlockweightError(
                f"There is no metadata {quoted(key)}; 'lora metadata show FILE' lists what there is."
            )
        _remove(new, key)
    return new


def _groups_of(key: str) -> set[str]:
    groups = {"all"}
    if key.startswith(TRAINING) and key not in NEEDED_TRAINING:
        groups.add("training")
    if key.startswith(USER):
        groups.add("user")
    if key == COVERS:
        groups.add("cover")
    if key.startswith(MODELSPEC):
        groups.add("modelspec")
    if key.startswith(PREFIX):
        groups.add("weights")
    if key in STAMPS:
        groups.add("hashes")
    return groups


def has_user_metadata(metadata: Metadata) -> bool:
    """Whether a person wrote anything: a value of the editor, or a cover."""
    return any(
        text.strip() and not (key == COVERS and text.strip() == NO_COVERS)
        for key, text in metadata.items()
        if key.startswith(USER)
    )


def reason_not_to_copy(source: Metadata, target: Metadata, *, same_session: bool, only_empty: bool) -> str:
    """Why the user metadata of `source` should not be copied to `target`; "" if they may be. The two options do not
    depend on each other."""
    if same_session and not source.get(SESSION):
        return "the source does not say which training session it is from"
    if same_session and source[SESSION] != target.get(SESSION):
        return "it is of another training session" if target.get(SESSION) else "it does not say its training session"
    if only_empty and has_user_metadata(target):
        return "it has metadata of its own"
    return ""


def copied(source: Metadata, target: Metadata, keys: Iterable[str] = ()) -> dict[str, str]:
    """`target` with every value of the editor that `source` has, the cover included, and further keys. What the source
    lacks stays as the target has it."""
    wanted = [key for key in source if key.startswith(USER) or key in set(keys)]
    taken = {key: source[key] for key in wanted if source[key].strip()}
    if taken.get(COVERS, "").strip() == NO_COVERS:
        del taken[COVERS]
    return repaired({**target, **taken})


def difference(old: Metadata, new: Metadata) -> tuple[Change, ...]:
    """The keys whose values differ, in the old order and then the new."""
    keys = [*old, *(key for key in new if key not in old)]
    return tuple(Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key))
