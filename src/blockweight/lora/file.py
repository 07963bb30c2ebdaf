"""A LoRA file: its family, its modules and their blocks, and the change that each module makes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import REST, Family, Module, detect_family, parse_key, recognises
from blockweight.errors import BlockweightError
from blockweight.lora.algebra import Factors, factors_of
from blockweight.lora.header import Header, TensorInfo, read_header
from blockweight.lora.tensors import data_digest, read_array

Roles = Mapping[str, TensorInfo]
"""A module's tensors by role."""

_COMPLETE: tuple[tuple[str, tuple[frozenset[str], ...]], ...] = tuple(
    (algorithm, tuple(frozenset(roles.split()) for roles in alternatives))
    for algorithm, alternatives in (
        ("loha", ("hada_w1_a hada_w1_b hada_w2_a hada_w2_b",)),
        (
            "lokr",
            (
                "lokr_w1 lokr_w2",
                "lokr_w1 lokr_w2_a lokr_w2_b",
                "lokr_w1_a lokr_w1_b lokr_w2",
                "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b",
            ),
        ),
        ("glora", ("glora_a1 glora_a2 glora_b1 glora_b2",)),
        ("lora", ("lora_up lora_down",)),
        ("oft", ("oft_blocks", "oft_diag", "oft_R", "boft_R boft_s")),
        # `weight` alone is a model's own weight, not a change to it.
        ("ia3", ("ia3_weight ia3_on_input", "ia3_l")),
        ("full", ("diff", "diff_b")),
        ("norm", ("w_norm", "b_norm")),
    )
)
"""Algorithm → the sets of roles, one of which makes a module of it complete; first fit counts. LyCORIS's names, and
PEFT's own for OFT (`oft_R`), BOFT (`boft_R`, `boft_s`) and IA3 (`ia3_l`)."""

_PLAIN = ("lora", "locon")

SETTINGS = "lora_adapter_metadata"
"""The metadata key under which diffusers keeps what PEFT knows beside the tensors: `unet.r`, `unet.lora_alpha`, …"""


