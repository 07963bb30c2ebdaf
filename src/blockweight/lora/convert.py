"""A LoRA's names from one dialect to the other, and its alphas with them.

kohya's files have an alpha per module, PEFT's have none that every loader reads (A1111 and diffusers ignore `.alpha`
beside `lora_A`), so there alpha / rank has to be in the factors: it goes into `lora_B`, and comes out of it again on
the way back, by the alphas that the file remembers in `blockweight.alphas`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import Module
from blockweight.errors import BlockweightError
from blockweight.lora.atomic import check_new
from blockweight.lora.create import write_computed
from blockweight.lora.dialects import DOWN, UP, Dialect, name_in, own_name
from blockweight.lora.dtypes import is_float, numpy_dtype, rounding
from blockweight.lora.file import SETTINGS, Lora, module_name
from blockweight.lora.header import Header, TensorInfo, new_tensor, read_header
from blockweight.lora.products import PRODUCTS
from blockweight.lora.provenance import unstamped
from blockweight.lora.tensors import read_array
from blockweight.lora.terms import Term
from blockweight.lora.write import check_unchanged

ALPHAS = "blockweight.alphas"
"""JSON in a converted file: module name → [alpha, its format, the up factor's format], `*` for all others."""

_ROLES = frozenset(("lora_up", "lora_down", "alpha"))
_SLACK = 1.001

Remembered = tuple[float, str, str]


@dataclass(frozen=True)
class ConvertReport:
    """What was converted: files, dialect, modules, the data section's SHA-256.

    `scaled` modules took alpha / rank into `lora_B` (or gave it back); `widened` of these are stored in F32, because
    their own format could not have given the old numbers back. `error` is the largest relative error of a number.
    """

    source: Path
    out: Path
    dialect: Dialect
    digest: str
    modules: int
    scaled: int
    widened: int
    error: float


@dataclass(frozen=True, eq=False)
class _Converted:
    """One module in its new names. The file's up factor is `factor` times the source's, in the format `up_dtype`; down
    is copied. `alpha` is None where the new file has none; `remembered` is what the way back needs."""

    module: Module
    name: str
    factor: float
    up_dtype: str
    alpha: float | None
    alpha_dtype: str
    remembered: Remembered | None


def convert_names(
    source: Lora,
    dialect: Dialect,
    out: Path,
    *,
    exact: bool = True,
    overwrite: bool = False,
    step: Callable[[], None] = lambda: None,
) -> ConvertReport:
    """Write the LoRA with its modules' names in the other dialect (see `name_in`) to `out`; ΔW stays.

    Down factors are copied byte by byte, and so are up factors where alpha / rank is 1 or stays outside. Where it goes
    in, the numbers stay in their format if that gives the old ones back to the last bit, else they are stored in F32,
    which does for 16 bits; so there and back is the identity on the factors of all files but those that are in F32
    with an alpha / rank that is no power of two, where a number may be off by its last bit. Without `exact` numbers
    stay in their format, each rounded to it.

    PEFT's own settings count (`lora_adapter_metadata`). A kohya file gets alpha = rank where the PEFT file has no other
    and all ranks are alike; else none, since loaders agree on 1 for a missing alpha and disagree on mixed ones.

    BlockweightError, with nothing written: names that cannot be converted, LoHa, LoKr, DoRA, cores and biases (the
    dialects keep them in different ways), an alpha of 0 on the way to PEFT's names, a file that has these names
    already, numbers that overflow, and an `out` that is the source, or may not or cannot be written.
    """
    check_new(out, source.path, overwrite=overwrite)
    plans = _plan(source, dialect, exact=exact)
    made = {info.name: (plan, role, info) for plan in plans for role, info in _tensors(source, plan, dialect).items()}
    for key in source.unknown_keys:
        raise BlockweightError(
            f"'{source.path}' holds '{key}', which belongs to no module, so what to call it is not known; remove it."
        )

    def make(info: TensorInfo) -> bytes:
        plan, role, _ = made[info.name]
        if role == "alpha":
            return _encoded(info, np.asarray(plan.alpha, np.float64))
        own = source.modules[plan.module][role]
        if role == "lora_down" or plan.factor == 1:
            return source.read(own).tobytes()
        return _encoded(info, source.read(own).astype(np.float64) * plan.factor)

    errors: list[float] = []

    def check(temporary: Path) -> None:
        header = read_header(temporary)
        for plan in plans:
            errors.append(_check(source, plan, dialect, temporary, header))
            step()
        check_unchanged(source.path, source.header)

    infos = [info for _, _, info in made.values()]
    digest = write_computed(out, infos, _metadata(source, plans, dialect), make, overwrite=overwrite, check=check)
    scaled = [plan for plan in plans if plan.factor != 1]
    widened = sum(plan.up_dtype != source.modules[plan.module]["lora_up"].dtype for plan in scaled)
    return ConvertReport(source.path, out, dialect, digest, len(plans), len(scaled), widened, max(errors, default=0.0))


def _plan(source: Lora, dialect: Dialect, *, exact: bool) -> tuple[_Converted, ...]:
    names = {module: name_in(dialect, source.family, source, module) for module in source.modules}
    if all(own_name(source, module) == name for module, name in names.items()):
        raise BlockweightError(f"'{source.path}' has {dialect} names already; there is nothing to convert.")
    if len(set(names.values())) < len(names):
        raise BlockweightError(f"'{source.path}' names one layer in two ways; remove one of them.")
    term, remembered = Term(source), _remembered(source)
    for module in source.modules:
        _check_kind(source, module)
    scales = {module: _scale(term, module) for module in source.modules}
    ranks = {source.modules[module]["lora_down"].shape[0] for module in source.modules}
    plans = []
    for module, name in names.items():
        rank, up = source.modules[module]["lora_down"].shape[0], source.modules[module]["lora_up"]
        scale = scales[module]
        if dialect == "peft":
            plans.append(_into_up(source, module, name, scale, exact=exact))
            continue
        old = remembered.get(own_name(source, module), remembered.get("*"))
        if old is not None and scale == 1 and old[0] == 0:  # it had no alpha
            plans.append(_Converted(module, name, 1.0, up.dtype, None, "F32", None))
        elif old is not None and scale == 1:
            plans.append(_Converted(module, name, rank / old[0], old[2], old[0], old[1], None))
        elif "alpha" in source.modules[module] or scale != 1 or len(ranks) == 1:
            kind = source.modules[module].get("alpha", up).dtype
            fits = float(np.asarray(scale * rank).astype(numpy_dtype(kind))) == scale * rank
            plans.append(_Converted(module, name, 1.0, up.dtype, scale * rank, kind if fits else "F32", None))
        else:
            plans.append(_Converted(module, name, 1.0, up.dtype, None, "F32", None))
    return tuple(plans)


def _check_kind(source: Lora, module: Module) -> None:
    roles, algorithm = source.modules[module], source.algorithm(module)
    odd = sorted(roles.keys() - _ROLES)
    if algorithm not in ("lora", "locon") or odd:
        plain = algorithm in ("lora", "locon")
        what = f"has '{roles[odd[0]].name}'" if plain else f"is of the kind '{algorithm}'"
        cure = ", or make a plain LoRA of it with 'lora merge --names'" if algorithm in PRODUCTS else ""
        raise BlockweightError(
            f"The module {module_name(module)} of '{source.path}' {what}, which the dialects keep in different ways; "
            f"keep its names{cure}."
        )
    for role in ("lora_up", "lora_down"):
        if not is_float(roles[role].dtype) or len(roles[role].shape) < 2 or 0 in roles[role].shape:
            raise BlockweightError(
                f"'{roles[role].name}' is no matrix of real numbers, so the LoRA is damaged; get it again."
            )


def _scale(term: Term, module: Module) -> float:
    """alpha / rank as the file has it."""
    return term.lora.factors(module).scale


def _into_up(source: Lora, module: Module, name: str, scale: float, *, exact: bool) -> _Converted:
    info = source.modules[module]["lora_up"]
    alpha = source.modules[module].get("alpha")
    remembered = None if alpha is None else (float(source.read(alpha).reshape(())), alpha.dtype, info.dtype)
    if scale == 0:
        block = source.block_of(module)
        raise BlockweightError(
            f"The module {module_name(module)} of '{source.path}' has the alpha 0, which PEFT's names could keep only "
            f"by losing its numbers; drop it with 'lora bake' and weight 0 for {block}, or write zeros with "
            "'lora merge --names peft'."
        )
    if scale == 1:
        return _Converted(module, name, 1.0, info.dtype, None, "F32", remembered)
    kind = numpy_dtype(info.dtype)
    values = source.read(info)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        inside = (values.astype(np.float64) * scale).astype(kind)
        back = (inside.astype(np.float64) / scale).astype(kind)
    own = np.isfinite(inside).all() and (not exact or np.array_equal(back, values))
    wide = "F32" if info.size < 4 * values.size else info.dtype
    return _Converted(module, name, scale, info.dtype if own else wide, None, "F32", remembered)


def _tensors(source: Lora, plan: _Converted, dialect: Dialect) -> dict[str, TensorInfo]:
    roles = source.modules[plan.module]
    up, down = roles["lora_up"], roles["lora_down"]
    made = {
        "lora_down": TensorInfo(f"{plan.name}{DOWN[dialect]}", down.dtype, down.shape, 0, down.size),
        "lora_up": new_tensor(f"{plan.name}{UP[dialect]}", plan.up_dtype, up.shape),
    }
    if plan.alpha is not None:
        made["alpha"] = new_tensor(f"{plan.name}.alpha", plan.alpha_dtype, ())
    return made


def _encoded(info: TensorInfo, values: NDArray[np.float64]) -> bytes:
    with np.errstate(over="ignore", under="ignore"):
        result = values.astype(numpy_dtype(info.dtype))
    if not np.isfinite(result).all():
        raise BlockweightError(f"'{info.name}' would be beyond the largest number of {info.dtype}; keep its names.")
    return result.tobytes()


def _check(source: Lora, plan: _Converted, dialect: Dialect, path: Path, header: Header) -> float:
    """The largest relative error of scale · up, number by number; down must be the same bytes."""
    found = {info.name: info for info in header.tensors}
    there = {role: found[info.name] for role, info in _tensors(source, plan, dialect).items()}
    roles = source.modules[plan.module]
    rank = roles["lora_down"].shape[0]
    same = source.read(roles["lora_down"]).tobytes() == read_array(path, header, there["lora_down"]).tobytes()
    alpha = float(read_array(path, header, there["alpha"])) if "alpha" in there else float(rank)
    wanted = source.read(roles["lora_up"]).astype(np.float64) * _scale(Term(source), plan.module)
    values = read_array(path, header, there["lora_up"]).astype(np.float64) * (alpha / rank)
    u, s = (0.0, 0.0) if plan.factor == 1 else rounding(plan.up_dtype)
    off = np.abs(values - wanted)
    limit = _SLACK * (u * np.abs(wanted) + s * abs(alpha / rank)) + 1e-14 * np.abs(wanted)
    if not same or not (off <= limit).all():
        raise BlockweightError(
            f"The module {module_name(plan.module)} came out changed in '{path}'; convert '{source.path}' again."
        )
    nonzero = wanted != 0
    return float((off[nonzero] / np.abs(wanted[nonzero])).max(initial=0.0))


def _remembered(source: Lora) -> Mapping[str, Remembered]:
    """The alphas that an earlier conversion wrote down; none if there are none or they make no sense."""
    try:
        found = json.loads(source.header.metadata.get(ALPHAS, "{}"))
        read = {str(name): (float(entry[0]), str(entry[1]), str(entry[2])) for name, entry in found.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError):
        return {}
    return {name: entry for name, entry in read.items() if _holds(entry[1], entry[0]) and is_float(entry[2])}


def _holds(dtype: str, alpha: float) -> bool:
    """Whether the format, which may be one of whole numbers (svd_merge_lora.py of sd-scripts writes int64), has
    exactly this number."""
    kind = numpy_dtype(dtype)
    if kind is None or not np.isfinite(alpha) or not (is_float(dtype) or kind.kind in "iu"):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.asarray(alpha).astype(kind)) == alpha


def _metadata(source: Lora, plans: tuple[_Converted, ...], dialect: Dialect) -> dict[str, str]:
    dropped = ("sshs_legacy_hash", SETTINGS, ALPHAS)
    result = unstamped({key: text for key, text in source.header.metadata.items() if key not in dropped}, [source])
    known = Counter(plan.remembered for plan in plans if plan.remembered is not None)
    if dialect == "peft" and known:
        usual = known.most_common(1)[0][0]
        odd = {plan.name: list(plan.remembered) for plan in plans if plan.remembered not in (usual, None)}
        # Modules without an alpha must not get one on the way back.
        without = {plan.name: [0.0, "F32", "F32"] for plan in plans if plan.remembered is None}
        result[ALPHAS] = json.dumps({"*": list(usual), **odd, **without}, separators=(",", ":"))
    return result
