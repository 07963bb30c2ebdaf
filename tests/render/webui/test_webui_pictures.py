"""A WebUI draws what a job says, by tags or by files, or the job is refused."""

from __future__ import annotations

import base64
import gc
import itertools
from dataclasses import replace

import pytest
from PIL import Image
from sites import BLOCKS, MIXED, far, rendered

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import RESIZE_MODES, Hires, LoraUse, OtherLora, Part, Start
from blockweight.render import identify_picture
from blockweight.render.pool import PoolRenderer, Worker
from blockweight.render.remote import Server, read_addresses
from blockweight.render.webui import server_checkpoint
from blockweight.render.webui.shelf import Shelf
from blockweight.weights import uniform
from workshop import FULL, write_lora_file


@pytest.mark.parametrize("flavour", ["Forge", "A1111", "classic"])
def test_block_weights_in_tags_and_in_files_give_one_picture(place, flavour):
    jobs = [place.job(MIXED), place.job(1.0), place.job(0.0), place.job(None), place.job(MIXED, strength=0.7)]
    with place.site(flavour=flavour) as (webui, renderer):
        live = rendered(renderer, *jobs)
        assert any("lbw=1,1,0.5,0" in body["prompt"] for body in webui.drawn)
    with place.site(flavour=flavour, lbw="absent", lends=True) as (webui, renderer):
        baked = rendered(renderer, *jobs)
        assert not any("lbw" in body["prompt"] for body in webui.drawn)
    for one, other in zip(live, baked, strict=True):
        assert far(one.picture, other.picture) <= 1
    mixed, plain, zeros, without, weaker = (one.picture for one in live)
    assert far(zeros, without) == 0
    assert min(far(mixed, plain), far(mixed, without), far(mixed, weaker)) > 10


def test_a_lent_file_is_gone_afterwards_and_never_called_alike(place):
    seen = set()
    with place.site(lbw="absent", lends=True, wears=False) as (webui, renderer):
        for _ in range(2):
            rendered(renderer, *(place.job(weight / 8) for weight in range(1, 8)))
            names = {body["prompt"].partition("<lora:")[2].partition(":")[0] for body in webui.drawn} - {""}
            assert not names & seen
            seen |= names
            webui.drawn.clear()
    assert len(seen) == 14
    assert list(place.loras.iterdir()) == []


def test_a_pool_lends_a_lora_once_and_takes_it_back_at_the_end(place):
    jobs = [place.job(1.0, replace(place.scene, seed=seed)) for seed in (1, 2, 3)]
    with place.site(lends=True, wears=False) as (webui, renderer):
        both = PoolRenderer([Worker("one", renderer)])
        both.check(jobs)
        drawing = both.render(jobs)
        next(drawing)
        assert len(list(place.loras.glob("*.safetensors"))) == 1
        list(drawing)
        tags = {body["prompt"].partition("<lora:")[2] for body in webui.drawn} - {""}
        assert len(tags) == 1
        assert list(place.loras.iterdir()) == []


def test_a_file_that_another_program_lends_is_not_taken_for_the_webuis_own(place):
    with place.site(lends=True, wears=False) as (webui, renderer):
        shelf = Shelf(place.loras, Server(read_addresses(f"webui+{webui.url}")[0]))
        others = shelf.place(place.own / "hero.safetensors")
        rendered(renderer, place.job(MIXED))
        worn = [body["prompt"] for body in webui.drawn if "<lora:" in body["prompt"]]
        assert worn
        assert not any(others.stem in prompt for prompt in worn)
        shelf.clear()


def test_a_pool_that_is_stopped_takes_back_what_it_lent(place):
    with place.site(lends=True, wears=False) as (_, renderer):
        drawing = PoolRenderer([Worker("one", renderer)]).render([place.job(1.0), place.job(None)])
        next(drawing)
        drawing.close()
        assert list(place.loras.iterdir()) == []


def test_what_is_lent_goes_with_the_program(place):
    with place.site() as (webui, _):
        shelf = Shelf(place.loras, Server(read_addresses(f"webui+{webui.url}")[0]))
        lent = shelf.place(place.own / "hero.safetensors")
        assert lent.exists()
        del shelf
        gc.collect()
    assert not lent.exists()


def test_a_lora_that_the_server_lacks_is_lent(place):
    with place.site(lends=True, wears=False) as (_, renderer):
        (lent,) = rendered(renderer, place.job(MIXED))
        assert list(place.loras.iterdir()) == []
    with place.site() as (_webui, renderer):
        (own,) = rendered(renderer, place.job(MIXED))
    assert far(lent.picture, own.picture) == 0


@pytest.mark.parametrize(
    ("lbw", "why"),
    [
        ("absent", "LoRA Block Weight is not installed there"),
        ("ignored", "its block weights change nothing there: it is switched off, or too old"),
        ("unlike", "block weights of 0 do not turn the LoRA off there"),
    ],
)
def test_block_weights_that_do_not_work_are_refused_before_work_or_go_in_files(place, lbw, why):
    with place.site(lbw=lbw) as (webui, renderer):
        with pytest.raises(BlockweightError, match=why):
            renderer.check([place.job(MIXED)])
        assert not any("lbw=1,1,0.5" in body["prompt"] for body in webui.drawn)
    with place.site(lbw=lbw, lends=True) as (webui, renderer):
        (baked,) = rendered(renderer, place.job(MIXED))
    with place.site() as (webui, renderer):
        (live,) = rendered(renderer, place.job(MIXED))
    assert far(baked.picture, live.picture) <= 1


