"""Samplers, schedules and noise against the numbers of the WebUI's own parts (see the table's `source`)."""

from __future__ import annotations

import pytest
import torch
from webui_numbers import CPU, SHAPE, TABLE, drawn_over, levels, model, wanted

from blockweight.plan import SAMPLERS, SCHEDULES, read_sampler
from blockweight.render.local.sampling import Noise, Plan, Seed, from_latents, from_noise
from blockweight.render.local.sampling.brownian import BrownianPath
from blockweight.render.local.sampling.noise import generator
from blockweight.render.local.sampling.schedules import sigmas_of


def case_name(case) -> str:
    rest = [f"{name} {case[name]}" for name in ("denoising", "eta", "strength") if case.get(name) is not None]
    return ", ".join([case["sampler"], case["schedule"], f"{case['steps']} steps", *rest])


def draw(case, chosen: slice = slice(None)) -> torch.Tensor:
    seeds = case["seeds"][chosen]
    variations = case.get("variation", [0] * len(case["seeds"]))[chosen]
    noise = Noise(
        [Seed(*pair, case.get("strength", 0.0)) for pair in zip(seeds, variations, strict=True)], SHAPE, "CPU", CPU
    )
    plan = Plan(case["sampler"], case["schedule"], case["steps"], case.get("eta"))
    if "denoising" not in case:
        return from_noise(plan, model(), noise)
    latents = drawn_over(len(case["seeds"]))[chosen]
    return from_latents(plan, model(), noise, latents, case["denoising"])


@pytest.mark.parametrize("case", TABLE["cases"], ids=case_name)
def test_latents_are_those_of_the_webui(case):
    found, those = draw(case), wanted(case)
    assert float((found - those).abs().max()) < 1e-3 * max(1.0, float(those.abs().max()))


def test_every_sampler_is_in_the_table_in_both_passes():
    for denoising in (None, 0.6):
        named = {(case["sampler"], case["schedule"]) for case in TABLE["cases"] if case.get("denoising") == denoising}
        assert {read_sampler(name) for name in SAMPLERS} <= named


@pytest.mark.parametrize("case", [case for case in TABLE["cases"] if len(case["seeds"]) > 1], ids=case_name)
def test_a_picture_of_a_batch_is_the_picture_alone(case):
    together = draw(case)
    for number in range(len(case["seeds"])):
        alone = draw(case, slice(number, number + 1))
        assert torch.allclose(together[number : number + 1], alone, atol=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_noise_levels_are_those_of_the_webui(schedule):
    for steps, those in TABLE["schedules"][schedule].items():
        assert sigmas_of(schedule, int(steps), levels()) == pytest.approx(those, rel=2e-5)


def test_brownian_motion_is_that_of_torchsde():
    table = TABLE["brownian"]
    paths = [
        BrownianPath(table["start"], table["end"], seed, lambda one: generator("CPU", one, CPU)(SHAPE))
        for seed in table["seeds"]
    ]
    for step in table["steps"]:
        found = torch.stack([path.at(step["to"]) - path.at(step["from"]) for path in paths])
        assert found.flatten().tolist() == pytest.approx(step["values"], abs=2e-5)
