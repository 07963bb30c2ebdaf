"""The methods of analysis, one beside the other: what each can find, what it takes, and how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import CHANGE, EffectTable, InteractionTable, aspect_of, region_of
from blockweight.plan import Job
from blockweight.render.scales import check_scales
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.bisect import all_groups, bisect_table, first_groups
from blockweight.workflow.analysis.budget import Method
from blockweight.workflow.analysis.costs import Work
from blockweight.workflow.analysis.eba import eba_table, first_samples, jobs_of
from blockweight.workflow.analysis.findings import Findings, settings_of
from blockweight.workflow.analysis.gradient import gradient_calls, gradient_table
from blockweight.workflow.analysis.objectives import without_lora
from blockweight.workflow.analysis.pairs import pair_count, pair_jobs, pair_table
from blockweight.workflow.analysis.probe import probe_blocks, probe_calls
from blockweight.workflow.analysis.screen import screen_jobs, screen_table
from blockweight.workflow.analysis.sketch import sketch_calls, sketch_table
from blockweight.workflow.analysis.yardstick import yardstick_of

METHODS: dict[Method, str] = {
    "eba": "One block at a time",
    "screen": "Screening, all blocks at once",
    "bisect": "Groups of blocks, halved where they do something",
    "probe": "The probe, without finished pictures",
    "sketch": "Sketches, all blocks by a few ways back",
    "gradient": "Gradients of the objectives",
}
"""The methods, with what people call them."""


def find(ask: AnalysisAsk, method: Method | str, bench: Bench) -> Findings:
    """Do what the analysis takes by this method, and say what it found. Paused if it is stopped before;
    BlockweightError as from `check_method`, and if the renderer refuses."""
    check_method(ask, method)
    if method == "gradient":
        slopes = gradient_table(ask, bench)
        work = Work(len(_references(ask)), slopes.calls)
        return _findings(ask, "gradient", Findings("gradient", slopes.table, work, {}, smaller=slopes.smaller))
    if method == "sketch":
        table, calls = sketch_table(ask, bench)
        return _findings(ask, "sketch", Findings("sketch", table, Work(0, calls), {}))
    if method == "probe":
        probed = probe_blocks(ask, bench)
        steps = probed.steps if len(probed.steps.steps) > 1 else None  # one step is no map
        found = Findings("probe", probed.table, Work(0, probed.calls), {}, steps=steps,
                         interactions=probed.interactions)  # fmt: skip
        return _findings(ask, "probe", found)
    if method == "screen":
        table = screen_table(ask, bench)
        return _findings(ask, "screen", Findings("screen", table, work_of(ask, "screen"), {}))
    if method == "bisect":
        bisected = bisect_table(ask, bench)
        work = Work(bisected.pictures + len(_references(ask)))
        return _findings(ask, "bisect", Findings("bisect", bisected.table, work, {}, bounded=bisected.bounded))
    table = eba_table(ask, bench)
    pairs = pair_table(ask, bench, table) if ask.pairs else None
    yardstick = {name: floor.difference for name, floor in yardstick_of(ask, bench, table).items()}
    return _findings(
        ask,
        "eba",
        Findings("eba", table, _rendered(ask, table, pairs), {}, interactions=pairs, yardstick=yardstick or None),
    )


def planned_jobs(ask: AnalysisAsk, method: Method | str) -> Sequence[Job]:
    """The pictures that a method renders, but those of pairs, of which nobody knows yet which blocks they have; all
    that an adaptive analysis or one of halved groups may want."""
    jobs = list(_references(ask))
    if method == "eba":
        jobs += [job for scene in range(len(ask.scenes)) for job in ask.jobs(scene)]
    if method == "bisect":
        jobs += all_groups(ask)
    if method == "screen":
        jobs += [job for row in screen_jobs(ask) for job in row]
    return jobs


def sure_jobs(ask: AnalysisAsk, method: Method | str) -> Sequence[Job]:
    """Those of `planned_jobs` that are wanted whatever they show."""
    if method == "bisect":
        return [*_references(ask), *first_groups(ask)]
    if method == "eba" and ask.adaptive:
        return [*_references(ask), *jobs_of(ask, first_samples(ask))]
    return planned_jobs(ask, method)


def work_of(ask: AnalysisAsk, method: Method | str) -> Work:
    """What a method takes in all the ask's scenes; of an adaptive analysis or halved groups at most."""
    pictures = len({job.key for job in planned_jobs(ask, method)})
    if method == "eba" and ask.pairs:
        pictures += pair_count(min(ask.pairs, len(ask.blocks)), len(ask.scenes))
    calls = {"probe": probe_calls, "sketch": sketch_calls, "gradient": gradient_calls}
    return Work(pictures, calls[method](ask) if method in calls else 0.0)