@dataclass(frozen=True, eq=False)
class Lora:
    """An opened LoRA file. Nothing but the header is in memory; tensors are read when asked for.

    `modules` are in the order in which the file first names them; `unknown_keys` are tensors that belong to no module
    because their names follow no dialect that we read. `family.layout` names every block of the file's own model.
    """

    path: Path
    header: Header
    family: Family
    modules: Mapping[Module, Roles]
    unknown_keys: tuple[str, ...]

    @cached_property
    def data_digest(self) -> str:
        """SHA-256 of the data section, 64 hex digits; reads the whole file once. Names and metadata play no part in
        it."""
        return data_digest(self.path, self.header)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the LoRA does, 64 hex digits: its numbers, and which module, role and block each of them is
        read as. Equal digests, equal pictures, also where two files with the same numbers call them otherwise."""
        lines = sorted(
            f"{module.component} {module.path} {role} {self.block_of(module)} {info.dtype} {info.shape} {info.start}"
            for module, roles in self.modules.items()
            for role, info in roles.items()
        )
        settings = [json.dumps(self._settings, sort_keys=True)] if self._settings else []
        return hashlib.sha256("\n".join([self.data_digest, *lines, *settings]).encode()).hexdigest()

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """The blocks that the LoRA changes, in the order of the family's longest layout. REST is not among them."""
        present = {self.block_of(module) for module in self.modules}
        return tuple(block for block in self.family.layout.blocks if block in present)

    @cached_property
    def rest(self) -> tuple[Module, ...]:
        """The modules that no block claims."""
        return tuple(module for module in self.modules if self.block_of(module) == REST)

    def block_of(self, module: Module) -> str:
        """The block that holds this module, or REST."""
        return self.family.block_of(module)

    def algorithm(self, module: Module) -> str:
        """How the module's tensors make its change: `lora`, `locon` (a convolution with a kernel larger than 1),
        `loha`, `lokr`, `glora`, `ia3`, `oft` (also BOFT), `dora` (any of them with a magnitude), `full`, `norm`, or
        `incomplete` when tensors are missing."""
        roles = self.modules[module]
        name = complete_algorithm(roles.keys())
        if name != "incomplete" and "dora_scale" in roles:
            return "dora"
        if name == "lora":
            kernel = roles.get("lora_mid", roles["lora_down"]).shape[2:]
            return "locon" if any(length > 1 for length in kernel) else "lora"
        return name

    def read(self, info: TensorInfo) -> NDArray[np.generic]:
        """One tensor in its own shape and number format (bf16 and fp8 through ml_dtypes).

        BlockweightError for a format without a numpy type, and if the file can no longer be read.
        """
        return read_array(self.path, self.header, info)

    def arrays(self, module: Module) -> dict[str, NDArray[np.generic]]:
        """All tensors of a module by role, each in its own number format; `settings_alpha` stands among them."""
        return self.with_settings(module, {role: self.read(info) for role, info in self.modules[module].items()})

    def settings_alpha(self, module: Module) -> float | None:
        """A module's alpha where the file has it in PEFT's settings (SETTINGS) and in no tensor; None elsewhere.
        With rank-stabilised LoRA, alpha × √rank, so that alpha / rank is the scale all the same."""
        roles = self.modules[module]
        if not self._settings or "alpha" in roles or "lora_down" not in roles:
            return None
        start = f"{module.component}."
        settings = {key.removeprefix(start): value for key, value in self._settings.items() if key.startswith(start)}
        alpha, pattern = settings.get("lora_alpha"), settings.get("alpha_pattern")
        for name, value in (pattern if isinstance(pattern, Mapping) else {}).items():
            if f"_{module.path}".endswith(f"_{str(name).replace('.', '_')}"):
                alpha = value
        if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not math.isfinite(alpha):
            return None
        return alpha * math.sqrt(roles["lora_down"].shape[0]) if settings.get("use_rslora") is True else float(alpha)

    def with_settings(self, module: Module, arrays: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """A module's tensors by role, with `settings_alpha` as its alpha where there is one."""
        alpha = self.settings_alpha(module)
        return arrays if alpha is None else arrays | {"alpha": np.array(alpha, np.float64)}

    @cached_property
    def _settings(self) -> Mapping[str, object]:
        try:
            found = json.loads(self.header.metadata.get(SETTINGS, "{}"))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def factors(self, module: Module) -> Factors:
        """The low-rank factors of a LoRA or LoCon module, in float32.

        BlockweightError for every other algorithm, for a module that changes a bias too (the factors would be only
        half of its change), for missing factors, ranks that disagree, and values that are not finite.
        """
        roles, name = self.modules[module], module_name(module)
        algorithm = self.algorithm(module)
        if algorithm not in _PLAIN and not (algorithm == "incomplete" and {"lora_up", "lora_down"} & roles.keys()):
            raise BlockweightError(
                f"The module {name} is of the kind '{algorithm}', which has no plain up and down factors; only LoRA "
                "and LoCon modules have."
            )
        bias = next((role for role in ("lora_up_bias", "diff_b") if role in roles), None)
        if bias is not None:
            raise BlockweightError(
                f"The module {name} changes a bias too ('{roles[bias].name}'), which its up and down do not hold; "
                "bake the LoRA instead."
            )
        return factors_of(name, self.arrays(module))

    def delta(self, module: Module) -> NDArray[np.floating]:
        """ΔW of a LoRA or LoCon module at strength 1, alpha / rank included, in the shape of the weight that it
        changes: (out, in) or (out, in, kh, kw). BlockweightError as in `factors`."""
        return self.factors(module).delta()


def open_lora(path: Path, family: Family | None = None) -> Lora:
    """Read a LoRA file's header and find its family, or check that it is of the one given.

    BlockweightError for a file that `read_header` refuses, one without LoRA modules, two tensors in the same role,
    and a LoRA whose family cannot be told or is not the one given.
    """
    header, modules, unknown = read_modules(path)
    return Lora(path, header, _family(path, modules, family).fitted(modules), modules, unknown)


def read_modules(path: Path) -> tuple[Header, Mapping[Module, Roles], tuple[str, ...]]:
    """A file's header, its modules with their tensors by role, and the tensors that belong to none, whatever family it
    is of. BlockweightError as in `open_lora`, but for what it says of families."""
    header = read_header(path)
    modules: dict[Module, dict[str, TensorInfo]] = {}
    unknown: list[str] = []
    for info in header.tensors:
        key = parse_key(info.name)
        if key is None:
            unknown.append(info.name)
            continue
        roles = modules.setdefault(key.module, {})
        if key.role in roles:
            raise BlockweightError(
                f"'{path}' names the same tensor twice, as '{roles[key.role].name}' and as '{info.name}'; "
                "remove one of them."
            )
        roles[key.role] = info
    if not modules:
        seen = f"its first tensor is '{unknown[0]}'" if unknown else "it holds no tensors"
        raise BlockweightError(f"'{path}' holds no LoRA modules ({seen}); choose a LoRA file.")
    return header, modules, tuple(unknown)


def complete_algorithm(roles: Set[str]) -> str:
    """The algorithm of which a module with these roles has all tensors, `lora` also for a convolution, and whether or
    not there is a magnitude (DoRA); `incomplete` if there is none."""
    return next((name for name, sets in _COMPLETE if any(needed <= roles for needed in sets)), "incomplete")


def module_name(module: Module) -> str:
    """A module's name for messages and reports: `unet.mid_block_attentions_0_proj_in`."""
    return f"{module.component}.{module.path}"


def _family(path: Path, modules: Mapping[Module, Roles], wanted: Family | None) -> Family:
    found = detect_family(modules)
    if wanted is not None and recognises(wanted, modules):
        return wanted
    seen = f"it holds {len(modules)} modules such as {module_name(next(iter(modules)))}"
    if wanted is not None:
        looks = f"it looks like one of {found.title}" if found else seen
        raise BlockweightError(f"'{path}' is not a LoRA of {wanted.title}: {looks}; choose another file or family.")
    if found is None:
        raise BlockweightError(
            f"'{path}' is a LoRA whose family cannot be told: {seen}; none of them stands in a block, or they are of "
            "several families."
        )
    return found
