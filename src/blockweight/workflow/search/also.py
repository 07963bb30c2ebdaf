"""Two LoRAs searched together: which further one, its segments, and where the conflict table says to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Term, conflicts, open_lora
from blockweight.measure import MOST_SEGMENTS, Segment, parse_segments, segments_of
from blockweight.plan import OtherLora, Scene, Variant
from blockweight.project import AlsoSearched, SearchPlan, TuningState
from blockweight.weights import BlockWeights, uniform
from blockweight.workflow.tune import NO_LORA

PAIRS = 3
"""At most so many pairs of segments that conflict begin the search, with three points each."""

ALONE = " alone"
"""What the label of one LoRA without the other ends with."""

MOST_REFERENCES = 5
"""At most so many weights every search of two LoRAs is compared with."""


@dataclass(frozen=True)
class Together(Variant):
    """A variant that also sets the scenes' further LoRA of the digest `other`: `also` None is without it."""

    other: str
    also: BlockWeights | None


def variant_of(plan: SearchPlan, point: Sequence[float]) -> Variant:
    """What to render for a weight for every segment."""
    weights = plan.weights_of(point, plan.weights.name)
    if plan.also is None:
        return Variant(weights.name, weights)
    return Together(weights.name, weights, plan.also.digest, plan.also_of(point))


def scene_with(scene: Scene, variant: Variant) -> Scene:
    """The scene with its further LoRA as the variant has it."""
    return scene.with_lora(variant.other, variant.also) if isinstance(variant, Together) else scene


def lora_alone(label: str) -> str:
    """The name of the LoRA that is alone in a reference of this label, empty for another one."""
    return label.removesuffix(ALONE) if label.endswith(ALONE) else ""


def together_references(state: TuningState, plan: SearchPlan, also: AlsoSearched) -> tuple[Variant, ...]:
    """What a search of two LoRAs is compared with: neither, each alone with all blocks at 1, both, and the weights that
    it starts from, if they are others."""
    ones, others = (uniform(weights.name, weights.layout, 1.0) for weights in (plan.weights, also.weights))
    digest = also.digest
    found = (
        Together(NO_LORA.label, None, digest, None),
        Together(f"{_stem(state.subject.lora)}{ALONE}", ones, digest, None),
        Together(f"{_stem(also.lora)}{ALONE}", None, digest, others),
        Together("both at 1", ones, digest, others),
    )
    same = (ones.values, ones.rest) == (plan.weights.values, plan.weights.rest)
    same = same and (others.values, others.rest) == (also.weights.values, also.weights.rest)
    return found if same else (*found, Together("as it was", plan.weights, digest, also.weights))


def also_searched(
    state: TuningState, scenes: Sequence[Scene], name: str, text: str, segments: Sequence[Segment], count: int
) -> AlsoSearched:
    """The further LoRA called `name` in all of these scenes, with segments as typed, as many as typed, or `count`, and
    the points with which the search begins.

    Segments are made by the conflict table: a block stands at how much this LoRA changes in it, and at how much of that
    the project's LoRA changes too, with the sign of their cosine. First are the points that lower the segments that
    conflict most (|⟨ΔWₐ, ΔW_b⟩|), of this LoRA, of the project's, and of both half. BlockweightError for a LoRA that is
    not in every scene with the same weights, two that cannot be compared, and segments that do not fit.
    """
    found = _found(scenes, name)
    lora, plain = open_lora(Path(found.use.path)), text.strip()
    own = Term(open_lora(Path(state.lora.path)), state.lora.strength)
    table = {each.block: each for each in conflicts(own, Term(lora, found.use.strength))}
    blocks = [block for block in lora.blocks if block in table]
    shared = {block: (each := table[block]).norms[0] * each.norms[1] * (each.cosine or 0.0) for block in blocks}
    if plain and not plain.isdecimal():
        made = parse_segments(plain, found.weights.layout)
        foreign = next((block for segment in made for block in segment.blocks if block not in lora.blocks), None)
        if foreign is not None:
            raise BlockweightError(f"'{lora.path.name}' changes nothing in {foreign}; take it out.")
    else:
        wanted = int(plain) if plain else count
        effects = {block: (table[block].norms[1], shared[block]) for block in blocks}
        made = _renamed(segments_of(effects, max(1, wanted)), {segment.name for segment in segments})
    if len(made) + len(segments) > MOST_SEGMENTS:
        raise BlockweightError(
            f"A search takes {MOST_SEGMENTS} segments at most, of both LoRAs together, not {len(made) + len(segments)}."
        )
    twice = next((segment.name for segment in made if segment.name in {each.name for each in segments}), None)
    if twice is not None:
        raise BlockweightError(f"Two segments are called {quoted(twice)}; rename one.")
    first = _first_points(shared, segments, made)
    return AlsoSearched(lora.path.name, found.use.digest, found.weights, made, first)


def _found(scenes: Sequence[Scene], name: str) -> OtherLora:
    """The further LoRA of this name."""
    each = [[other for other in scene.loras if name in (Path(other.use.path).name, _stem(other.use.path))]
            for scene in scenes]  # fmt: skip
    if not any(each):
        there = ", ".join(sorted({_stem(other.use.path) for scene in scenes for other in scene.loras})) or "none"
        raise BlockweightError(
            f"No scene has a further LoRA {quoted(name)} (there: {there}); add its tag to the prompts, as in "
            "<lora:NAME:1>, with 'blockweight project scenes change'."
        )
    if any(len(those) != 1 for those in each) or len({(those[0].use, those[0].weights) for those in each}) > 1:
        raise BlockweightError(
            f"{quoted(name)} is not in every scene, or not everywhere with the same strength and weights, so it cannot "
            "be searched; give all prompts the same tag of it."
        )
    return each[0][0]


def _renamed(segments: Sequence[Segment], taken: set[str]) -> tuple[Segment, ...]:
    """With names that go on behind those of the project's LoRA."""
    names = (chr(ord("a") + number) for number in range(26))
    free = [name for name in names if name not in taken]
    return tuple(Segment(name, segment.blocks) for name, segment in zip(free, segments, strict=False))


def _first_points(
    shared: Mapping[str, float], segments: Sequence[Segment], others: Sequence[Segment]
) -> tuple[tuple[float, ...], ...]:
    """For the pairs of segments whose blocks conflict most: all ones but the one, the other, and both at a half."""
    pulls: dict[tuple[int, int], float] = {}
    for one, segment in enumerate(segments):
        for other, beside in enumerate(others, len(segments)):
            both = set(segment.blocks) & set(beside.blocks)
            if pull := sum(abs(shared[block]) for block in both):
                pulls[one, other] = pull
    strongest = sorted(pulls, key=lambda pair: (-pulls[pair], pair))[:PAIRS]
    changes: list[dict[int, float]] = []
    for one, other in strongest:
        changes += [{other: 0.0}, {one: 0.0}, {one: 0.5, other: 0.5}]
    count = len(segments) + len(others)
    return tuple(tuple(change.get(place, 1.0) for place in range(count)) for change in changes)


def _stem(path: str) -> str:
    return Path(path).name.removesuffix(".safetensors")
