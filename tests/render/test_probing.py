"""Probes of the tiny Stable Diffusion: what changed block weights make of the denoiser's answer on the source's way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_loras import weights

from blockweight.errors import BlockweightError
from blockweight.plan import Hires, Variant
from blockweight.render import FakeRenderer, Pair, ProbeAsk, Step, prober_of, step_near
from blockweight.render.local import LocalRenderer
from blockweight.render.local.stable_diffusion import StableDiffusion
from blockweight.weights import uniform

CPU = torch.device("cpu")
CHANGES = ({"OUT05": 0.5}, {"BASE": 0.0}, {"IN04": -1.0}, {"OUT05": 0.5, "IN04": -1.0})


def variant(changes: dict[str, float], rest: float = 1.0) -> Variant:
    return Variant(str(changes), replace(weights(**changes), rest=rest))


@pytest.fixture
def ask(tiny):
    def make(at=(0, 2), changes=CHANGES, **settings) -> ProbeAsk:
        asked = {name: settings.pop(name) for name in ("decode", "pairs") if name in settings}
        scene = tiny.scene(**{"steps": 4, **settings})
        return ProbeAsk(scene, tiny.locon, variant({}), tuple(map(variant, changes)), at, **asked)

    return make


def probed(renderer, ask):
    renderer.check(ask.jobs)
    (found,) = renderer.probe([ask])
    return found


def close(found, wanted, most: float = 1e-4) -> None:
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(found, wanted, atol=most * np.abs(wanted).max())


@pytest.mark.parametrize("sampler", [("DPM++ 2M Karras", ""), ("Euler", "Karras"), ("DDIM", "Automatic")])
def test_at_the_last_step_a_change_of_x0_is_what_one_changed_step_makes_of_the_picture(tiny, shared, ask, sampler):
    """Of a scene with one step, the estimate is the picture (nearly so where a sampler ends with some noise left)."""
    one = ask((0,), steps=1 if sampler[0] != "DDIM" else 2, sampler=sampler[0], scheduler=sampler[1], decode=True)
    level = probed(shared, one).levels[0]
    made = {rendering.job.key: rendering.picture for rendering in shared.render(one.jobs)}
    for job, picture in zip(one.jobs, [level.source, *level.pictures], strict=True):
        assert np.abs(made[job.key].astype(int) - picture.astype(int)).max() <= (2 if sampler[0] == "DDIM" else 1)


def test_a_probe_is_the_same_in_batches_of_any_size(shared, ask):
    together = probed(shared, ask())
    alone = probed(LocalRenderer(CPU, batch=1), ask())
    assert [level.step for level in together.levels] == [0, 2]
    for one, other in zip(together.levels, alone.levels, strict=True):
        close(one.maps, other.maps)
    assert together.calls == alone.calls == ask().calls(2)


def test_variants_that_change_nothing_have_maps_of_nothing(shared, ask):
    found = probed(shared, ask(changes=({}, {"IN04": 0.5})))
    assert all(level.maps[0].max() < 1e-5 < level.maps[1].max() for level in found.levels)


def test_a_level_does_not_depend_on_the_others_that_are_asked_for(shared, ask):
    several, one = probed(shared, ask((0, 1, 3))), probed(shared, ask((3,)))
    close(several.levels[2].maps, one.levels[0].maps)
    assert one.calls == 2 * (3 + 5)


def test_probing_leaves_the_way_as_it_was(tiny, shared, ask, monkeypatch):
    """The latents at a step are those of the rendering, whoever looked before."""
    seen: list[torch.Tensor] = []
    asked = StableDiffusion._asked

    def heard(engine, jobs, *told):
        model = asked(engine, jobs, *told)
        called = type(model).__call__

        class Heard(type(model)):
            def __call__(self, latents, *rest):
                seen.append(latents[:1].clone())
                return called(self, latents, *rest)

        model.__class__ = Heard
        return model

    monkeypatch.setattr(StableDiffusion, "_asked", heard)
    wanted = ask((0, 1, 2, 3))
    probed(shared, wanted)
    looked = [seen[0], seen[2], seen[4], seen[6]]
    seen.clear()
    list(shared.render(wanted.jobs[:1]))
    assert len(seen) == 4
    for one, other in zip(looked, seen, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"prompt": "[1girl:red dress:0.5]"},
        {"prompt": "1girl AND red dress :0.5"},
        {"cfg_scale": 1.0},
        {"sampler": "Euler a", "scheduler": "Karras"},
        {"sampler": "Heun", "scheduler": "Karras"},
    ],
    ids=["prompts that change", "AND", "no guidance", "noise on the way", "asked twice a step"],
)
def test_every_way_can_be_probed(shared, ask, settings):
    found = probed(shared, ask((0, 3), **settings))
    rows = {"1girl AND red dress :0.5": 3}.get(settings.get("prompt", ""), 1 if "cfg_scale" in settings else 2)
    assert found.calls == ask((0, 3)).calls(rows)
    assert all(level.maps.shape == (4, 8, 8) for level in found.levels)
    assert all(level.maps.max((1, 2)).min() > 0 for level in found.levels)


def test_blocks_of_the_text_encoder_and_modules_without_a_block_are_felt(shared, ask):
    one = ask((1,), changes=({"BASE": 0.0},))
    both = replace(one, changed=(*one.changed, variant({}, rest=0.0)))
    assert (probed(shared, both).levels[0].maps.max((1, 2)) > 1e-3).all()


def test_of_a_hires_scene_the_first_pass_is_probed(shared, ask):
    hires = {"sampler": "Euler", "scheduler": "Karras", "hires": Hires(denoising=0.7)}
    plain = {"sampler": "Euler", "scheduler": "Karras"}
    close(probed(shared, ask(**hires)).levels[1].maps, probed(shared, ask(**plain)).levels[1].maps)
    with pytest.raises(BlockweightError, match=r"asked 4 times .* steps from 0 to 3"):
        probed(shared, ask((4,), **hires))


def test_noise_levels_fall_and_the_nearest_is_found(shared, ask):
    levels = shared.noise_levels(ask(sampler="DPM++ 2M", scheduler="Karras").jobs[0])
    assert len(levels) == 4
    assert list(levels) == sorted(levels, reverse=True)
    assert levels[0] == pytest.approx(14.6, abs=0.1)
    assert step_near(levels, levels[2] * 1.1) == 2


def test_a_pair_that_adds_up_has_no_mixed_part(shared, ask):
    changes = ({"OUT05": 0.5}, {"IN04": 0.0}, {"OUT05": 0.5, "IN04": 0.0}, {}, {"OUT05": 0.5})
    found = probed(shared, ask((1,), changes=changes, pairs=(Pair(0, 1, 2), Pair(0, 3, 4)))).levels[0]
    assert found.mixed.shape == (2, 8, 8)
    assert found.mixed[0].max() > 1e-3
    assert found.mixed[1].max() < 1e-5


def test_a_batch_that_does_not_fit_is_looked_at_in_halves(shared, ask, monkeypatch):
    wanted = probed(shared, ask())
    asked = StableDiffusion._asked

    def tight(engine, jobs, *told):
        if len(jobs) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return asked(engine, jobs, *told)

    monkeypatch.setattr(StableDiffusion, "_asked", tight)
    found = probed(LocalRenderer(CPU, batch=4), ask())
    close(found.levels[1].maps, wanted.levels[1].maps)

    def none(engine, jobs, *told):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(StableDiffusion, "_asked", none)
    with pytest.raises(BlockweightError, match="does not fit into the memory"):
        probed(LocalRenderer(CPU, batch=4), ask())


def test_in_half_precision_every_batch_has_the_source_to_compare_with(ask):
    asked = ask((1,), changes=({"IN04": 0.5}, {}, {"OUT05": 0.0}, {}))
    found = probed(LocalRenderer(CPU, batch=3, dtype=torch.bfloat16), asked)
    assert found.levels[0].maps[1].max() == found.levels[0].maps[3].max() == 0
    assert found.levels[0].maps[2].max() > 0
    assert found.calls == asked.calls() + 2 * 2, "the source is in three batches of three"


def test_weights_that_make_no_numbers_are_refused(shared, ask):
    with pytest.raises(BlockweightError, match="not a number"):
        probed(
            shared,
            ask(
                (0,),
                changes=({"OUT05": 6e4, "IN04": 6e4, "OUT08": -6e4, "M00": 6e4, "OUT04": 6e4},) * 2,
                cfg_scale=1e38,
            ),
        )


def test_who_watches_can_end_it(shared, ask):
    class Enough(Exception):
        pass

    told: list[Step] = []

    def watch(step: Step) -> None:
        told.append(step)
        if len(told) == 3:
            raise Enough

    with pytest.raises(Enough):
        list(shared.probe([ask()], watch))
    assert [step.done for step in told] == [10, 12, 14]
    assert told[0].of == ask().calls()


def test_the_key_is_that_of_what_decides_the_answer(ask, tiny):
    one = ask()
    assert one.key == ask().key
    renamed = replace(one, scene=replace(one.scene, label="other"), source=replace(one.source, label="other"))
    assert renamed.key == one.key
    others = [ask((0, 1)), ask(decode=True), ask(changes=CHANGES[::-1]), ask(seed=4), ask(pairs=(Pair(0, 2, 3),))]
    assert len({each.key for each in (one, *others)}) == 6


def test_a_renderer_of_finished_pictures_alone_cannot_be_probed(shared):
    class Pictures:
        capabilities = shared.capabilities
        check = shared.check
        render = shared.render

    assert prober_of(shared) is shared
    with pytest.raises(BlockweightError, match="--renderer local, or --method eba"):
        prober_of(Pictures())


def test_the_fake_answers_by_its_pictures(tiny):
    layout = weights().layout
    plain = uniform("source", layout, 1.0)
    changed = (Variant("a", plain.with_weights({"IN04": 0.5})), Variant("b", plain.with_weights({"IN04": 0.0})))
    asked = ProbeAsk(
        tiny.scene(width=64, height=64), tiny.locon, Variant("source", plain), changed, (1, 2), decode=True
    )
    (found,) = FakeRenderer().probe([asked])
    (again,) = FakeRenderer().probe([asked])
    one, other = found.levels[0].maps
    assert 0 < one.max() < other.max()
    assert np.array_equal(found.levels[1].maps, again.levels[0].maps)
    assert found.levels[0].pictures[0].shape == (64, 64, 3)
    assert found.calls == asked.calls()
