from __future__ import annotations

import copy
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_loras
import tiny_models
import torch
from safetensors.numpy import load_file, save_file
from tiny_loras import FULL, SHORT, weights
from tiny_scenes import different, same, use

from blockweight.errors import BlockweightError
from blockweight.lora import bake
from blockweight.plan import Hires, LoraUse, Variant, plan_block_analysis
from blockweight.render import RenderingError, Step, identify_checkpoint
from blockweight.render.local import LocalRenderer, texts
from blockweight.render.local.earlier import EARLIER_SAMPLERS, make_scheduler
from blockweight.render.local.stable_diffusion import StableDiffusion

CPU = torch.device("cpu")


def loaded(renderer, tiny):
    return renderer._engine(tiny.checkpoint).pipeline


def test_live_pictures_equal_those_of_the_baked_file_with_all_ones(tiny, shared, draw, tmp_path):
    chosen = [weights(7, rest=0.25), weights(8, rest=-1.0), weights(IN04=0, OUT05=-0.5, BASE=0.35)]
    live = draw(shared, [tiny.job(w) for w in chosen])
    for number, w in enumerate(chosen):
        baked = tmp_path / f"{number}.safetensors"
        bake(Path(tiny.locon.path), w, baked)
        found = draw(shared, [tiny.job(weights(), use(baked))])
        same(found, (live[0][number : number + 1], live[1][number : number + 1]))


def test_live_pictures_equal_those_of_a_model_with_the_weights_merged_in(tiny, shared, draw, fresh, tmp_path):
    chosen = weights(11, rest=-0.5)
    merged = copy.deepcopy(fresh)
    tiny_loras.merge(merged, Path(tiny.locon.path), chosen, 0.75)
    checkpoint = identify_checkpoint(tiny_models.save_folder(merged, tmp_path / "merged"))
    live = draw(shared, [tiny.job(chosen, replace(tiny.locon, strength=0.75))])
    same(live, draw(LocalRenderer(CPU), [tiny.job(None, checkpoint=checkpoint)]))
    different(live, draw(shared, [tiny.job(None)]))


def test_a_batch_equals_its_jobs_one_by_one_whatever_differs_between_them(tiny, shared, draw):
    jobs = [
        tiny.job(weights(1), seed=1),
        tiny.job(weights(2, rest=-1.0), seed=2, prompt="1girl, pink hair", negative_prompt="hood"),
        tiny.job(None, seed=3),
        tiny.job(weights(3, BASE=0.0), seed=1, prompt=""),
        tiny.job(weights(3, BASE=-0.75), seed=1),
        tiny.job(weights(fill=0.0, rest=0.0), seed=3),
    ]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        # A renderer of its own, which can have remembered nothing of the others.
        same(draw(LocalRenderer(CPU), [job]), [part[number : number + 1] for part in together])
    same(draw(LocalRenderer(CPU, batch=4), jobs), together)
    for one in range(len(jobs)):
        for other in range(one):
            if (one, other) != (5, 2):
                different([part[one] for part in together], [part[other] for part in together])
    assert torch.equal(together[1][5], together[1][2]), "all weights 0 is the picture without the LoRA"


def test_the_sign_of_the_strength_is_the_sign_of_every_weight(tiny, shared, draw):
    chosen = weights(4, rest=0.5)
    turned = replace(chosen, values=tuple(-v for v in chosen.values), rest=-0.5)
    same(draw(shared, [tiny.job(chosen, replace(tiny.locon, strength=-1.0))]), draw(shared, [tiny.job(turned)]))


def test_modules_without_a_block_follow_the_rest_weight(tiny, shared, draw):
    jobs = [tiny.job(weights(fill=0.0, rest=rest)) for rest in (0.0, 1.0, -1.0)]
    plain, full, turned = ([part[n] for part in draw(shared, jobs)] for n in range(3))
    different(full, plain)
    different(turned, plain)
    different(full, turned)


