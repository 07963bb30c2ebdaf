"""Pictures on disk."""

from __future__ import annotations

import errno
import json
import os
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from blockweight.plan import Hires, infotext_of, read_infotext, scene_settings
from blockweight.project import PictureStore
from blockweight.render import Rendering, fake_picture
from workshop import LORA, SCENE, job, tree


def rendering(made=None):
    made = job() if made is None else made
    return Rendering(made, fake_picture(made), 0.5)


@pytest.fixture
def store(tmp_path):
    return PictureStore(tmp_path / "deep" / "pictures")


def test_what_is_saved_is_loaded_to_the_last_bit(store):
    store.save(rendering())
    assert np.array_equal(store.load(job()), fake_picture(job()))


def test_a_picture_that_was_read_once_is_read_again_only_when_its_file_has_changed(store, monkeypatch):
    store.save(rendering())
    assert store.readable(job()) and not store.readable(job(0.5))
    reads = []
    load = store.load
    monkeypatch.setattr(store, "load", lambda each: reads.append(each) or load(each))
    assert store.readable(job()) and reads == []
    store.path(job()).write_bytes(b"damaged")
    assert not store.readable(job()) and reads == [job()]
    store.path(job()).unlink()
    assert not store.readable(job())


def test_a_picture_is_a_png_named_by_its_jobs_key(store):
    store.save(rendering())
    assert list(tree(store.folder)) == [f"{job().key}.png"]
    with Image.open(store.path(job())) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 24))


def test_a_picture_carries_its_jobs_facts_and_the_webuis_parameters(store):
    store.save(rendering())
    with Image.open(store.path(job())) as image:
        image.load()
        assert json.loads(image.text["blockweight"]) == job().facts()
        assert image.text["parameters"] == infotext_of(job())


def test_parameters_are_written_as_the_webui_writes_them():
    assert infotext_of(job(0.5)) == (
        f"1girl, ゴブ姫, red dress <lora:gobuhime:1:lbw={','.join(['0.5'] * 26)}>\n"
        "Negative prompt: blurry\n"
        "Steps: 16, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 32x24, Blockweight model hash: "
        "cccccccccc, Model: model, RNG: CPU"
    )


def test_parameters_tell_of_the_schedule_the_noise_and_the_hires_pass():
    hires = Hires("Latent (nearest-exact)", 1.5, steps=15, denoising=0.6)
    further = {"scheduler": "SGM Uniform", "variation_seed": 9, "variation_strength": 0.25, "noise_source": "NV"}
    scene = replace(SCENE, **further, eta=0.5, hires=hires)
    assert infotext_of(job(scene=scene)).splitlines()[-1] == (
        "Steps: 16, Sampler: Euler a, Schedule type: SGM Uniform, CFG scale: 7, Seed: 1, Size: 32x24, Blockweight "
        "model hash: cccccccccc, Model: model, RNG: NV, Eta: 0.5, Variation seed: 9, Variation seed strength: 0.25, "
        "Denoising strength: 0.6, Hires upscale: 1.5, Hires steps: 15, Hires upscaler: Latent (nearest-exact)"
    )
    sized = replace(SCENE, hires=Hires(width=64, height=0))
    assert "Hires resize: 64x0, Hires upscaler: Latent" in infotext_of(job(scene=sized))


@pytest.mark.parametrize(
    "changes",
    [
        {"sampler": "DPM++ 2M SDE", "scheduler": "Karras", "eta": 0.125, "noise_source": "GPU"},
        {"sampler": "DDIM", "scheduler": "Automatic", "eta": 1.0, "noise_source": "NV"},
        {"sampler": "Heun", "scheduler": "Uniform", "variation_seed": 2**63 - 1, "variation_strength": 1.0},
        {"scheduler": "Beta", "hires": Hires("None", width=96, height=64, steps=3, denoising=0.0)},
        {"scheduler": "Simple", "hires": Hires("Latent (bicubic antialiased)", 1.25)},
        {"sampler": "Euler", "scheduler": "Simple", "guidance": 3.5, "cfg_scale": 1.0},
    ],
)
def test_parameters_are_read_back_as_they_were(changes):
    scene = replace(SCENE, **changes)
    found = scene_settings(read_infotext(infotext_of(job(scene=scene))))
    assert found.notes == ()
    for name in ("sampler", "scheduler", "eta", "noise_source", "hires", "guidance"):
        assert getattr(found.sampling, name) == getattr(scene, name)
    assert (found.sampling.variation_seed or 0) == scene.variation_seed
    assert (found.sampling.variation_strength or 0) == scene.variation_strength


def test_parameters_without_the_lora_have_no_tag():
    assert infotext_of(job(None)).splitlines()[0] == "1girl, ゴブ姫, red dress"


def test_a_lora_whose_file_name_is_not_text_is_saved_all_the_same(store):
    odd = job(lora=replace(LORA, path=os.fsdecode(b"\x83S\x83u.safetensors")))
    store.save(rendering(odd))
    assert store.load(odd) is not None


def test_a_picture_that_is_not_there_is_none(store):
    assert store.load(job()) is None


@pytest.mark.parametrize("kept", [0, 1, 8, 50, 0.5, 0.9])
def test_a_truncated_picture_counts_as_missing(store, kept):
    store.save(rendering())
    whole = store.path(job()).read_bytes()
    store.path(job()).write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    assert store.load(job()) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_no_damage_to_a_picture_does_more_than_make_it_missing(store, damage):
    store.save(rendering())
    spoiled = bytearray(store.path(job()).read_bytes())
    for place, value in damage:
        spoiled[int(place * (len(spoiled) - 1))] = value
    store.path(job()).write_bytes(spoiled)
    picture = store.load(job())
    assert picture is None or (picture.dtype == np.uint8 and picture.shape[2] == 3)


def test_a_picture_too_large_for_pillow_counts_as_missing(store, monkeypatch):
    store.save(rendering())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert store.load(job()) is None


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_picture_that_cannot_be_finished_leaves_nothing_and_the_old_one_stays(store, monkeypatch, step, error):
    store.save(rendering())
    before = tree(store.folder)

    def refuse(*_):
        raise error

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(type(error)):
        store.save(rendering())
    assert tree(store.folder) == before


def test_another_process_that_writes_the_same_picture_is_not_disturbed(store, monkeypatch):
    replaced = os.replace

    def meanwhile(partial, path):
        monkeypatch.setattr(os, "replace", replaced)
        store.save(rendering())
        replaced(partial, path)

    monkeypatch.setattr(os, "replace", meanwhile)
    store.save(rendering())
    assert store.load(job()) is not None
    assert list(tree(store.folder)) == [f"{job().key}.png"]


def test_what_a_killed_process_left_is_removed_but_not_what_is_being_written(store):
    old, new = store.folder / "a.1.partial", store.folder / "b.2.partial"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    PictureStore(store.folder)
    assert list(tree(store.folder)) == ["b.2.partial"]


def test_a_store_over_a_file_is_refused(tmp_path):
    (tmp_path / "pictures").write_text("a file")
    with pytest.raises(OSError, match="exists"):
        PictureStore(tmp_path / "pictures")


def test_pictures_of_any_scene_size_are_kept(store):
    for width, height in ((1, 1), (8, 64)):
        made = job(scene=replace(SCENE, width=width, height=height))
        store.save(rendering(made))
        assert store.load(made).shape == (height, width, 3)


def test_a_clip_skip_is_told_where_something_is_skipped():
    skipped = infotext_of(job(scene=replace(SCENE, clip_skip=2)))
    assert skipped == infotext_of(job()) + ", Clip skip: 2"
