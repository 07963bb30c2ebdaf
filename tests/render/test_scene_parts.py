"""VAEs in the place of the model's own, pictures that are drawn over, and ControlNets, over a real, tiny model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_parts
import torch
from diffusers import StableDiffusionControlNetPipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_loras import weights
from tiny_parts import control_with, picture_file, start_at, vae_part
from tiny_scenes import different, same

from blockweight.errors import BlockweightError
from blockweight.plan import CONTROL_MODES, RESIZE_MODES, Hires, read_sampler
from blockweight.render.local.controls import ControlShelf, Guides
from blockweight.render.local.decoding import decoded
from blockweight.render.local.drawing import share_over
from blockweight.render.local.sampling.upscale import encoded

KARRAS = {"sampler": "DPM++ 2M", "scheduler": "Karras", "steps": 4}


@pytest.fixture(scope="session")
def parts(tmp_path_factory, fresh):
    folder = tmp_path_factory.mktemp("parts")
    vae, control = tiny_parts.vae_of(fresh, 5), tiny_parts.control_of(fresh, 6)
    tiny_parts.vae_file(vae, folder / "vae.safetensors")
    vae.save_pretrained(folder / "vae-folder")
    tiny_parts.control_file(control, folder / "control.safetensors")
    control.save_pretrained(folder / "control-folder")
    tiny_parts.control_file(tiny_parts.control_of(fresh, 7), folder / "shuffle.safetensors")
    picture_file(folder / "start.png", 1)
    picture_file(folder / "map.png", 2)
    picture_file(folder / "other.png", 3)
    return folder


@pytest.fixture
def led(parts):
    return control_with(parts / "control.safetensors", parts / "map.png")


def part(found, number: int):
    return tuple(one[number : number + 1] for one in found)


def test_a_vae_in_either_form_decodes_and_leaves_the_latents(tiny, shared, draw, parts, fresh):
    own = draw(shared, [tiny.job(None, **KARRAS)])
    file = draw(shared, [tiny.job(None, **KARRAS, vae=vae_part(parts / "vae.safetensors"))])
    folder = draw(shared, [tiny.job(None, **KARRAS, vae=vae_part(parts / "vae-folder"))])
    assert torch.equal(own[1], file[1])
    assert (file[0] == folder[0]).all()
    with torch.inference_mode():
        wanted = decoded(tiny_parts.vae_of(fresh, 5), own[1])
    levels = ((wanted.clamp(-1, 1) + 1) * 127.5).floor().byte().permute(0, 2, 3, 1).numpy()
    assert (file[0] == levels).all()
    assert (file[0] != own[0]).any()


def test_scenes_with_and_without_a_vae_are_drawn_in_one_run(tiny, shared, draw, parts):
    jobs = [tiny.job(None, **KARRAS), tiny.job(None, **KARRAS, vae=vae_part(parts / "vae.safetensors"))]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        assert (draw(shared, [job])[0] == part(together, number)[0]).all()
    assert (together[0][0] != together[0][1]).any()


def test_a_picture_that_is_drawn_over_by_nothing_takes_one_step_of_the_least_noise(tiny, shared, draw, parts):
    found = draw(shared, [tiny.job(None, **KARRAS, start=start_at(parts / "start.png", 0.0))])
    with torch.inference_mode():
        vae = shared._engine(tiny.checkpoint).pipeline.vae
        begun = encoded(vae, [Image.open(parts / "start.png")], [3], "CPU", torch.device("cpu"))
    assert float((found[1] - begun).norm() / begun.norm()) < 0.5
    different(draw(shared, [tiny.job(None, **KARRAS, start=start_at(parts / "start.png", 1.0))]), found)


@pytest.mark.parametrize(("denoising", "steps"), [(0.0, 1), (0.3, 4), (0.5, 6), (0.95, 10), (1.0, 10)])
def test_a_picture_is_drawn_over_in_a_share_of_the_steps_and_one(tiny, shared, draw, parts, denoising, steps):
    asked: list[float] = []
    unet = shared._engine(tiny.checkpoint).pipeline.unet
    handle = unet.register_forward_pre_hook(lambda _, args: asked.append(float(args[1])))
    try:
        draw(shared, [tiny.job(None, **{**KARRAS, "steps": 10}, start=start_at(parts / "start.png", denoising))])
    finally:
        handle.remove()
    assert len(asked) == steps
    assert asked[-1] == 0


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ SDE", "DDIM", "UniPC"])
def test_samplers_of_every_kind_draw_over_a_batch_as_its_pictures_one_by_one(tiny, shared, draw, parts, sampler):
    way = {"sampler": sampler, "scheduler": read_sampler(sampler)[1], "steps": 6}
    jobs = [
        tiny.job(weights(1), seed=1, **way, start=start_at(parts / "start.png")),
        tiny.job(weights(2), seed=2, **way, start=start_at(parts / "other.png")),
    ]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        same(draw(shared, [job]), part(together, number))
    different(part(together, 0), part(together, 1))


def test_a_prompts_schedule_is_reckoned_by_all_steps_although_fewer_are_drawn(tiny, shared, draw, parts):
    """As in the WebUI: at a strength of 0.5, what comes after half of the steps never comes."""
    begun = start_at(parts / "start.png", 0.4)
    plain = draw(shared, [tiny.job(None, **KARRAS, start=begun, prompt="forest")])
    turning = draw(shared, [tiny.job(None, **KARRAS, start=begun, prompt="[forest:red dress:0.9]")])
    same(turning, plain)


def test_a_controlnet_in_either_form_draws_alike(tiny, shared, draw, parts, led):
    folder = replace(led, model=control_with(parts / "control-folder", parts / "map.png").model)
    file = draw(shared, [tiny.job(weights(1), **KARRAS, controls=(led,))])
    same(draw(shared, [tiny.job(weights(1), **KARRAS, controls=(folder,))]), file)
    different(draw(shared, [tiny.job(weights(1), **KARRAS)]), file)


def test_what_a_controlnet_adds_is_what_diffusers_adds(tiny, shared, draw, parts, led, fresh):
    scene = tiny.scene(sampler="DDIM", scheduler="", controls=())
    pipe = StableDiffusionControlNetPipeline(
        vae=fresh.vae, text_encoder=fresh.text_encoder, tokenizer=fresh.tokenizer, unet=fresh.unet,
        controlnet=tiny_parts.control_of(fresh, 6), scheduler=fresh.scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    hint = torch.from_numpy(np.asarray(Image.open(parts / "map.png")).copy()).permute(2, 0, 1)[None].float() / 255
    x, context, step = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 16), torch.tensor(500)
    shelf = ControlShelf(shared._engine(scene.checkpoint).pipeline.unet)
    guides = Guides([replace(led, weight=0.7)], shelf.take([led]), 2)
    with torch.inference_mode():
        down, middle = pipe.controlnet(x, step, context, hint, conditioning_scale=0.7, return_dict=False)
        found = guides.added(x, step, context, None, 0.0, 1, {})
    for one, other in zip(found["down_block_additional_residuals"], down, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert torch.allclose(found["mid_block_additional_residual"], middle, atol=1e-5)


def added(shared, tiny, *controls, share=0.0, there=None, negatives=1):
    unet = shared._engine(tiny.checkpoint).pipeline.unet
    torch.manual_seed(1)
    x, context = torch.randn(2, 4, 8, 8), torch.randn(2, 154, 16)
    with torch.inference_mode():
        guides = Guides(controls, ControlShelf(unet).take(controls), 2)
        found = guides.added(x, torch.tensor(500), context, there, share, negatives, {})
    return [*found["down_block_additional_residuals"], found["mid_block_additional_residual"]] if found else []


def test_the_modes_scale_what_is_added_as_the_extension_does(shared, tiny, led):
    plain = added(shared, tiny, led)
    soft = added(shared, tiny, replace(led, mode=CONTROL_MODES[1]))
    strict = added(shared, tiny, replace(led, mode=CONTROL_MODES[2]))
    assert len(plain) == 13
    for place, (one, softer, other) in enumerate(zip(plain, soft, strict, strict=True)):
        assert torch.allclose(softer, one * 0.825 ** (12 - place), atol=1e-6)
        assert torch.equal(other[1], softer[1])
        assert not other[0].any(), "the negative prompt's row"


def test_several_controlnets_are_summed(shared, tiny, parts, led):
    other = replace(control_with(parts / "control-folder", parts / "other.png"), weight=0.5)
    summed = added(shared, tiny, led, other)
    for both, one, two in zip(summed, added(shared, tiny, led), added(shared, tiny, other), strict=True):
        assert torch.allclose(both, one + two, atol=1e-5)


def test_a_controlnet_for_shuffled_maps_adds_its_mean_and_none_of_it_to_the_negative_prompt(shared, tiny, parts):
    for one in added(shared, tiny, control_with(parts / "shuffle.safetensors", parts / "map.png")):
        assert one.shape[2:] == (1, 1)
        assert not one[0].any()


def test_prompts_of_two_lengths_are_seen_as_far_as_they_go(shared, tiny, led):
    there = torch.ones(2, 154)
    there[0, 77:] = 0
    found = added(shared, tiny, led, there=there)
    whole = added(shared, tiny, led)
    for one, other in zip(found, whole, strict=True):
        assert torch.allclose(one[1], other[1], atol=1e-5)
    assert not torch.allclose(found[-1][0], whole[-1][0], atol=1e-4)


def test_a_controlnet_works_in_its_range_alone(shared, tiny, led):
    ranged = replace(led, start=0.25, end=0.5)
    assert [bool(added(shared, tiny, ranged, share=share)) for share in (0.2, 0.25, 0.5, 0.6)] == [0, 1, 1, 0]


def test_the_share_of_the_steps_is_that_of_the_step_before(tiny):
    once, twice = tiny.scene(sampler="Euler"), tiny.scene(sampler="Heun")
    assert [share_over(once, asked, 4) for asked in range(4)] == [0, 0, 0.25, 0.5]
    assert [share_over(twice, asked, 8) for asked in range(7)] == [0, 0, 0, 0.25, 0.25, 0.5, 0.5]


def test_a_batch_with_controlnets_is_drawn_as_its_pictures_one_by_one(tiny, shared, draw, led):
    way = {"sampler": "Euler", "scheduler": "Karras", "steps": 2, "hires": Hires("Latent", 1.5, steps=2)}
    jobs = [
        tiny.job(weights(1), seed=1, **way, controls=(led,)),
        tiny.job(weights(2), seed=2, **way, controls=(led,), prompt="red dress, " * 30),
    ]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        same(draw(shared, [job]), part(together, number))


def test_no_lora_touches_a_controlnet(tiny, shared, draw, led):
    """With the LoRA at nothing, what is left is the model and the ControlNet as they are."""
    plain = draw(shared, [tiny.job(None, **KARRAS, controls=(led,))])
    nothing = replace(weights(1).with_weights(dict.fromkeys(weights(1).layout.blocks, 0.0)), rest=0.0)
    same(draw(shared, [tiny.job(nothing, **KARRAS, controls=(led,))]), plain)
    different(draw(shared, [tiny.job(weights(1), **KARRAS, controls=(led,))]), plain)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": ("start.png", 1.5)}, "The denoising strength must be a number from 0 to 1"),
        ({"start": ("start.png", 0.5), "hires": Hires()}, "can have no hires pass"),
        ({"start": ("start.png", 0.1), "sampler": "UniPC", "scheduler": "Automatic"}, "UniPC needs 3 steps"),
        ({"start": ("start.png", 0.5), "scheduler": ""}, "names no schedule type"),
        ({"control": {"weight": 3.0}}, "The weight of a ControlNet must be a number from 0 to 2"),
        ({"control": {"start": 0.6, "end": 0.5}}, "from one share of the steps to a later one"),
        ({"control": {"mode": "Loud"}}, "There is no control mode 'Loud'"),
        ({"control": {"resize": "Bend"}}, "There is no resize mode 'Bend'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(tiny, shared, parts, led, change, words):
    scene = {**KARRAS, **{name: value for name, value in change.items() if name not in ("start", "control")}}
    if "start" in change:
        scene["start"] = start_at(parts / change["start"][0], change["start"][1])
    if "control" in change:
        scene["controls"] = (replace(led, **change["control"]),)
    with pytest.raises(BlockweightError) as error:
        shared.check([tiny.job(None, **scene)])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_another_kind_is_refused(tiny, shared, parts, led):
    vae, control = parts / "vae.safetensors", parts / "control.safetensors"
    for scene, words in (
        ({"vae": vae_part(control)}, "is a ControlNet, not a VAE"),
        ({"controls": (replace(led, model=vae_part(vae)),)}, "is a VAE, not a ControlNet"),
        ({"vae": vae_part(parts / "control-folder")}, "is a folder for ControlNetModel, not for a VAE"),
    ):
        with pytest.raises(BlockweightError, match=words):
            shared.check([tiny.job(None, **KARRAS, **scene)])


def test_parts_of_another_model_are_refused(tiny, shared, parts, tmp_path, led, fresh):
    bent = {name: value[:1] for name, value in tiny_parts.vae_of(fresh, 1).state_dict().items()}
    save_file({name: value.contiguous() for name, value in bent.items()}, tmp_path / "bent.safetensors")
    with pytest.raises(BlockweightError, match="is for another kind of model: its"):
        shared.check([tiny.job(None, **KARRAS, vae=vae_part(tmp_path / "bent.safetensors"))])
    left = load_file(parts / "control.safetensors")
    del left["control_model.zero_convs.3.0.weight"]
    save_file(left, tmp_path / "holed.safetensors")
    holed = control_with(tmp_path / "holed.safetensors", parts / "map.png")
    with pytest.raises(BlockweightError, match="lacks 1 weights of this model's"):
        shared.check([tiny.job(None, **KARRAS, controls=(holed,))])


def test_parts_whose_files_hold_nonsense_are_refused(tiny, shared, tmp_path, led, fresh):
    vae, control = tmp_path / "vae", tmp_path / "hint.safetensors"
    fresh.vae.save_pretrained(vae)
    settings = json.loads((vae / "config.json").read_text())
    (vae / "config.json").write_text(json.dumps({**settings, "scaling_factor": "large"}))
    with pytest.raises(BlockweightError, match=r"vae' could not be loaded as a VAE \("):
        shared.check([tiny.job(None, vae=vae_part(vae))])
    save_file({"input_hint_block.first.weight": torch.ones(1)}, control)
    odd = replace(led, model=vae_part(control))
    with pytest.raises(BlockweightError, match=r"hint\.safetensors' could not be loaded as a ControlNet \("):
        shared.check([tiny.job(None, **KARRAS, controls=(odd,))])


def test_a_picture_that_has_changed_is_refused(tiny, shared, tmp_path):
    begun = start_at(picture_file(tmp_path / "a.png", 1))
    picture_file(tmp_path / "a.png", 2)
    with pytest.raises(BlockweightError, match="has changed since this was planned"):
        shared.check([tiny.job(None, **KARRAS, start=begun)])


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_pictures_of_another_size_are_drawn_over_and_lead(tiny, shared, draw, tmp_path, parts, mode):
    wide = picture_file(tmp_path / "wide.png", 1, 48, 20)
    led = control_with(parts / "control.safetensors", wide, resize=mode)
    found = draw(shared, [tiny.job(None, **KARRAS, start=start_at(wide, resize=mode), controls=(led,))])
    assert found[0].shape == (1, 16, 16, 3)