def test_a_lora_that_is_not_the_planned_one_or_was_written_since_is_not_drawn_with(place):
    with place.site(lbw="absent", lends=True, wears=False) as (webui, renderer):
        with pytest.raises(BlockweightError, match="has changed since this was planned"):
            renderer.check([place.job(MIXED, digest="0" * 64)])
        assert webui.drawn == []
        drawing = renderer.render([place.job(MIXED), place.job(0.5)])
        next(drawing)
        (place.own / "hero.safetensors").unlink()
        write_lora_file(place.own / "hero.safetensors", BLOCKS, seed=9)
        with pytest.raises(BlockweightError, match="has changed since this was planned"):
            next(drawing)
    assert list(place.loras.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"strength": float("nan")}, "must be a finite number, not nan"),
        ({"strength": 1e6}, "no layer can be told more"),
        ({"start": 2, "stop": 2}, "before it has worked"),
    ],
)
def test_a_strength_that_is_none_is_refused_before_work(place, change, sentence):
    with place.site() as (webui, renderer), pytest.raises(BlockweightError, match=sentence):
        renderer.check([place.job(MIXED, **change)])
    assert webui.drawn == []


def test_lora_block_weight_is_tried_once_for_a_lora(place):
    with place.site() as (webui, renderer):
        rendered(renderer, place.job(MIXED))
        # The model's own, five for the LoRA, and the picture.
        assert len(webui.drawn) == 7
        rendered(renderer, place.job(MIXED, replace(place.scene, seed=2)))
        assert len(webui.drawn) == 8


def test_loras_that_change_other_modules_go_in_files_together(place):
    """On live servers the text encoder of the second gets the first one's weights."""
    file = write_lora_file(place.own / "side.safetensors", ("IN01", "OUT03"), seed=2)
    side = OtherLora(LoraUse(str(file), open_lora(file).digest, 0.5), uniform("", FULL, 1.0))
    scene = replace(place.scene, loras=(side,))
    with place.site(lends=True, wears=False) as (webui, renderer):
        (both,) = rendered(renderer, place.job(MIXED, scene))
        assert not any("lbw=1,1" in body["prompt"] for body in webui.drawn)
        (alone,) = rendered(renderer, place.job(None, scene))
        assert far(both.picture, alone.picture) > 10
    with place.site() as (webui, renderer), pytest.raises(BlockweightError, match="mixes up the weights of LoRAs"):
        rendered(renderer, place.job(MIXED, scene))


def test_equal_weights_are_drawn_next_to_each_other(place):
    jobs = [place.job(weight, replace(place.scene, seed=seed)) for seed in (1, 2) for weight in (MIXED, 1.0, 0.5)]
    with place.site() as (_webui, renderer):
        drawn = rendered(renderer, *jobs)
        weights = [one.job.variant.weights.values for one in drawn]
        assert sum(a != b for a, b in itertools.pairwise(weights)) == 2
        assert {one.job.key for one in drawn} == {job.key for job in jobs}


def test_finished_jobs_are_left_out(place):
    jobs = [place.job(MIXED), place.job(0.5)]
    with place.site() as (_webui, renderer):
        drawn = rendered(renderer, *jobs, finished={jobs[0].key})
    assert [one.job for one in drawn] == jobs[1:]


def test_what_one_request_leaves_behind_does_not_reach_the_next(place):
    """A server whose settings do not hold a key keeps what it was sent."""
    skipping = replace(place.scene, clip_skip=2, noise_source="NV")
    with place.site() as (_webui, renderer):
        first, _, again = (
            one.picture
            for each in (place.scene, skipping, place.scene)
            for one in rendered(renderer, place.job(None, each))
        )
    assert far(first, again) == 0


def test_pictures_come_without_loss_from_a_server_that_is_set_to_jpeg(place):
    with place.site() as (webui, renderer):
        (one,) = rendered(renderer, place.job(MIXED))
        assert far(one.picture, webui.picture(webui.drawn[-1], "anime", "DPM++ 2M", "Karras")[0]) == 0


def test_the_second_pass_has_the_first_ones_guidance_and_modules(place):
    scene = replace(place.scene, hires=Hires("Latent", 2.0, steps=2, denoising=0.5))
    with place.site() as (webui, renderer):
        (one,) = rendered(renderer, place.job(None, scene))
    assert one.picture.shape == (128, 128, 3)
    body = webui.drawn[-1]
    assert (body["hr_cfg"], body["hr_additional_modules"]) == (7.0, ["Use same choices"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sampler": "LMS"}, "has no sampler 'LMS'; it has DDIM, DPM"),
        ({"scheduler": "Beta"}, "has no schedule type 'Beta'; it has Automatic, Uniform"),
        ({"scheduler": ""}, "before schedule types were"),
        ({"hires": Hires("Nearest")}, "has no upscaler 'Nearest'; it has Lanczos"),
    ],
)
def test_a_scene_that_the_server_cannot_draw_is_refused_before_work(place, changes, sentence):
    with place.site() as (webui, renderer):
        with pytest.raises(BlockweightError, match=sentence):
            renderer.check([place.job(MIXED), place.job(MIXED, replace(place.scene, **changes))])
        assert webui.drawn == []


