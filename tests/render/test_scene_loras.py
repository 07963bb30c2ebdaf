"""Scenes with further LoRAs, ranges of steps and strengths of text encoders, drawn by the local renderer."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_loras
import tiny_models
import torch
from safetensors.numpy import load_file, save_file
from tiny_loras import SHORT, weights
from tiny_scenes import different, same, use

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.plan import Hires, LoraUse, OtherLora
from blockweight.render import identify_checkpoint
from blockweight.render.local import LiveLora, LocalRenderer
from blockweight.render.local.asked import Asked
from blockweight.render.local.live_loras import LiveLoras
from blockweight.weights import BlockWeights

CPU = torch.device("cpu")
NOTHING = weights(fill=0.0, rest=0.0)


@pytest.fixture
def other(tiny):
    """other(weights, **of the use) → the standard LoRA beside the one that is tuned."""

    def make(chosen=None, lora: LoraUse | None = None, **changes) -> OtherLora:
        chosen = weights(2, BASE=0.6) if chosen is None else chosen
        return OtherLora(replace(lora or tiny.standard, **changes), chosen)

    return make


@pytest.fixture
def asked(monkeypatch):
    """What the UNet is shown each time that it is asked, picture after picture."""
    latents: list[torch.Tensor] = []
    own = Asked.__call__

    def seen(model, shown, timestep, count):
        latents.append(shown.clone())
        return own(model, shown, timestep, count)

    monkeypatch.setattr(Asked, "__call__", seen)
    return latents


def trajectory(asked, renderer, job) -> list[torch.Tensor]:
    asked.clear()
    list(renderer.render([job]))
    return list(asked)


def merged_model(fresh, folder: Path, *parts):
    """A checkpoint with LoRAs in its own weights: (file, weights, strength) each."""
    model = copy.deepcopy(fresh)
    for path, chosen, strength in parts:
        tiny_loras.merge(model, Path(path), chosen, strength)
    return identify_checkpoint(tiny_models.save_folder(model, folder))


@pytest.mark.parametrize("tuned", [weights(11, rest=-0.5), None], ids=["beside the tuned one", "without it"])
def test_all_loras_of_a_scene_are_in_its_pictures_as_if_they_were_merged(
    tiny, shared, draw, fresh, tmp_path, other, tuned
):
    loras = (other(weights(2), strength=0.7), other(weights(3, rest=0.4), tiny.locon, strength=-0.5))
    own = [] if tuned is None else [(tiny.locon.path, tuned, 1.0)]
    checkpoint = merged_model(
        fresh, tmp_path / "merged", *own, *((each.use.path, each.weights, each.use.strength) for each in loras)
    )
    found = draw(shared, [tiny.job(tuned, loras=loras)])
    same(found, draw(LocalRenderer(CPU), [tiny.job(None, checkpoint=checkpoint)]))
    different(found, draw(shared, [tiny.job(tuned)]))


def test_a_batch_with_other_loras_equals_its_jobs_one_by_one(tiny, shared, draw, other):
    loras = (other(), other(weights(5), tiny.locon, strength=0.3))
    jobs = [tiny.job(chosen, seed=seed, loras=loras) for seed, chosen in enumerate([weights(1), None, NOTHING])]
    jobs.append(tiny.job(weights(1, BASE=0.0), prompt="1girl, pink hair", loras=loras))
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        same(draw(LocalRenderer(CPU), [job]), [part[number : number + 1] for part in together])
    assert torch.equal(*(draw(shared, [replace(jobs[1], variant=v.variant)])[1] for v in jobs[1:3]))


@pytest.mark.parametrize("changes", [{"strength": 0.0}, {"weights": NOTHING}], ids=lambda changes: next(iter(changes)))
def test_another_lora_without_weight_changes_no_bit(tiny, shared, draw, other, changes):
    chosen = changes.get("weights")
    idle = other(chosen) if chosen is not None else other(**changes)
    jobs = [tiny.job(weights(1)), tiny.job(weights(2)), tiny.job(None)]
    beside = [replace(job, scene=replace(job.scene, loras=(idle,))) for job in jobs]
    assert torch.equal(draw(shared, beside)[1], draw(shared, jobs)[1])


def test_jobs_with_other_loras_in_turn_do_not_mix(tiny, shared, draw, other):
    scenes = [(), (other(),), (other(strength=0.4),), (other(weights(7)),), (other(start=3),)]
    jobs = [tiny.job(weights(1), loras=loras) for loras in scenes]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        same(draw(LocalRenderer(CPU), [job]), [part[number : number + 1] for part in together])
    for one in range(len(jobs)):
        for before in range(one):
            different([part[one] for part in together], [part[before] for part in together])


def test_a_lora_that_the_next_scene_wants_too_is_not_read_again(tiny, other, monkeypatch):
    read = []
    start = LiveLora.__init__
    monkeypatch.setattr(
        LiveLora, "__init__", lambda live, lora, *a: (read.append(lora.path.name), start(live, lora, *a))[1]
    )
    renderer = LocalRenderer(CPU)
    scenes = [(other(),), (other(strength=0.5),), (), (other(), other(weights(3), tiny.locon))]
    jobs = [tiny.job(weights(1), loras=loras, seed=seed) for loras in scenes for seed in (1, 2)]
    renderer.check(jobs)
    assert sorted(read) == ["locon.safetensors", "standard.safetensors"]
    read.clear()
    list(renderer.render(jobs))
    assert len(read) <= 1, "the scene without another LoRA comes first or last"


def test_the_order_in_which_batches_came_decides_no_bit(tiny, draw, other):
    first, second = (
        tiny.job(weights(1), loras=loras) for loras in ((other(),), (other(), other(weights(4), tiny.locon)))
    )
    renderer = LocalRenderer(CPU)
    draw(renderer, [tiny.job(weights(3), tiny.standard)])
    found = draw(renderer, [second])[1]
    draw(renderer, [first])
    assert torch.equal(draw(renderer, [second])[1], found)
    assert torch.equal(draw(LocalRenderer(CPU), [second])[1], found)


def test_text_encoders_have_the_text_strength_and_the_denoiser_the_other(tiny, shared, draw, tmp_path):
    tensors = load_file(tiny.locon.path)
    halves = []
    for name, texts in (("texts", True), ("denoiser", False)):
        path = tmp_path / f"{name}.safetensors"
        save_file({key: value for key, value in tensors.items() if key.startswith("lora_te") is texts}, path)
        halves.append(use(path, -0.4 if texts else 0.9))
    chosen = weights(1, BASE=0.8)
    split = replace(tiny.locon, strength=0.9, text_strength=-0.4)
    found = draw(shared, [tiny.job(chosen, split)])
    both = tuple(OtherLora(half, chosen) for half in halves)
    same(found, draw(shared, [tiny.job(None, loras=both)]))
    same(found, draw(shared, [tiny.job(None, loras=(OtherLora(split, chosen),))]))
    different(found, draw(shared, [tiny.job(chosen, replace(tiny.locon, strength=0.9))]))


@pytest.mark.parametrize("tuned", [True, False], ids=["tuned", "another"])
class TestRanges:
    """Of the LoRA that is tuned, and of another."""

    @pytest.fixture
    def job(self, tiny, tuned):
        def make(steps=6, sampler="Euler", scheduler="Karras", chosen=None, **changes):
            given = replace(tiny.locon, **changes)
            chosen = weights(1, BASE=0.8) if chosen is None else chosen
            plain = {"steps": steps, "sampler": sampler, "scheduler": scheduler}
            if tuned:
                return tiny.job(chosen, given, **plain)
            return tiny.job(None, loras=(OtherLora(given, chosen),), **plain)

        return make

    def test_from_the_first_step_to_the_end_is_always(self, shared, draw, job):
        assert torch.equal(draw(shared, [job(start=1, stop=None)])[1], draw(shared, [job()])[1])

    def test_stopped_at_the_first_step_it_is_in_texts_alone(self, shared, draw, job):
        found = draw(shared, [job(stop=1)])
        assert torch.equal(found[1], draw(shared, [job(strength=0.0, text_strength=1.0)])[1])
        different(found, draw(shared, [job(chosen=NOTHING)]))
        different(found, draw(shared, [job()]))

    @pytest.mark.parametrize(
        ("sampler", "scheduler", "first"),
        [("Euler", "Karras", 3), ("DPM++ 2M Karras", "", 3), ("DDIM", "Automatic", 3), ("Heun", "Karras", 5)],
    )
    def test_it_begins_when_the_webui_has_counted_the_step(self, shared, job, asked, sampler, scheduler, first):
        """`state.sampling_step` is that of the step before: N − 1 when the model is asked for the (N + 1)-th time, or
        for the second time in the N-th step."""
        given = {"sampler": sampler, "scheduler": scheduler}
        late = trajectory(asked, shared, job(start=3, **given))
        off = trajectory(asked, shared, job(strength=0.0, text_strength=1.0, **given))
        assert len(late) == len(off) > first + 1
        equal = [torch.equal(one, other) for one, other in zip(late, off, strict=True)]
        assert equal == [True] * (first + 1) + [False] * (len(off) - first - 1)

    def test_it_ends_when_the_webui_has_counted_the_step(self, shared, job, asked):
        stopped = trajectory(asked, shared, job(stop=3))
        whole = trajectory(asked, shared, job())
        assert [torch.equal(*each) for each in zip(stopped, whole, strict=True)] == [True] * 4 + [False] * 2

    def test_a_range_of_no_step_that_is_drawn_changes_nothing_but_texts(self, shared, draw, job):
        found = draw(shared, [job(start=6)])[1]
        assert torch.equal(found, draw(shared, [job(stop=1)])[1])

    def test_the_hires_pass_counts_anew(self, tiny, shared, job, asked):
        def with_hires(made):
            return replace(made, scene=replace(made.scene, hires=Hires(steps=4, denoising=0.7)))

        stopped = trajectory(asked, shared, with_hires(job(stop=3)))
        off = trajectory(asked, shared, with_hires(job(stop=1)))
        assert [len(stopped), len(off)] == [10, 10]
        assert not torch.equal(stopped[-1], off[-1])


def test_ranges_differ_in_one_picture(tiny, shared, draw, other):
    """The tuned one ends where another begins."""
    job = tiny.job(
        weights(1), replace(tiny.locon, stop=3), steps=6, sampler="Euler", scheduler="Karras", loras=(other(start=3),)
    )
    found = draw(shared, [job])
    same(draw(LocalRenderer(CPU), [job]), found)
    for lora, beside in ((tiny.locon, job.scene.loras), (job.lora, (other(),))):
        different(found, draw(shared, [replace(job, lora=lora, scene=replace(job.scene, loras=beside))]))


REFUSED = {
    "another family": ({}, {"layout": "flux1"}, r"weights of 'standard.safetensors' are of the family flux1"),
    "a strength that is no number": ({"strength": float("nan")}, {}, r"strength of 'standard.safetensors' must be"),
    "a text strength that is no number": ({"text_strength": float("inf")}, {}, r"of 'standard.safetensors' must be"),
    "a strength beyond the number format": (
        {"strength": 1e6},
        {},
        r"is 1e\+06 in 'standard.safetensors', and no layer",
    ),
    "a text strength beyond the number format": ({"text_strength": 1e6}, {}, r"is 1e\+06 in 'standard.safetensors'"),
    "a range that ends before it begins": (
        {"start": 5, "stop": 3},
        {},
        r"'standard.safetensors' would start in step 5",
    ),
    "a step before the first": ({"start": 0}, {}, r"the range of 'standard.safetensors' cannot begin or end in step 0"),
    "another file than planned": ({"digest": "0" * 64}, {}, r"standard.safetensors' has changed since"),
    "too few weights": ({"path": "locon"}, {"layout": "short"}, r"locon.safetensors' changes the blocks IN00, "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_another_lora_that_cannot_be_used_is_refused_by_name(tiny, shared, other, case):
    changes, settings, message = REFUSED[case]
    if "path" in changes:
        changes = {"path": tiny.locon.path, "digest": tiny.locon.digest}
    chosen = weights()
    if settings.get("layout") == "short":
        chosen = weights(layout=SHORT)
    elif settings:
        layout = family_by_name("flux1").layout
        chosen = BlockWeights("w", layout, (1.0,) * len(layout))
    with pytest.raises(BlockweightError, match=message):
        shared.check([tiny.job(None, loras=(other(chosen, **changes),))])


def test_another_lora_for_another_model_is_refused_by_name(tiny, shared, other, tmp_path):
    path = tmp_path / "wide.safetensors"
    tensors = load_file(tiny.standard.path)
    save_file({key: np.repeat(v, 2, 1) if "lora_down" in key else v for key, v in tensors.items()}, path)
    with pytest.raises(BlockweightError, match=r"'wide.safetensors' changes .*it was made for another model"):
        shared.check([tiny.job(weights(), loras=(other(lora=use(path)),))])


def test_nothing_of_other_loras_stays_on_the_model(tiny, other):
    renderer = LocalRenderer(CPU)
    pipeline = renderer._engine(tiny.checkpoint).pipeline
    own = {id(value) for part in tiny_models.PARTS for value in getattr(pipeline, part).parameters()}
    list(renderer.render([tiny.job(weights(1), loras=(other(), other(weights(3), tiny.locon, start=2)))]))
    renderer._shelf.clear()
    assert {id(value) for part in tiny_models.PARTS for value in getattr(pipeline, part).parameters()} == own


def test_without_any_lora_there_is_nothing_to_set(tiny):
    loras = LiveLoras()
    loras.set_rows([tiny.job(None)])
    loras.turn(3)
    assert not loras
    assert loras.text_key(tiny.job(None)) == ()