@pytest.mark.parametrize("sampler", EARLIER_SAMPLERS)
@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_a_scene_without_a_schedule_is_drawn_as_diffusers_own_pipeline_draws(tiny, shared, draw, sampler, guidance):
    job = tiny.job(None, sampler=sampler, cfg_scale=guidance, steps=4, negative_prompt="hood", seed=6)
    found = draw(shared, [job])
    shared._shelf.clear()
    pipeline = copy.copy(loaded(shared, tiny))
    pipeline.scheduler = make_scheduler(sampler, pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(6)
    noise = torch.randn(1, 4, 8, 8, generator=generator)
    wanted = pipeline(
        "1girl, red dress",
        negative_prompt="hood",
        num_inference_steps=4,
        guidance_scale=guidance,
        latents=noise,
        generator=generator,
        output_type="latent",
    ).images
    assert float((found[1] - wanted).norm() / wanted.norm()) < 1e-4


@pytest.mark.parametrize("sampler", EARLIER_SAMPLERS)
def test_every_sampler_draws_with_one_step_and_with_many(tiny, shared, draw, sampler):
    for steps in (1, 16):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            pictures, latents = draw(shared, [tiny.job(weights(1), steps=steps, sampler=sampler)])
        assert latents.isfinite().all()
        assert pictures.shape == (1, 16, 16, 3)
        assert pictures.std() > 5


def test_samplers_draw_different_pictures(tiny, shared, draw):
    found = [draw(shared, [tiny.job(None, sampler=name, steps=5)]) for name in EARLIER_SAMPLERS]
    for number, one in enumerate(found):
        for other in found[:number]:
            different(one, other)


def test_a_models_own_scheduler_settings_do_not_change_what_a_sampler_is(tiny):
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
    odd = {**config, "use_karras_sigmas": True, "timestep_spacing": "leading", "final_sigmas_type": "sigma_min"}
    for name in EARLIER_SAMPLERS:
        plain, other = make_scheduler(name, config), make_scheduler(name, odd)
        plain.set_timesteps(7)
        other.set_timesteps(7)
        assert plain.timesteps.tolist() == other.timesteps.tolist()


def test_guidance_of_one_needs_no_negative_prompt_and_half_the_work(tiny, shared, draw):
    sizes: list[int] = []
    handle = loaded(shared, tiny).unet.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    try:
        plain = draw(shared, [tiny.job(None, cfg_scale=1.0)])
        same(draw(shared, [tiny.job(None, cfg_scale=1.0, negative_prompt="hood")]), plain)
        assert set(sizes) == {1}
        draw(shared, [tiny.job(None, cfg_scale=0.5)])
        assert sizes[-1] == 2
    finally:
        handle.remove()


@pytest.mark.parametrize("size", [(48, 16), (24, 18), (6, 40)])
def test_pictures_need_not_be_square_nor_latents_be_halved_evenly(tiny, shared, draw, size):
    width, height = size
    pictures, _ = draw(shared, [tiny.job(weights(), width=width, height=height)])
    assert pictures.shape == (1, height, width, 3)


def test_text_is_encoded_once_for_all_variants_that_share_base(tiny):
    renderer = LocalRenderer(CPU, batch=5)
    calls: list[int] = []
    loaded(renderer, tiny).text_encoder.register_forward_hook(lambda _, args, out: calls.append(1))
    plan = plan_block_analysis(FULL, FULL.blocks, 0.5, 1.0)
    jobs = [tiny.job(variant.weights, steps=1) for variant in plan.variants()]
    assert len(list(renderer.render(jobs))) == 27
    assert len(calls) == 4, "two prompts, with BASE at 1 and at 0.5"
    list(renderer.render([tiny.job(weights(IN04=seed), steps=1, seed=seed) for seed in (2, 3)]))
    assert len(calls) == 4
    list(renderer.render([tiny.job(None, steps=1)]))
    assert len(calls) == 6
    list(renderer.render([tiny.job(weights(BASE=0.0), steps=1)]))
    assert len(calls) == 6, "a text encoder at weight 0 is the model's own"


def test_a_lora_that_leaves_the_text_encoder_alone_shares_its_embeddings(tiny, tmp_path):
    tensors = {key: value for key, value in load_file(tiny.standard.path).items() if "lora_te" not in key}
    save_file(tensors, tmp_path / "unet.safetensors")
    renderer = LocalRenderer(CPU)
    calls: list[int] = []
    loaded(renderer, tiny).text_encoder.register_forward_hook(lambda _, args, out: calls.append(1))
    unet_only = use(tmp_path / "unet.safetensors")
    list(renderer.render([tiny.job(w, unet_only, steps=1) for w in (None, weights(), weights(BASE=0.3, rest=0.5))]))
    assert len(calls) == 2


def test_no_more_embeddings_are_kept_than_is_said(tiny, monkeypatch, draw):
    monkeypatch.setattr(texts, "CAPACITY", 3)
    renderer = LocalRenderer(CPU)
    jobs = [tiny.job(weights(1), prompt=f"1girl, {colour} hair", steps=1) for colour in ("red", "blue", "pink", "mint")]
    found = draw(renderer, jobs)
    assert len(renderer._engine(tiny.checkpoint)._texts._kept) == 3
    same(draw(LocalRenderer(CPU, batch=1), jobs), found)


def test_rendering_leaves_the_models_weights_as_they_were(tiny, draw):
    renderer = LocalRenderer(CPU)
    pipeline = loaded(renderer, tiny)
    before = {n: {k: v.clone() for k, v in getattr(pipeline, n).state_dict().items()} for n in tiny_models.PARTS}
    draw(renderer, [tiny.job(weights(1)), tiny.job(weights(2))])
    draw(renderer, [tiny.job(weights(3), tiny.standard)])
    assert loaded(renderer, tiny) is pipeline
    draw(renderer, [tiny.job(None)])
    renderer._shelf.clear()
    for name, state in before.items():
        after = getattr(pipeline, name).state_dict()
        assert all(torch.equal(after[key], value) for key, value in state.items())
    assert not any(layer._forward_hooks for part in tiny_models.PARTS for layer in getattr(pipeline, part).modules())


def test_two_loras_in_turn_do_not_mix(tiny, shared, draw):
    locon = draw(shared, [tiny.job(weights(1))])
    standard = draw(shared, [tiny.job(weights(1), tiny.standard)])
    different(locon, standard)
    mixed = draw(shared, [tiny.job(weights(1)), tiny.job(weights(1), tiny.standard), tiny.job(weights(1))])
    for number, wanted in enumerate((locon, standard, locon)):
        same([part[number : number + 1] for part in mixed], wanted)
    plain = draw(LocalRenderer(CPU), [tiny.job(None)])
    same(draw(shared, [tiny.job(None, tiny.standard)]), plain)


def test_two_models_in_turn_do_not_mix_and_only_one_stays_in_memory(tiny, shared, draw, tmp_path):
    other = identify_checkpoint(tiny_models.save_folder(tiny_models.pipeline(seed=1), tmp_path / "other"))
    renderer = LocalRenderer(CPU)
    jobs = [tiny.job(weights(1)), tiny.job(weights(1), checkpoint=other), tiny.job(weights(2))]
    found = draw(renderer, jobs)
    same([part[[0, 2]] for part in found], draw(shared, [jobs[0], jobs[2]]))
    same([part[[1]] for part in found], draw(LocalRenderer(CPU), [jobs[1]]))
    assert renderer._loaded is not None


def test_a_finished_batch_is_left_out_and_a_begun_one_gives_the_same_pictures_to_the_last_bit(tiny, draw):
    jobs = [tiny.job(weights(seed, BASE=seed % 2), seed=seed) for seed in range(7)]
    whole = {r.job.key: r.picture for r in LocalRenderer(CPU, batch=3).render(jobs)}
    finished = {job.key for job in jobs[:4]}
    again = {r.job.key: r.picture for r in LocalRenderer(CPU, batch=3).render(jobs, finished)}
    assert again.keys() == {job.key for job in jobs[3:]}
    assert all(np.array_equal(again[key], whole[key]) for key in again)
    assert not list(LocalRenderer(CPU, batch=3).render(jobs, set(whole)))


def test_each_picture_of_a_batch_says_how_many_of_it_follow(tiny):
    jobs = [tiny.job(None, seed=seed) for seed in range(5)]
    assert [made.batch_left for made in LocalRenderer(CPU, batch=3).render(jobs)] == [2, 1, 0, 1, 0]


def test_rendering_is_lazy(tiny):
    renderer = LocalRenderer(CPU, batch=1)
    steps: list[int] = []
    loaded(renderer, tiny).unet.register_forward_hook(lambda *_: steps.append(1))
    rest = renderer.render([tiny.job(None, seed=seed) for seed in range(4)])
    assert not steps
    next(rest)
    assert len(steps) == 3
    rest.close()
    assert len(steps) == 3


SCHEDULED = {"sampler": "DPM++ 2M", "scheduler": "Karras"}
REFUSED = {
    "width": ({"width": 23}, "23×16 pixels cannot be drawn .* multiples of 2: the nearest size is 24x16"),
    "height": ({"height": 0}, "16×0 pixels cannot be drawn"),
    "sampler": ({"sampler": "Euler A"}, "names no schedule type, so its sampler must be one of DPM.*DDIM, without"),
    "a schedule that is wanted": ({"hires": Hires()}, "names no schedule type"),
    "sampler with a schedule": ({**SCHEDULED, "sampler": "DPM fast"}, "no sampler 'DPM fast' here; use one of: DPM"),
    "schedule type": ({**SCHEDULED, "scheduler": "Best"}, "no schedule type 'Best' here; use one of: Uniform"),
    "DDIM's schedule": ({"sampler": "DDIM", "scheduler": "Karras"}, "'Karras' here; use one of: Automatic"),
    "noise source": ({**SCHEDULED, "noise_source": "dice"}, "no noise source 'dice' here; use one of: CPU, GPU, NV"),
    "variation strength": ({**SCHEDULED, "variation_strength": 1.5}, "variation strength must be .* 0 to 1, not 1.5"),
    "variation seed": ({**SCHEDULED, "variation_seed": -1}, "variation seed must be .* not -1"),
    "eta": ({**SCHEDULED, "eta": float("nan")}, "eta must be .* not nan"),
    "upscaler": ({**SCHEDULED, "hires": Hires("ESRGAN")}, "no upscaler 'ESRGAN' here; use one of: Latent"),
    "hires scale": ({**SCHEDULED, "hires": Hires(scale=float("inf"))}, "must be finite, not inf times"),
    "hires size": (
        {**SCHEDULED, "hires": Hires(scale=1000)},
        "would make 16000×16000 pixels; choose a size .* 8 to 8192",
    ),
    "hires size of none": ({**SCHEDULED, "hires": Hires(scale=0.1)}, "would make 0×0 pixels"),
    "hires steps": ({**SCHEDULED, "hires": Hires(steps=-1)}, "takes 0 to 1000 steps, not -1"),
    "hires denoising": ({**SCHEDULED, "hires": Hires(denoising=2)}, "strength of the hires pass must be .* not 2"),
    "hires steps of many": ({**SCHEDULED, "hires": Hires(denoising=0.001)}, "3 steps at a denoising strength of 0.001"),
    "UniPC's steps": ({"sampler": "UniPC", "scheduler": "Automatic", "steps": 2}, "UniPC needs 3 steps, 4 in a hires"),
    "UniPC's hires steps": ({"sampler": "UniPC", "scheduler": "Automatic", "hires": Hires()}, "UniPC needs 3 steps"),
    "steps": ({"steps": 0}, "1 to 1000 steps, not 0"),
    "distilled guidance": ({"guidance": 3.5}, "has a distilled CFG scale, which Stable Diffusion has not"),
    "guidance": ({"cfg_scale": float("nan")}, "guidance .* not nan"),
    "seed": ({"seed": -1}, "seed must be .* not -1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_scene_that_cannot_be_drawn_is_refused_before_any_work(tiny, shared, what):
    change, message = REFUSED[what]
    with pytest.raises(BlockweightError, match=message):
        shared.check([tiny.job(weights()), tiny.job(weights(), **change)])


def test_loras_that_cannot_be_used_are_refused_before_any_work(tiny, shared, tmp_path):
    path = tmp_path / "lora.safetensors"
    tensors = load_file(tiny.standard.path)
    save_file({key: np.repeat(v, 2, 1) if "lora_down" in key else v for key, v in tensors.items()}, path)
    with pytest.raises(BlockweightError, match="made for another model"):
        shared.check([tiny.job(None), tiny.job(weights(), use(path))])
    with pytest.raises(BlockweightError, match="has changed since"):
        shared.check([tiny.job(weights(), LoraUse(tiny.locon.path, "0" * 64))])
    with pytest.raises(BlockweightError, match="no file"):
        shared.check([tiny.job(weights(), LoraUse(str(tmp_path / "none.safetensors"), "0" * 64))])
    with pytest.raises(BlockweightError, match=r"strength of 'locon.safetensors' must be a finite"):
        shared.check([tiny.job(weights(), replace(tiny.locon, strength=float("inf")))])
    with pytest.raises(BlockweightError, match=r"weight of M00 times the strength is 1e\+300 in 'variant'"):
        shared.check([tiny.job(weights(M00=-1e150), replace(tiny.locon, strength=1e150))])
    with pytest.raises(BlockweightError, match=r"blocks IN00, IN03.* 17 weights of 'variant' do not name"):
        shared.check([tiny.job(weights(layout=SHORT))])
    shared.check([tiny.job(weights(layout=SHORT), tiny.standard), tiny.job(weights())])


@pytest.fixture
def huge(tiny, tmp_path) -> LoraUse:
    """A LoRA whose pictures are no numbers."""
    tensors = load_file(tiny.standard.path)
    path = tmp_path / "huge.safetensors"
    save_file({key: v * np.float32(1e30) if "lora_up" in key else v for key, v in tensors.items()}, path)
    return use(path)


def test_a_picture_that_is_no_picture_is_named_at_the_end_and_the_others_are_made(tiny, huge, draw):
    jobs = [tiny.job(None), tiny.job(weights(), huge, "a"), tiny.job(weights(fill=0.0, rest=0.0), huge, "0")]
    renderer, made = LocalRenderer(CPU, batch=3), []
    renderer.check(jobs)
    with pytest.raises(RenderingError, match=r"'a' of the scene 'scene' came out as .* not a number") as error:
        made.extend(renderer.render(jobs))
    assert {rendering.job.variant.label for rendering in made} == {"variant", "0"}
    assert [rendering.batch_left for rendering in made][-1] == 0
    assert [failure.job for failure in error.value.failures] == [jobs[1]]


def test_a_picture_that_failed_but_is_finished_is_no_failure(tiny, huge):
    jobs = [tiny.job(weights(fill=0.0, rest=0.0), huge, "0", seed=seed) for seed in (1, 2)]
    jobs.append(tiny.job(weights(), huge, "a"))
    assert len(list(LocalRenderer(CPU).render(jobs, {jobs[2].key}))) == 2


def test_several_failures_are_counted_and_the_first_is_told(tiny, huge):
    with pytest.raises(RenderingError, match=r"^2 pictures could not be made; of the first: The picture 'a' of the"):
        list(LocalRenderer(CPU).render([tiny.job(weights(), huge, "a"), tiny.job(weights(1), huge, "b")]))


def test_a_lora_that_vanishes_ends_its_own_pictures_only(tiny, tmp_path):
    path = Path(shutil.copy(tiny.standard.path, tmp_path / "gone.safetensors"))
    jobs = [tiny.job(weights(), use(path)), tiny.job(weights(1))]
    renderer = LocalRenderer(CPU)
    renderer.check(jobs)
    path.unlink()
    renderer._shelf.clear()
    made = []
    with pytest.raises(RenderingError, match=r"gone\.safetensors") as error:
        made.extend(renderer.render(jobs))
    assert [rendering.job for rendering in made] == jobs[1:]
    assert [failure.job for failure in error.value.failures] == jobs[:1]


def too_large_for(monkeypatch, most):
    """Let batches of more than `most` pictures run out of memory; the sizes that are tried."""
    tried = []
    denoise = StableDiffusion._denoise

    def bounded(engine, jobs, live, stepped):
        tried.append(len(jobs))
        if len(jobs) > most:
            raise RuntimeError("CUDA out of memory")
        return denoise(engine, jobs, live, stepped)

    monkeypatch.setattr(StableDiffusion, "_denoise", bounded)
    return tried


def test_a_batch_that_is_too_large_is_halved_and_nothing_is_lost(tiny, monkeypatch):
    jobs = [tiny.job(weights(seed), seed=seed) for seed in range(7)]
    wanted = {r.job.key: r.picture for r in LocalRenderer(CPU, batch=2).render(jobs)}
    tried = too_large_for(monkeypatch, 2)
    renderer = LocalRenderer(CPU)
    found = {r.job.key: r.picture for r in renderer.render(jobs)}
    assert tried == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert found.keys() == wanted.keys()
    assert all(np.abs(found[key].astype(int) - wanted[key]).max() <= 1 for key in wanted)
    tried.clear()
    list(renderer.render(jobs))
    assert set(tried) == {1}, "what was too large is not tried again"


def test_every_step_of_both_passes_is_told_and_can_end_the_rendering(tiny):
    scene = {"sampler": "DPM++ 2M", "scheduler": "Karras", "steps": 3, "hires": Hires(steps=2)}
    jobs = [tiny.job(None, seed=seed, **scene) for seed in range(2)]
    told: list[Step] = []
    made = list(LocalRenderer(CPU).render(jobs, {jobs[0].key}, told.append))
    assert len(made) == 2
    assert told == [Step(1, done, 5) for done in (1, 2, 3, 4, 5)]

    def stop(step):
        if step.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(LocalRenderer(CPU).render(jobs, (), stop))


@pytest.mark.parametrize("error", [BlockweightError("The disk is full."), MemoryError(), RuntimeError("out of memory")])
def test_what_somebody_who_watches_raises_ends_the_rendering_whatever_it_is(tiny, error):
    told: list[Step] = []

    def stop(step):
        told.append(step)
        raise error

    with pytest.raises(type(error)) as caught:
        list(LocalRenderer(CPU, batch=1).render([tiny.job(None, seed=seed) for seed in range(2)], (), stop))
    assert (caught.value, len(told)) == (error, 1)


def test_an_autoencoder_that_overflows_in_half_precision_calculates_in_full(tiny, draw):
    renderer = LocalRenderer(CPU)
    vae = loaded(renderer, tiny).vae
    wanted = draw(renderer, [tiny.job(weights(1))])
    vae.bfloat16()
    decode = vae.decode

    def overflowing(latents):
        out = decode(latents)
        return type(out)(sample=out.sample * float("nan")) if latents.dtype == torch.bfloat16 else out

    vae.decode = overflowing
    found = draw(renderer, [tiny.job(weights(1))])
    assert vae.dtype == torch.float32
    same(found, wanted, levels=3)


def test_labels_play_no_part(tiny, shared, draw):
    job = tiny.job(weights(1))
    renamed = replace(job, scene=replace(job.scene, label="x"), variant=Variant("y", job.variant.weights))
    assert np.array_equal(draw(shared, [job])[0], draw(shared, [renamed])[0])


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried …"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "mps", "cublas", "python"],
)
def test_memory_that_runs_out_is_told_in_a_sentence_on_every_device(tiny, monkeypatch, error):
    renderer = LocalRenderer(torch.device("cpu"))

    def fail(*_):
        raise error

    monkeypatch.setattr(StableDiffusion, "_denoise", fail)
    with pytest.raises(RenderingError, match="16×16 pixels does not fit into the memory of cpu; render smaller"):
        list(renderer.render([tiny.job(None)]))


def test_another_fault_of_the_library_is_not_taken_for_want_of_memory(tiny, monkeypatch):
    renderer = LocalRenderer(torch.device("cpu"))

    def fail(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(StableDiffusion, "_denoise", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(renderer.render([tiny.job(None)]))
