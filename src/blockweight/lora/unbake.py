"""Taking a bake back: by reckoning from the baked file, where that is exact, or from the original itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_new
from blockweight.lora.bake import scaled_bytes, scaled_values
from blockweight.lora.bake_plan import ModulePlan, plan_module
from blockweight.lora.dtypes import is_float, numpy_dtype
from blockweight.lora.file import Lora, open_lora
from blockweight.lora.header import TensorInfo, read_header
from blockweight.lora.provenance import Provenance, metadata_before, provenance_of
from blockweight.lora.tensors import data_digest
from blockweight.lora.verify import verify_baked
from blockweight.lora.write import Replace, splice
from blockweight.weights import format_weight


@dataclass(frozen=True)
class UnbakeReport:
    """What was taken back: the new file, and whether from the `stamp` or from the `original` file."""

    out: Path
    provenance: Provenance
    by: Literal["stamp", "original"]


def unbake(baked: Path, out: Path, original: Path | None = None, *, overwrite: bool = False) -> UnbakeReport:
    """Write the LoRA that `baked` was made from to `out`.

    With the original file at hand, `baked` is verified against it and the original is copied. Without, every scaled
    factor is divided by its weight, and the result is kept only if its data section has the SHA-256 that the stamp
    gives the source: then it is the original, bit by bit.

    BlockweightError, with nothing written: a file without a stamp, an original that is another file, and tensors that
    cannot come back, with the blocks that they are in.
    """
    check_new(out, baked, *([] if original is None else [original]), overwrite=overwrite)
    lora = open_lora(baked)
    told = provenance_of(baked, lora.header.metadata)
    if original is not None:
        return _from_original(lora, told, original, out, overwrite=overwrite)
    plans = [plan for module in lora.modules if (plan := plan_module(lora, module, told.weights, told.recipe)).scaled]
    failed = ""
    for formats in _formats(lora, plans, told):
        try:
            splice(
                baked,
                lora.header,
                out,
                {
                    info.name: Replace(partial(scaled_bytes, lora, _inverse(plan, stored), info), stored)
                    for plan, stored in zip(plans, formats, strict=True)
                    for info in plan.scaled
                },
                metadata_before(lora.header.metadata),
                overwrite=overwrite,
                check=partial(_check_digest, told.source_digest),
            )
            return UnbakeReport(out, told, "stamp")
        except _DiffersError as error:
            failed = str(error)
    lost = [f"{', '.join(told.zeros)} (weight 0)"] if told.zeros else []
    first = list(zip(plans, next(_formats(lora, plans, told)), strict=True))
    rounded = _rounded(lora, first, zeros=False)
    if not lost and not rounded:
        rounded = _rounded(lora, first, zeros=True)
    lost += [f"{block} ({format_weight(weight)})" for block, weight in rounded.items()]
    raise BlockweightError(
        f"What was rounded or dropped in '{baked.name}' does not come back by reckoning: {', '.join(lost) or failed}; "
        f"give the file that it was baked from, '{told.source}', with --original."
    )


class _DiffersError(BlockweightError):
    """The result is not the source; another format may be."""


def _check_digest(wanted: str, temporary: Path) -> None:
    if data_digest(temporary, read_header(temporary)) != wanted:
        raise _DiffersError("the result is not the file that it was baked from")


def _inverse(plan: ModulePlan, stored: str | None) -> ModulePlan:
    # A weight of 0 has no inverse; zeros stay zeros, and the digest tells that they are not the source's.
    return replace(plan, weight=1 / plan.weight if plan.weight else 1.0, stored=stored)


def _rounded(lora: Lora, stored: list[tuple[ModulePlan, str | None]], *, zeros: bool) -> dict[str, float]:
    """The blocks in which a number may have been another one before, with their weights."""
    return {
        plan.block: plan.weight
        for plan, dtype in stored
        if plan.weight and not all(_comes_back(lora, plan, info, dtype, zeros=zeros) for info in plan.scaled)
    }


def _comes_back(lora: Lora, plan: ModulePlan, info: TensorInfo, dtype: str | None, *, zeros: bool) -> bool:
    """Whether for each number of a scaled tensor there is one number in the format that it had (`dtype`, None for its
    own), and no second one beside it, which the weight makes this one. Zeros are taken to have been zeros, unless
    `zeros` asks whether they may have been something very small."""
    made, kind = lora.read(info).reshape(-1), numpy_dtype(dtype or info.dtype)
    assert kind is not None  # it was scaled
    back = scaled_values(made, 1 / plan.weight, kind, plan.neutral)
    bits = back.view(f"u{kind.itemsize}")
    # The bits of a float without its sign are in the order of its size, so the next numbers are one bit away.
    found, above, below = (
        scaled_values(near.view(kind), plan.weight, made.dtype, plan.neutral) == made
        for near in (bits, bits + bits.dtype.type(1), bits - bits.dtype.type(1))
    )
    unsure = above | below
    return bool(found.all() and not (unsure if zeros else unsure & (made != plan.neutral)).any())


def _formats(lora: Lora, plans: list[ModulePlan], told: Provenance) -> Iterator[list[str | None]]:
    """The formats that the scaled tensors may have had: their own, or where the bake stored them in fp32, that of the
    module's other tensors, or without any, the commonest of the file's."""
    own: list[str | None] = [None] * len(plans)
    if told.recipe.via == "factor" and told.recipe.precision == "keep":
        yield own
        return
    scaled = {info.name for plan in plans for info in plan.scaled}
    known = Counter(info.dtype for info in lora.header.tensors if info.name not in scaled and is_float(info.dtype))
    usual = known.most_common(1)[0][0] if known else None
    yield [
        next((info.dtype for info in lora.modules[plan.module].values() if info not in plan.scaled), usual)
        for plan in plans
    ]
    yield own


def _from_original(lora: Lora, told: Provenance, original: Path, out: Path, *, overwrite: bool) -> UnbakeReport:
    source = open_lora(original)
    if source.data_digest != told.source_digest:
        raise BlockweightError(
            f"'{original}' is not the file that '{lora.path.name}' was baked from ('{told.source}'); choose that one."
        )
    verify_baked(original, told.weights, lora.path, told.recipe)
    splice(original, source.header, out, {}, source.header.metadata, overwrite=overwrite, check=lambda _: None)
    return UnbakeReport(out, told, "original")
