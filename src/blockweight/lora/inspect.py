"""What is in a LoRA file: facts about every module, summed up per block, per component, and for the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import hypot, prod

from blockweight.blocks import REST, Module, dialect_of
from blockweight.lora.algebra import alpha_of, rank_of
from blockweight.lora.dtypes import numpy_dtype
from blockweight.lora.file import Lora, module_name
from blockweight.lora.hashes import STAMPS, data_hashes
from blockweight.lora.health import Health, health_of
from blockweight.lora.spectrum import TOP
from blockweight.lora.strength import Basis, Strength, strength_of


@dataclass(frozen=True)
class ModuleFacts:
    """One module: its algorithm (see `Lora.algorithm`), `rank` and `alpha` (None if it has none, or no finite one), the
    numbers it holds (`parameters`, alpha not counted) in so many `bytes` of the number `formats`, its strength, and the
    health of each of its tensors by key."""

    module: Module
    block: str
    algorithm: str
    rank: int | None
    alpha: float | None
    parameters: int
    bytes: int
    formats: tuple[str, ...]
    strength: Strength
    health: Mapping[str, Health]


@dataclass(frozen=True, eq=False)
class Part:
    """A block or a component with its modules, in the file's order; none for a block that the LoRA lacks.

    The change that a part makes is that of its modules side by side, so squares of norms add up, and its singular
    values are those of all of them.
    """

    name: str
    modules: tuple[ModuleFacts, ...]

    @cached_property
    def algorithms(self) -> dict[str, int]:
        """Algorithm → how many modules, the most common first."""
        return dict(Counter(facts.algorithm for facts in self.modules).most_common())

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """The different ranks, ascending."""
        return tuple(sorted({facts.rank for facts in self.modules if facts.rank is not None}))

    @cached_property
    def alphas(self) -> tuple[float, ...]:
        """The different alphas, ascending."""
        return tuple(sorted({facts.alpha for facts in self.modules if facts.alpha is not None}))

    @property
    def parameters(self) -> int:
        """How many numbers the modules hold."""
        return sum(facts.parameters for facts in self.modules)

    @property
    def bytes(self) -> int:
        """How many bytes of data they take."""
        return sum(facts.bytes for facts in self.modules)

    @cached_property
    def norm(self) -> float | None:
        """‖ΔW‖_F over all modules whose strength is known; None if there is none."""
        norms = [facts.strength.norm for facts in self.modules if facts.strength.norm is not None]
        return hypot(*norms) if norms else None

    @cached_property
    def rms(self) -> float | None:
        """The root mean square of ΔW's numbers: `norm` without the influence of the block's size."""
        elements = sum(facts.strength.elements for facts in self.modules)
        return None if self.norm is None or not elements else self.norm / elements**0.5

    @cached_property
    def singular_values(self) -> tuple[float, ...] | None:
        """The TOP largest singular values; None unless those of every module are known."""
        if not self.modules or any(facts.strength.singular_values is None for facts in self._weights):
            return None
        values = (value for facts in self._weights for value in facts.strength.singular_values or ())
        return tuple(sorted(values, reverse=True)[:TOP])

    @cached_property
    def effective_rank(self) -> float | None:
        """The mean effective rank of the modules that have one; None if none has."""
        ranks = [rank for facts in self.modules if (rank := facts.strength.effective_rank) is not None]
        return sum(ranks) / len(ranks) if ranks else None

    @cached_property
    def bases(self) -> tuple[Basis, ...]:
        """What the modules' strengths were computed from, without repeats."""
        return tuple(basis for basis in Basis if any(facts.strength.basis is basis for facts in self.modules))

    @property
    def _weights(self) -> tuple[ModuleFacts, ...]:
        # A norm layer's vectors have no singular values to speak of.
        return tuple(facts for facts in self.modules if facts.algorithm != "norm")


@dataclass(frozen=True, eq=False)
class LoraFacts:
    """A whole file. `blocks` are all of its model's in the order of the layout, absent ones without modules, and REST
    at the end if some module is in no block; `components` the denoiser and the text encoders. `dialects` says how many
    keys are written in each. `wrong_stamps` are metadata that should be the hash of the data and are not."""

    lora: Lora
    modules: tuple[ModuleFacts, ...]
    blocks: tuple[Part, ...]
    components: tuple[Part, ...]
    dialects: Mapping[str, int]
    wrong_stamps: tuple[str, ...]

    @cached_property
    def whole(self) -> Part:
        """All modules as one part."""
        return Part(self.lora.path.name, self.modules)

    @cached_property
    def formats(self) -> dict[str, int]:
        """Number format → bytes of data in it, over the whole file, the most first."""
        sizes: Counter[str] = Counter()
        for info in self.lora.header.tensors:
            sizes[info.dtype] += info.size
        return dict(sizes.most_common())


def inspect_lora(lora: Lora) -> LoraFacts:
    """Read every tensor of the file once, one module at a time, and say what it holds.

    Broken modules are facts, not errors (`Basis.BROKEN`). BlockweightError if the file can no longer be read.
    """
    stamps = [key for key in STAMPS if key in lora.header.metadata]
    with ThreadPoolExecutor(1) as beside:
        # hashlib lets other threads run.
        hashes = beside.submit(data_hashes, lora.path, lora.header) if stamps else None
        modules = tuple(_module_facts(lora, module) for module in lora.modules)
        right = {} if hashes is None else hashes.result().stamps()
    stale = tuple(key for key in stamps if key in right and lora.header.metadata[key].lower() != right[key])
    names = [*lora.family.layout.blocks, *([REST] if lora.rest else [])]
    components = list(dict.fromkeys(facts.module.component for facts in modules))
    return LoraFacts(
        lora,
        modules,
        _parts(names, modules, lambda facts: facts.block),
        _parts(components, modules, lambda facts: facts.module.component),
        _dialects(lora),
        stale,
    )


def _parts(
    names: Iterable[str], modules: tuple[ModuleFacts, ...], part_of: Callable[[ModuleFacts], str]
) -> tuple[Part, ...]:
    members: dict[str, list[ModuleFacts]] = {name: [] for name in names}
    for facts in modules:
        members[part_of(facts)].append(facts)
    return tuple(Part(name, tuple(found)) for name, found in members.items())


def _dialects(lora: Lora) -> dict[str, int]:
    known = (dialect_of(info.name) for roles in lora.modules.values() for info in roles.values())
    return dict(Counter(filter(None, known)).most_common())


def _module_facts(lora: Lora, module: Module) -> ModuleFacts:
    roles, name = lora.modules[module], module_name(module)
    readable = {role: info for role, info in roles.items() if numpy_dtype(info.dtype) is not None}
    arrays = {role: lora.read(info) for role, info in readable.items()}
    if len(readable) < len(roles):
        formats = ", ".join(sorted({info.dtype for role, info in roles.items() if role not in readable}))
        strength = Strength(
            Basis.BROKEN, why=f"The module {name} is stored as {formats}, with which this program cannot calculate."
        )
    else:
        strength = strength_of(name, lora.with_settings(module, arrays))
    weights = [info for role, info in roles.items() if role != "alpha"]
    return ModuleFacts(
        module=module,
        block=lora.block_of(module),
        algorithm=lora.algorithm(module),
        rank=rank_of(arrays),
        alpha=alpha_of(lora.with_settings(module, arrays)),
        parameters=sum(prod(info.shape) for info in weights),
        bytes=sum(info.size for info in roles.values()),
        formats=tuple(dict.fromkeys(info.dtype for info in weights)),
        strength=strength,
        health={readable[role].name: health_of(array) for role, array in arrays.items()},
    )
