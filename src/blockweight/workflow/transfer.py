"""The same weights in other seeds, prompts and checkpoints: what to render, rendering it, whether the gain holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.measure import Gain, GroupGains, Mask, Picture, TransferRow, gain_of, transfer_table
from blockweight.plan import Job, LoraUse, Scene, Variant
from blockweight.project import LOCATED, TuningState
from blockweight.render import Renderer, identify_checkpoint
from blockweight.weights import BlockWeights, uniform
from blockweight.workflow.model_fit import check_models
from blockweight.workflow.own_files import load_mask
from blockweight.workflow.places import check_places, place_of
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_analysis import mask_for
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.scenes import parse_prompts, parse_seeds, size_for
from blockweight.workflow.text_files import read_text
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tuning_project import TuningProject, typed_weights
from blockweight.workflow.tuning_rounds import Cost, cost_of, render_jobs
from blockweight.workflow.tuning_text import cost_text

HOME, SEEDS, PROMPTS, MODELS = "home", "seeds", "prompts", "models"
KINDS = (HOME, SEEDS, PROMPTS, MODELS)
"""The kinds of groups, by which masks are given."""

Kind = str


@dataclass(frozen=True)
class TransferAsked:
    """What a person asks for: `weights` in any notation (empty: the project's), other `seeds` as they are typed, a file
    of other `prompts`, one a line, other `models`. `masks` are files by kind of group; the empty kind is for all that
    have none of their own."""

    weights: str = ""
    seeds: str = ""
    prompts: Path | None = None
    models: tuple[Path, ...] = ()
    masks: Mapping[Kind, Path] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Group:
    """Scenes that differ from home by one thing, `masks` one a scene, or none of them."""

    name: str
    kind: Kind
    scenes: tuple[Scene, ...]
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, eq=False)
class TransferPlan:
    """What is rendered: in every scene of every group (home first) the picture without the LoRA, with all blocks at 1,
    and with `weights`."""

    weights: BlockWeights
    lora: LoraUse
    groups: tuple[Group, ...]
    places: Mapping[str, Mapping[str, str]]

    def jobs(self, scene: Scene) -> tuple[Job, ...]:
        """The three of a scene."""
        variants = _variants(self.weights.layout, self.weights)
        return tuple(Job(scene, self.lora, variant) for variant in variants)

    def all_jobs(self) -> list[Job]:
        """Those of all scenes."""
        return [job for group in self.groups for scene in group.scenes for job in self.jobs(scene)]


@dataclass(frozen=True, eq=False)
class Transfer:
    """A measured transfer: `gains` one a group, as in the plan, and the table."""

    plan: TransferPlan
    gains: tuple[GroupGains, ...]
    table: tuple[TransferRow, ...]


def plan_transfer(tuning: TuningProject, asked: TransferAsked) -> TransferPlan:
    """Check what is asked for; nothing is written. Other seeds draw the project's prompts, other prompts its seeds, and
    other models its scenes. Home takes the mask of the latest complete analysis that has one for its scenes, if no
    other is given; no group but those takes it over, because another picture has its figure elsewhere.

    BlockweightError for no group at all, what cannot be read, scenes that are all home's, a model of another family or
    that is home's own, a mask of another size, and weights that are all 1.
    """
    state = tuning.state()
    weights = typed_weights(state, asked.weights)[0] if asked.weights.strip() else state.weights
    if all(weight == 1 for block, weight in weights.items() if block in state.subject.blocks):
        raise BlockweightError(
            "The weights are all 1, so there is no gain to carry over; tune them, or give --weights."
        )
    home = state.scenes
    groups = [Group(HOME, HOME, home)]
    if asked.seeds.strip():
        seeds = parse_seeds(asked.seeds)
        scenes = [replace(scene, seed=seed) for scene in _apart(home, seed=0) for seed in seeds]
        groups.append(Group(f"seeds {asked.seeds.strip()}", SEEDS, _new(scenes, home, "seeds")))
    if asked.prompts is not None:
        prompts = parse_prompts(read_text(asked.prompts).removeprefix("\ufeff"))
        scenes = [
            replace(scene, prompt=prompt, label=prompt)
            for prompt in prompts
            for scene in _apart(home, prompt="", label="")
        ]
        groups.append(Group(f"prompts {asked.prompts.name}", PROMPTS, _new(scenes, home, "prompts")))
    places: dict[str, Mapping[str, str]] = {}
    for path in asked.models:
        group = _other_model(state, path)
        places[group.scenes[0].checkpoint.digest] = place_of(path)
        groups.append(group)
    if len(groups) == 1:
        raise BlockweightError("Nothing was given to carry the weights over to; give --seeds, --prompts or --models.")
    unknown = next((kind for kind in asked.masks if kind and kind not in KINDS), None)
    if unknown is not None:
        raise BlockweightError(f"{quoted(unknown)} is no group to give a mask for; use one of: {', '.join(KINDS)}.")
    masked = tuple(_with_masks(tuning, state, group, asked.masks) for group in groups)
    return TransferPlan(weights, state.lora, masked, places)


def transfer_cost(tuning: TuningProject, plan: TransferPlan) -> Cost:
    """What the plan's pictures cost now."""
    return cost_of(tuning.project, plan.all_jobs())


def run_transfer(
    tuning: TuningProject, plan: TransferPlan, make_renderer: Callable[[], Renderer], progress: Progress
) -> Transfer:
    """Say the cost, render what is missing, and measure. After a stop the same again goes on."""
    jobs = plan.all_jobs()
    progress.say(cost_text(transfer_cost(tuning, plan)))
    missing = len(tuning.project.missing(jobs))
    if missing:
        if plan.places:  # where the other models are, as for those of scenes
            tuning.log.add(LOCATED, lambda _: {"places": plan.places})
        check_places(tuning.log, [scene for group in plan.groups for scene in group.scenes])
        render_jobs(tuning.project, jobs, missing, "The weights elsewhere", make_renderer, progress, lambda: False)
    gains = tuple(_gains(tuning, plan, group) for group in plan.groups)
    return Transfer(plan, gains, transfer_table(gains[0], gains[1:]))


def pictures_of(tuning: TuningProject, plan: TransferPlan, scene: Scene) -> tuple[Picture, ...]:
    """A scene's three pictures, rendered: without the LoRA, with all blocks, with the weights."""
    return tuple(map(tuning.project.picture, plan.jobs(scene)))


def _variants(layout: Layout, weights: BlockWeights) -> tuple[Variant, ...]:
    return NO_LORA, Variant("ALL", uniform("ALL", layout, 1.0)), Variant(weights.name, weights)


def _gains(tuning: TuningProject, plan: TransferPlan, group: Group) -> GroupGains:
    whole: list[Gain] = []
    masked: list[Gain] = []
    for number, scene in enumerate(group.scenes):
        without, everything, tuned = pictures_of(tuning, plan, scene)
        whole.append(gain_of(tuned, without, everything))
        if group.masks:
            masked.append(gain_of(tuned, without, everything, group.masks[number]))
    return GroupGains(group.name, tuple(whole), tuple(masked) if group.masks else None, paired=group.kind == MODELS)


def _apart(home: Iterable[Scene], **same: object) -> list[Scene]:
    """Home's scenes that differ in something else than this."""
    return list({_what(alike): alike for alike in (replace(scene, **same) for scene in home)}.values())  # type: ignore[arg-type]


def _new(scenes: Sequence[Scene], home: Sequence[Scene], what: str) -> tuple[Scene, ...]:
    known = {_what(scene) for scene in home}
    news = tuple({_what(scene): scene for scene in scenes if _what(scene) not in known}.values())
    if not news:
        raise BlockweightError(f"These {what} are the project's own, so nothing is carried over; give other {what}.")
    return news


def _what(scene: Scene) -> str:
    return json.dumps(scene.facts(), sort_keys=True)


def _other_model(state: TuningState, path: Path) -> Group:
    checkpoint = identify_checkpoint(path)
    if any(scene.checkpoint.digest == checkpoint.digest for scene in state.scenes):
        raise BlockweightError(f"'{path}' is the project's own model, so nothing is carried over; give another one.")
    scenes = tuple(replace(scene, checkpoint=checkpoint) for scene in state.scenes)
    check_models(state.subject.lora, state.subject.layout.family, scenes)
    for scene in scenes:
        size_for(path, f"{scene.width}x{scene.height}")
    return Group(f"model {path.name}", MODELS, scenes)


def _with_masks(tuning: TuningProject, state: TuningState, group: Group, files: Mapping[Kind, Path]) -> Group:
    path = files.get(group.kind, files.get(""))
    if path is not None:
        return replace(group, masks=tuple(load_mask(path, *scene.picture_size) for scene in group.scenes))
    if group.kind != HOME:
        return group
    plans = {plan.number: plan for plan in state.analysis_plans if plan.masks}
    plan = next((plans[found.plan] for found in reversed(state.analyses) if found.plan in plans), None)
    if plan is None:
        return group
    names = {_what(scene): mask_for(plan, number) for number, scene in enumerate(plan.scenes)}
    found = [names.get(_what(scene)) for scene in group.scenes]
    if any(name is None for name in found):
        return group
    return replace(group, masks=tuple(mask_of(tuning, name) for name in found if name is not None))
