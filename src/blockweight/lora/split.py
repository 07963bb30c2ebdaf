"""One file for every block of a LoRA, whose tensors are the original's bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_target
from blockweight.lora.file import Lora
from blockweight.lora.header import read_header
from blockweight.lora.provenance import unstamped
from blockweight.lora.tensors import read_chunks
from blockweight.lora.write import Drop, splice


@dataclass(frozen=True)
class SplitFile:
    """One block's file: how many modules and tensors it holds, and its data section's SHA-256."""

    path: Path
    block: str
    modules: int
    tensors: int
    digest: str


def split_names(lora: Lora) -> dict[str, tuple[str, ...]]:
    """Block → its tensors, in the family's order, REST last. Tensors that belong to no module are with REST."""
    found: dict[str, list[str]] = {block: [] for block in (*lora.blocks, REST)}
    for module, roles in lora.modules.items():
        found[lora.block_of(module)] += [info.name for info in roles.values()]
    found[REST] += lora.unknown_keys
    return {block: tuple(names) for block, names in found.items() if names}


def split(
    lora: Lora,
    target: Callable[[str], Path],
    *,
    blocks: Iterable[str] | None = None,
    overwrite: bool = False,
    step: Callable[[], None] = lambda: None,
) -> tuple[SplitFile, ...]:
    """Write each block to the file that `target` names for it: the block's tensors, byte by byte, in their order.

    Together the files are the original: every tensor is in exactly one of them, so merging them with weight 1 gives it
    back bit by bit. `blocks` are all by default; REST stands for what no block claims. Metadata are kept, with hashes
    made right, and `blockweight.split` names the block, `blockweight.source_digest` the original.

    BlockweightError where a file may not or cannot be written; files that were written before that are removed.
    """
    names = split_names(lora)
    wanted = tuple(names) if blocks is None else tuple(dict.fromkeys(blocks))
    absent = [block for block in wanted if block not in names]
    if absent:
        raise BlockweightError(f"'{lora.path}' has nothing in {', '.join(absent)}; it has {', '.join(names)}.")
    sizes = {info.name: info.size for info in lora.header.tensors}
    for block in wanted:
        path = target(block)
        if path.exists() and path.samefile(lora.path):
            raise BlockweightError(f"'{path}' is the source itself, which is never overwritten; choose another folder.")
        check_target(path, sum(sizes[name] for name in names[block]), overwrite=overwrite)
    made: list[SplitFile] = []
    new: list[Path] = []
    try:
        for block in wanted:
            path = target(block)
            existed = path.exists()
            made.append(_write(lora, block, names[block], path, overwrite=overwrite))
            if not existed:
                new.append(path)
            step()
    except BaseException:
        for path in new:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return tuple(made)


def _write(lora: Lora, block: str, names: tuple[str, ...], path: Path, *, overwrite: bool) -> SplitFile:
    kept = set(names)
    metadata = {key: text for key, text in lora.header.metadata.items() if key != "sshs_legacy_hash"}
    metadata = unstamped(metadata, [lora])
    metadata |= {"sshs_model_hash": "", "blockweight.split": block, "blockweight.source_digest": lora.data_digest}
    others = {info.name: Drop() for info in lora.header.tensors if info.name not in kept}
    digest = splice(
        lora.path,
        lora.header,
        path,
        others,
        metadata,
        overwrite=overwrite,
        check=lambda temporary: _check(lora, kept, temporary),
    )
    modules = sum(lora.block_of(module) == block for module in lora.modules)
    return SplitFile(path, block, modules, len(names), digest)


def _check(lora: Lora, kept: set[str], path: Path) -> None:
    header = read_header(path)
    source = {info.name: info for info in lora.header.tensors}
    if {info.name for info in header.tensors} != kept:
        raise BlockweightError(f"'{path}' does not hold the block's tensors; split '{lora.path}' again.")
    for info in header.tensors:
        there = source[info.name]
        pieces = zip(
            read_chunks(lora.path, lora.header, there.start, there.end),
            read_chunks(path, header, info.start, info.end),
            strict=True,
        )
        if (info.dtype, info.shape) != (there.dtype, there.shape) or any(ours != theirs for ours, theirs in pieces):
            raise BlockweightError(f"'{info.name}' was not kept as it is; split '{lora.path}' again.")