def test_a_model_that_the_server_lacks_is_refused_with_those_it_has(place):
    place.models.pop("anime")
    with place.site() as (webui, renderer), pytest.raises(BlockweightError, match=r"'anime.safetensors' .*'other'"):
        renderer.check([place.job(MIXED)])
    assert webui.drawn == []


def test_a_diffusers_folder_is_refused(place):
    scene = replace(place.scene, checkpoint=replace(place.scene.checkpoint, path=str(place.own)))
    with place.site() as (_, renderer), pytest.raises(BlockweightError, match="which no WebUI loads"):
        renderer.check([place.job(MIXED, scene)])


def test_a_lora_that_is_not_there_is_refused(place):
    with (
        place.site(wears=False) as (_webui, renderer),
        pytest.raises(BlockweightError, match="has no LoRA 'hero'; copy"),
    ):
        renderer.check([place.job(MIXED)])


def test_another_lora_by_the_same_name_is_refused(place):
    with place.site() as (_webui, renderer):
        (place.loras / "hero.safetensors").unlink()
        write_lora_file(place.loras / "hero.safetensors", BLOCKS, seed=9)
        with pytest.raises(BlockweightError, match="has another LoRA by the name 'hero'"):
            rendered(renderer, place.job(1.0))


def test_steps_of_a_lora_are_sent_where_they_mean_the_same(place):
    with place.site(flavour="A1111") as (webui, renderer):
        rendered(renderer, place.job(1.0, start=2, stop=3))
        assert ":start=2:stop=3>" in webui.drawn[-1]["prompt"]
    with place.site() as (webui, renderer), pytest.raises(BlockweightError, match="counts start and stop otherwise"):
        renderer.check([place.job(1.0, start=2)])


def test_a_picture_to_start_from_is_sent(place):
    Image.new("RGB", (8, 8)).save(place.own / "start.png")
    start = Start(identify_picture(place.own / "start.png"), 0.5, RESIZE_MODES[1])
    with place.site() as (webui, renderer):
        rendered(renderer, place.job(None, replace(place.scene, start=start)))
    body = webui.drawn[-1]
    assert base64.b64decode(body["init_images"][0]) == (place.own / "start.png").read_bytes()
    assert (body["denoising_strength"], body["resize_mode"], webui.asked.count("img2img")) == (0.5, 1, 1)


@pytest.mark.parametrize("flavour", ["Forge", "A1111"])
def test_a_vae_is_the_servers_own_file_of_that_name_and_hash(place, flavour):
    vae = Part(str(place.own / "soft.safetensors"), "5" * 64)
    scene = replace(place.scene, vae=vae)
    with place.site(flavour=flavour, vaes={"soft.safetensors": vae.digest}) as (webui, renderer):
        rendered(renderer, place.job(None, scene))
        sent = webui.drawn[-1]["override_settings"]
        assert "soft.safetensors" in str(sent.get("forge_additional_modules", sent.get("sd_vae")))
        rendered(renderer, place.job(None))
        sent = webui.drawn[-1]["override_settings"]
        assert sent.get("forge_additional_modules", sent.get("sd_vae")) in ([], "None")
    with place.site(flavour=flavour) as (_, renderer), pytest.raises(BlockweightError, match="has no VAE 'soft"):
        renderer.check([place.job(None, scene)])


def test_another_vae_by_the_same_name_is_refused(place):
    scene = replace(place.scene, vae=Part(str(place.own / "soft.safetensors"), "5" * 64))
    sentence = "'VAE hash' '6666666666' where '5555555555'"
    vaes = {"soft.safetensors": "6" * 64}
    with place.site(flavour="A1111", vaes=vaes) as (_, renderer), pytest.raises(BlockweightError, match=sentence):
        renderer.check([place.job(None, scene)])


def test_a_servers_model_has_the_digest_of_the_same_file_here(place):
    with place.site() as (webui, renderer):
        there = server_checkpoint(read_addresses(f"webui+{webui.url}")[0], "anime")
        assert there == replace(place.scene.checkpoint, path="server:anime")
        rendered(renderer, place.job(None, replace(place.scene, checkpoint=there)))
        other = replace(there, digest="1" * 64)
        with pytest.raises(BlockweightError, match="does not have the model 'anime' of the scene"):
            renderer.check([place.job(None, replace(place.scene, checkpoint=other))])


def test_the_arithmetic_names_flavour_version_and_flags(place):
    with place.site() as (_, renderer):
        renderer.check([place.job(MIXED)])
        assert renderer.capabilities.arithmetic == "WebUI (Forge) f2.0.1v1.10.1-previous-1-gabcdef12, no_half"
