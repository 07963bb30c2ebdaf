"""The samplers and the hires pass over a real, tiny model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_loras import weights
from tiny_scenes import different, same
from webui_numbers import SD1_BETAS

from blockweight.demo.embedded import SHOWN, lora_file, model_folder
from blockweight.demo.embedded import scene as embedded_scene
from blockweight.lora import open_lora
from blockweight.plan import (
    AUTOMATIC,
    LATENT_UPSCALERS,
    SAMPLERS,
    Hires,
    HiresSize,
    Job,
    LoraUse,
    Variant,
    read_sampler,
)
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer, drawing
from blockweight.render.local.decoding import levels_of
from blockweight.render.local.sampling import Levels, Model, trained_levels
from blockweight.render.local.sampling.upscale import cropped, encoded, enlarged_latents, enlarged_picture

KARRAS = {"sampler": "DPM++ 2M", "scheduler": "Karras"}


def part(found, number: int):
    return tuple(one[number : number + 1] for one in found)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_a_batch_as_its_pictures_one_by_one(tiny, shared, draw, sampler):
    way = {"sampler": sampler, "scheduler": read_sampler(sampler)[1], "steps": 4}
    jobs = [tiny.job(weights(1), seed=1, **way), tiny.job(weights(2), seed=2, prompt="pink hair", **way)]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        same(draw(shared, [job]), part(together, number))
    different(part(together, 0), part(together, 1))


def test_scenes_of_one_noise_and_variation_are_drawn_apart_from_others(tiny, shared, draw):
    plain = tiny.job(None, **KARRAS)
    others = [
        tiny.job(None, **KARRAS, variation_seed=9, variation_strength=0.3),
        tiny.job(None, **KARRAS, noise_source="NV"),
        tiny.job(None, sampler="DPM++ 2M", scheduler="Exponential"),
        tiny.job(None, sampler="DPM++ 2M SDE", scheduler="Karras"),
        tiny.job(None, sampler="DPM++ 2M SDE", scheduler="Karras", eta=0.5),
    ]
    together = draw(shared, [plain, *others])
    for number in range(len(others)):
        different(part(together, number + 1), part(together, 0))
        same(draw(shared, [others[number]]), part(together, number + 1))


def test_the_model_is_asked_at_steps_between_those_that_it_was_trained_with(tiny, shared, draw):
    asked: list[float] = []
    unet = shared._engine(tiny.checkpoint).pipeline.unet
    handle = unet.register_forward_pre_hook(lambda _, args: asked.append(float(args[1])))
    try:
        draw(shared, [tiny.job(None, **KARRAS, steps=4)])
    finally:
        handle.remove()
    assert (asked[0], asked[-1]) == (999, 0)
    assert all(step % 1 for step in asked[1:-1])


@pytest.mark.parametrize("upscaler", LATENT_UPSCALERS)
def test_a_hires_pass_of_no_denoising_is_the_first_latents_enlarged(tiny, shared, draw, upscaler):
    small = draw(shared, [tiny.job(None, **KARRAS)])
    large = draw(shared, [tiny.job(None, **KARRAS, hires=Hires(upscaler, 1.5, denoising=0))])
    assert large[0].shape == (1, 24, 24, 3)
    assert torch.equal(large[1], enlarged_latents(small[1], upscaler, HiresSize(24, 24, 0, 0), 2))


def test_a_pixel_upscaler_enlarges_the_picture_that_the_autoencoder_gives_back():
    model = model_folder()
    lora = lora_file("gobuhime")
    base = replace(embedded_scene(identify_checkpoint(model), SHOWN[1], 3), **KARRAS, steps=4)
    use_of = LoraUse(str(lora), open_lora(lora).digest)
    hires = Hires("Lanczos", 1.5, denoising=0)
    jobs = [Job(one, use_of, Variant("plain", None)) for one in (base, replace(base, hires=hires))]
    found = {rendering.job.key: rendering.picture for rendering in LocalRenderer(torch.device("cpu")).render(jobs)}
    small, large = (found[job.key] for job in jobs)
    assert large.shape == (96, 96, 3)
    assert np.abs(large.astype(float) - enlarged_picture(Image.fromarray(small), "Lanczos", 96, 96)).mean() < 10


def test_a_picture_is_encoded_with_the_first_noise_of_its_seed(tiny, shared):
    vae = shared._engine(tiny.checkpoint).pipeline.vae
    picture = Image.fromarray(np.full((8, 8, 3), 200, np.uint8))
    with torch.inference_mode():
        found = encoded(vae, [picture, picture], [4, 5], "CPU", torch.device("cpu"))
        said = vae.encode(torch.full((1, 3, 8, 8), 2 * 200 / 255 - 1)).latent_dist
    noise = torch.randn((4, 4, 4), generator=torch.Generator().manual_seed(4))
    assert torch.allclose(found[0], (said.mean + said.std * noise)[0] * vae.config.scaling_factor, atol=1e-6)
    assert not torch.equal(found[0], found[1])


def test_a_hires_pass_draws_over_the_first_pictures_of_a_batch_as_one_by_one(tiny, shared, draw):
    hires = Hires("Latent (nearest-exact)", 1.5, steps=2, denoising=0.6)
    jobs = [tiny.job(weights(1), **KARRAS, seed=seed, hires=hires) for seed in (1, 2)]
    together = draw(shared, jobs)
    assert together[0].shape == (2, 24, 24, 3)
    for number, job in enumerate(jobs):
        same(draw(shared, [job]), part(together, number))
    undrawn = [replace(job, scene=replace(job.scene, hires=replace(hires, denoising=0))) for job in jobs]
    different(together, draw(shared, undrawn))


@pytest.mark.parametrize("sampler", ["DDIM", "UniPC", "DPM++ SDE", "LCM"])
def test_samplers_of_every_kind_draw_over(tiny, shared, draw, sampler):
    way = {"sampler": sampler, "scheduler": read_sampler(sampler)[1], "steps": 4}
    found = draw(shared, [tiny.job(None, **way, hires=Hires("Lanczos", width=24, height=32, denoising=0.5))])
    assert found[0].shape == (1, 32, 24, 3)
    assert found[1].isfinite().all()


def test_a_picture_that_is_drawn_over_takes_the_steps_that_were_asked_for(tiny, shared, draw):
    asked: list[float] = []
    unet = shared._engine(tiny.checkpoint).pipeline.unet
    handle = unet.register_forward_pre_hook(lambda _, args: asked.append(float(args[1])))
    try:
        draw(shared, [tiny.job(None, **KARRAS, steps=3, hires=Hires("Latent", 1.5, steps=5, denoising=0.5))])
    finally:
        handle.remove()
    assert len(asked) == 3 + 5
    assert asked[3] < 999


def test_latents_are_enlarged_by_the_mode_of_their_upscaler():
    latents = torch.arange(4.0).reshape(1, 1, 2, 2)
    size = HiresSize(6, 4, 0, 0)
    nearest = enlarged_latents(latents, "Latent (nearest)", size, 2)
    assert nearest.flatten().tolist() == [0, 0, 1, 2, 2, 3]
    exact = enlarged_latents(latents, "Latent (nearest-exact)", size, 2)
    assert exact.flatten().tolist() == [0, 1, 1, 2, 3, 3]
    assert len({tuple(enlarged_latents(latents.roll(1), name, HiresSize(10, 10, 0, 0), 2).flatten().tolist())
                for name in LATENT_UPSCALERS}) >= 4  # fmt: skip


def test_what_is_too_much_is_cut_off_on_both_sides():
    latents = torch.arange(5.0).reshape(1, 1, 1, 5).expand(1, 1, 4, 5)
    found = cropped(latents, HiresSize(40, 32, 3, 0))
    assert found[0, 0, 0].tolist() == [1, 2]
    assert found.shape[2] == 4


def test_pictures_are_enlarged_by_the_filter_of_their_upscaler():
    picture = Image.fromarray(np.array([[[0] * 3, [255] * 3]] * 2, np.uint8))
    assert set(np.unique(enlarged_picture(picture.resize((16, 16), 0), "Nearest", 32, 32))) == {0, 255}
    assert len(np.unique(enlarged_picture(picture.resize((16, 16), 0), "Lanczos", 32, 32))) > 2
    plain = picture.resize((16, 16), 0)
    assert enlarged_picture(plain, "None", 27, 27) == plain.resize((27, 27), Image.Resampling.LANCZOS)
    assert enlarged_picture(plain, "Nearest", 27, 27).size == (27, 27)


def test_levels_are_cut_as_in_the_webui_or_rounded():
    picture = torch.tensor([-1.0, 0.0, 0.999, 1.5]).reshape(1, 1, 1, 4).expand(1, 3, 1, 4)
    assert levels_of(picture, cut=True)[0][0, :, 0].tolist() == [0, 127, 254, 255]
    assert levels_of(picture, cut=False)[0][0, :, 0].tolist() == [0, 128, 255, 255]


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_what_a_model_predicts_is_read_as_one_and_the_same_picture(kind):
    """A model that sees a picture and its noise without error, whatever it was trained to say of them."""
    levels = trained_levels(SD1_BETAS)
    picture, noise, step = torch.tensor([0.3, -0.8]), torch.tensor([1.1, 0.4]), 400
    alpha = float(levels.alphas[step])
    says = {
        "epsilon": noise,
        "v_prediction": alpha**0.5 * noise - (1 - alpha) ** 0.5 * picture,
        "sample": picture,
    }[kind]
    model = Model(lambda x, at: says, levels, kind)
    sigma = levels.sigma_of(step)
    assert torch.allclose(model.denoise(picture + sigma * noise, sigma), picture, atol=1e-5)
    mixed = alpha**0.5 * picture + (1 - alpha) ** 0.5 * noise
    assert torch.allclose(model.noise_in(mixed, step), noise, atol=1e-5)


def test_a_step_and_its_noise_level_lead_to_each_other():
    for levels in (trained_levels(SD1_BETAS), Levels(np.array([0.1, 0.4, 2.0]), 5, 10)):
        for step in (levels.first, levels.first + 0.3 * levels.stride, levels.first + 1.75 * levels.stride):
            assert levels.step_of(levels.sigma_of(step)) == pytest.approx(step)


def test_a_model_without_noise_at_its_end_has_finite_levels():
    levels = trained_levels({**SD1_BETAS, "rescale_betas_zero_snr": True})
    assert 4000 < levels.highest < 5000
    assert (np.diff(levels.sigmas) > 0).all()
    assert trained_levels({**SD1_BETAS, "beta_schedule": "linear"}).highest > 10


def test_a_sampler_of_timesteps_has_no_schedule_of_noise_levels():
    assert {name for name in SAMPLERS if read_sampler(name)[1] == AUTOMATIC} == {"DDIM", "PLMS", "UniPC"}


@pytest.mark.parametrize("sampler", ["Euler", "Heun", "DPM++ 2S a", "PLMS"])
def test_each_pass_says_how_often_it_asks_the_model_as_a_prompts_schedule_is_reckoned(tiny, fresh, sampler):
    said, counted = [], []

    def ask(way):
        assert way.taken == way.asks
        said.append((way.asks, way.over))
        counted.append(0)

        def predict(latents, timestep):
            counted[-1] += 1
            return torch.zeros_like(latents)

        return predict

    way = {"sampler": sampler, "scheduler": read_sampler(sampler)[1], "steps": 4}
    scene = tiny.job(None, **way, hires=Hires("Latent", 1.5, steps=3, denoising=0.5)).scene
    drawing.draw([scene], fresh, ask, torch.device("cpu"))
    twice = 2 if sampler in ("Heun", "DPM++ 2S a") else 1
    assert said == [(4 * twice, 0), (3 * twice, 4 * twice)]
    # PLMS asks once more at its start, and samplers of the second order once less at their end.
    assert all(abs(count - times) <= 1 for count, (times, _) in zip(counted, said, strict=True))