def method_named(name: str) -> Method:
    """The method of this name, `eba` for an empty one. BlockweightError for any other."""
    found = next((method for method in METHODS if method == (name.strip().lower() or "eba")), None)
    if found is None:
        raise BlockweightError(f"There is no method {quoted(name)}; use one of {', '.join(METHODS)}.")
    return found


def first_scenes(ask: AnalysisAsk, scenes: int) -> AnalysisAsk:
    """The same in the first so many of its scenes."""
    masks = ask.masks if len(ask.masks) < 2 else ask.masks[:scenes]
    return replace(ask, scenes=ask.scenes[:scenes], masks=masks)


def fits(ask: AnalysisAsk, method: Method) -> bool:
    """Whether `check_method` has no objection."""
    try:
        check_method(ask, method)
    except BlockweightError:
        return False
    return True


def check_method(ask: AnalysisAsk, method: Method | str) -> None:
    """Refuse what a method cannot find, and weights that nothing can draw with, in one sentence."""
    _check_weights(ask)
    if method == "gradient" and not ask.aims:
        raise BlockweightError(
            "A gradient needs something to go up: name objectives with --objective, such as green:outside or distance."
        )
    if method in ("probe", "sketch") and ask.aims:
        raise BlockweightError(
            f"The method {method} finishes no pictures to read objectives off; use --method eba or gradient."
        )
    if method in ("screen", "sketch", "gradient") and ask.aspects:
        raise BlockweightError(
            f"The method {method} measures no further aspects ({', '.join(ask.aspects)}); use eba or probe, or leave "
            "them out."
        )
    if method != "eba" and ask.adaptive:
        raise BlockweightError(f"The method {method} takes all scenes alike; leave out --adaptive, or use eba.")
    if method not in ("eba", "probe") and ask.pairs:
        raise BlockweightError(f"The method {method} cannot tell pairs of blocks apart; use eba or probe for them.")
    if method != "probe" and ask.levels != 1:
        raise BlockweightError(f"The method {method} looks at no noise levels; leave out --levels, or use probe.")
    if ask.adaptive and len(ask.scenes) == 1:
        raise BlockweightError("An adaptive analysis adds scenes, and there is one; give more seeds.")
    if ask.pairs == 1:
        raise BlockweightError("One block makes no pair; name 2 or more with --pairs.")
    _check_needs(ask)


def _check_weights(ask: AnalysisAsk) -> None:
    for variant in ask.plan.variants()[:2]:  # the others have the same two weights
        if variant.weights is not None:
            check_scales(variant.label, variant.weights, ask.blocks, ask.lora.strength)


def _check_needs(ask: AnalysisAsk) -> None:
    """Refuse aspects and objectives that lack a model or a mask."""
    for aspect in map(aspect_of, ask.further):
        if aspect.needs_model and ask.embedder is None:
            raise BlockweightError(
                f"The aspect {aspect.name} needs a model that looks at pictures; give its folder to "
                "'blockweight analyze --metric-model', or leave the aspect out."
            )
    for name in () if ask.masks else filter(region_of, ask.aspects):
        raise BlockweightError(f"{name} is measured under a mask, and none was given; give one, or leave it out.")
    for aim in ask.aims:
        if aim.region and not ask.masks:
            raise BlockweightError(
                f"The objective {aim.name} needs a mask that says where {aim.region} is; give one, or leave out the "
                "region."
            )


def _findings(ask: AnalysisAsk, method: Method, found: Findings) -> Findings:
    return replace(found, settings=settings_of(ask, method), region=ask.called if ask.masks else "")


def _rendered(ask: AnalysisAsk, table: EffectTable, pairs: InteractionTable | None) -> Work:
    """The pictures that an analysis block by block has taken."""
    measured = np.argwhere(~np.isnan(table.values[table.aspects.index(CHANGE)]))
    jobs = [*_references(ask), *jobs_of(ask, [(ask.blocks[block], int(scene)) for block, scene in measured])]
    jobs += [] if pairs is None else pair_jobs(ask, pairs.blocks)
    return Work(len({job.key for job in jobs}))


def _references(ask: AnalysisAsk) -> list[Job]:
    """The pictures without the LoRA that some objectives compare with."""
    compares = any(aim.compares for aim in ask.aims)
    return [without_lora(ask, scene) for scene in range(len(ask.scenes))] if compares else []
