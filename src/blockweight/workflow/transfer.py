"""The same weights in other seeds, prompts and checkpoints: what to render, rendering it, whether the gain holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.measure import Gain, GroupGains, Mask, Picture, TransferRow, gain_of, mask_digest, transfer_table
from blockweight.plan import Checkpoint, Job, LoraUse, Scene, Variant
from blockweight.project import LOCATED, AnalysisPlan, TuningState
from blockweight.render import Renderer
from blockweight.render.scales import check_scales
from blockweight.weights import BlockWeights, uniform
from blockweight.workflow.checkpoints import identified_checkpoint
from blockweight.workflow.model_fit import check_models
from blockweight.workflow.own_files import load_mask
from blockweight.workflow.places import check_places, place_of
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_analysis import mask_for
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.prompt_loras import PromptLoras, refuse_twice, scene_label
from blockweight.workflow.scenes import parse_prompts, parse_seeds, size_for
from blockweight.workflow.text_files import read_text
from blockweight.workflow.tune import NO_LORA
from blockweight.workflow.tuning_project import TuningProject, typed_weights
from blockweight.workflow.tuning_rounds import Cost, RenderedPart, cost_of, render_jobs
from blockweight.workflow.tuning_text import cost_text

HOME, SEEDS, PROMPTS, MODELS = "home", "seeds", "prompts", "models"
KINDS = (HOME, SEEDS, PROMPTS, MODELS)
"""The kinds of groups, by which masks are given."""

Kind = str


@dataclass(frozen=True)
class TransferAsked:
    """What a person asks for: `weights` in any notation (empty: the project's) and the weight of their `rest`, other
    `seeds` as they are typed, a file of other `prompts`, one a line, or those lines themselves (`prompt_lines`), other
    `models`. `masks` are files by kind of group; the empty kind is for all that have none of their own. With
    `home_mask`, that of home is for the others too."""

    weights: str = ""
    rest: float | None = None
    seeds: str = ""
    prompts: Path | None = None
    prompt_lines: str = ""
    models: tuple[Path, ...] = ()
    masks: Mapping[Kind, Path] = field(default_factory=dict)
    home_mask: bool = False


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
    other is given; no other group takes it over unless that is asked for, because another picture has its figure
    elsewhere.

    Reads every other model whole once, so it takes a few seconds for a large one. BlockweightError for no group at all,
    what cannot be read, scenes that are all home's, a model of another family or that is home's own, a mask of another
    size, or none at home to take over, and weights that are all 1.
    """
    state = tuning.state()
    weights = typed_weights(state, asked.weights, rest=asked.rest)[0] if asked.weights.strip() else state.weights
    if not changes_anything(state, weights):
        raise BlockweightError(
            "The weights are all 1, so there is no gain to carry over; tune them, or give other weights."
        )
    check_scales(weights.name, weights, state.subject.blocks, state.lora.strength)
    home = state.scenes
    groups, places = [Group(HOME, HOME, home)], dict[str, Mapping[str, str]]()
    if asked.seeds.strip():
        groups.append(other_seeds(home, asked.seeds))
    if asked.prompts is not None or asked.prompt_lines.strip():
        text = asked.prompt_lines if asked.prompts is None else read_text(asked.prompts).removeprefix("\ufeff")
        prompts = parse_prompts(text)
        named = PromptLoras(by_path=False)
        scenes = [
            replace(scene, prompt=bare, label=scene_label(bare, loras), loras=loras)
            for bare, loras in map(named.read, prompts)
            for scene in _apart(home, prompt="", label="", loras=())
        ]
        refuse_twice(state.subject.digest, scenes)
        places |= {use.digest: place_of(Path(use.path)) for scene in scenes for use in (o.use for o in scene.loras)}
        name = "prompts" if asked.prompts is None else f"prompts {asked.prompts.name}"
        groups.append(Group(name, PROMPTS, _new(scenes, home, "prompts")))
    for path in asked.models:
        group = _other_model(state, path)
        places[group.scenes[0].checkpoint.digest] = place_of(path)
        groups.append(group)
    if len(groups) == 1:
        raise BlockweightError("Nothing was given to carry the weights over to; give other seeds, prompts or models.")
    unknown = next((kind for kind in asked.masks if kind and kind not in KINDS), None)
    if unknown is not None:
        raise BlockweightError(f"{quoted(unknown)} is no group to give a mask for; use one of: {', '.join(KINDS)}.")
    return TransferPlan(weights, state.lora, _masked(tuning, state, groups, asked), places)


def other_seeds(home: Sequence[Scene], seeds: str) -> Group:
    """Home's scenes with other seeds, as they are typed, without a mask. BlockweightError for what is no seed, and for
    seeds that give no other scenes."""
    drawn = parse_seeds(seeds)
    scenes = [replace(scene, seed=seed) for scene in _apart(home, seed=0) for seed in drawn]
    return Group(f"seeds {seeds.strip()}", SEEDS, _new(scenes, home, "seeds"))


def unmasked(plan: TransferPlan, asked: TransferAsked) -> tuple[str, ...]:
    """The groups for which home's mask was asked and nobody knows which of several: whole pictures are compared."""
    return tuple(group.name for group in plan.groups if asked.home_mask and not group.masks)


def transfer_cost(tuning: TuningProject, plan: TransferPlan) -> Cost:
    """What the plan's pictures cost now."""
    return cost_of(tuning.project, plan.all_jobs())


def run_transfer(
    tuning: TuningProject, plan: TransferPlan, make_renderer: Callable[[], Renderer], progress: Progress
) -> Transfer:
    """Say the cost, render what is missing, and measure. After a stop the same again goes on."""
    progress.say(cost_text(transfer_cost(tuning, plan)))
    if plan.places and tuning.project.missing(plan.all_jobs()):  # where the other models are, as for those of scenes
        tuning.log.add(LOCATED, lambda _: {"places": plan.places})
    render_elsewhere(tuning, plan, make_renderer, progress)
    return measure_transfer(tuning, plan)


def render_elsewhere(
    tuning: TuningProject,
    plan: TransferPlan,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the plan lacks; stops and kills as in `render_round`. BlockweightError too where a model is not in
    the place that the project knows."""
    jobs = plan.all_jobs()
    missing = len(tuning.project.missing(jobs))
    if not missing:
        return RenderedPart(0, 0)
    check_places(tuning.log, [scene for group in plan.groups for scene in group.scenes])
    return render_jobs(tuning.project, jobs, missing, "The weights elsewhere", make_renderer, progress, stopped)


def measure_transfer(tuning: TuningProject, plan: TransferPlan) -> Transfer:
    """Measure the plan's pictures, all of which are there."""
    gains = tuple(_gains(tuning, plan, group) for group in plan.groups)
    return Transfer(plan, gains, transfer_table(gains[0], gains[1:]))


def pictures_of(tuning: TuningProject, plan: TransferPlan, scene: Scene) -> tuple[Picture, ...]:
    """A scene's three pictures, rendered: without the LoRA, with all blocks, with the weights."""
    return tuple(map(tuning.project.picture, plan.jobs(scene)))


def changes_anything(state: TuningState, weights: BlockWeights) -> bool:
    """Whether the project's LoRA does anything else with these weights than with all at 1."""
    return weights.rest != 1 or any(weights.weight(block) != 1 for block in state.subject.blocks)


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
    checkpoint = _identified(path, place_of(path)["stamp"])
    if any(scene.checkpoint.digest == checkpoint.digest for scene in state.scenes):
        raise BlockweightError(f"'{path}' is the project's own model, so nothing is carried over; give another one.")
    scenes = tuple(replace(scene, checkpoint=checkpoint) for scene in state.scenes)
    check_models(state.subject.lora, state.subject.layout.family, scenes)
    for scene in scenes:
        size_for(path, f"{scene.width}x{scene.height}")
    return Group(f"model {path.name}", MODELS, scenes)


@lru_cache(maxsize=64)
def _identified(path: Path, _stamp: str) -> Checkpoint:
    """The model, read once for as long as its stamp stays: a page asks again at every change of its form."""
    return identified_checkpoint(path)


def _masked(
    tuning: TuningProject, state: TuningState, groups: Sequence[Group], asked: TransferAsked
) -> tuple[Group, ...]:
    """The groups with their masks: from a file that is given, else of home the analysis's, of the others home's where
    that is asked for."""
    given = {kind: asked.masks.get(kind, asked.masks.get("")) for kind in KINDS}
    home, *others = groups
    home = replace(home, masks=_loaded(home, given[HOME]) or analysis_masks(tuning, state))
    if asked.home_mask and not home.masks:
        raise BlockweightError(
            "The project's own scenes have no mask to take for the others; analyse them with a mask first."
        )
    masks = (_loaded(each, given[each.kind]) or (masks_alike(each, home) if asked.home_mask else ()) for each in others)
    return home, *(replace(each, masks=found) for each, found in zip(others, masks, strict=True))


def _loaded(group: Group, path: Path | None) -> tuple[Mask, ...]:
    return () if path is None else tuple(load_mask(path, *scene.picture_size) for scene in group.scenes)


def analysis_masks(tuning: TuningProject, state: TuningState) -> tuple[Mask, ...]:
    """The masks of the latest complete analysis that has any, one for each of the project's scenes; one that was given
    for several is for those too that the analysis did not see. None at all where a scene has none."""
    plan = _masked_plan(state)
    names = () if plan is None else _mask_names(plan, state.scenes)
    if None in names:
        return ()
    return tuple(mask_of(tuning, name) for name in names if name is not None)


def unmasked_scene(state: TuningState) -> Scene | None:
    """The first of the project's scenes for which the latest complete analysis with masks has none; None where it has
    one for each, or there is no such analysis."""
    plan = _masked_plan(state)
    names = () if plan is None else _mask_names(plan, state.scenes)
    return next((scene for scene, name in zip(state.scenes, names, strict=False) if name is None), None)


def _masked_plan(state: TuningState) -> AnalysisPlan | None:
    plans = {plan.number: plan for plan in state.analysis_plans if plan.masks}
    return next((plans[found.plan] for found in reversed(state.analyses) if found.plan in plans), None)


def _mask_names(plan: AnalysisPlan, scenes: Sequence[Scene]) -> tuple[str | None, ...]:
    """The mask of each scene, None for one that has none."""
    known = {_what(scene): mask_for(plan, number) for number, scene in enumerate(plan.scenes)}
    sizes = {scene.picture_size for scene in plan.scenes}
    # A single mask of a single scene may be painted on its picture alone.
    common = plan.masks[0] if len(plan.masks) == 1 < len(plan.scenes) else None
    return tuple(known.get(_what(scene)) or (common if scene.picture_size in sizes else None) for scene in scenes)


def masks_alike(group: Group, home: Group) -> tuple[Mask, ...]:
    """For each scene of the group the mask that home's scenes which differ from it by the group's one thing share; none
    at all where they have several, or for other prompts, unless home has a single mask: nobody knows which fits."""
    if len(set(map(mask_digest, home.masks))) == 1:
        return home.masks[:1] * len(group.scenes)
    if group.kind == MODELS:
        return home.masks
    if group.kind == SEEDS:
        known: dict[str, dict[str, Mask]] = {}
        for each, mask in zip(home.scenes, home.masks, strict=True):
            known.setdefault(_what(replace(each, seed=0)), {})[mask_digest(mask)] = mask
        found = [tuple(known[_what(replace(scene, seed=0))].values()) for scene in group.scenes]
        return tuple(masks[0] for masks in found) if all(len(masks) == 1 for masks in found) else ()
    return ()
