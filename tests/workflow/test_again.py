"""Pictures rendered again from what they carry."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blockweight.demo.embedded import SHOWN, lora_file, model_folder, scene
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Embedding, Job, LoraUse, OtherLora, Part, Variant, infotext_of
from blockweight.project import PictureStore, picture_bytes, picture_texts, webui_hashes, write_picture
from blockweight.render import (
    Failure,
    FakeRenderer,
    Rendering,
    RenderingError,
    fake_picture,
    identify_checkpoint,
    unwatched,
)
from blockweight.render.embeddings import file_digest
from blockweight.weights import uniform
from blockweight.workflow.again import again, difference, remade, renderer_of
from blockweight.workflow.file_search import FileSearch
from blockweight.workflow.renderers import local_renderer
from blockweight.workflow.settings import Settings
from workshop import FULL, SCENE, SHORT, write_lora_file, write_model

HERE = FileSearch(Settings())


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def files(tmp_path):
    """Folders of the settings with a model and two LoRAs."""
    loras, models = tmp_path / "loras", tmp_path / "models"
    loras.mkdir()
    write_lora_file(loras / "princess.safetensors", FULL.blocks)
    write_lora_file(loras / "style.safetensors", SHORT.blocks, seed=2)
    write_model(models / "anime")
    return FileSearch(Settings(models=(models,), loras=(loras,)))


def use(path: Path, *more: object) -> LoraUse:
    return LoraUse(str(path), open_lora(path).digest, *more)


def made_with(search: FileSearch) -> Job:
    """A job with both LoRAs of the folders, every field of which a picture can hold."""
    (folder,) = search.settings.loras
    weights = replace(uniform("", FULL, 0.25), values=tuple(number / 10 for number in range(26)), rest=0.5)
    other = OtherLora(use(folder / "style.safetensors", 0.5, 0.25, 2, 6), uniform("", FULL, 0.75))
    checkpoint = identify_checkpoint(search.settings.models[0] / "anime")
    shown = replace(SCENE, checkpoint=checkpoint, scheduler="Karras", sampler="DPM++ 2M", loras=(other,))
    return Job(shown, use(folder / "princess.safetensors", 0.8, 0.6, 3, 9), Variant("", weights))


def saved(path: Path, job: Job, *, facts: bool = True) -> Path:
    text = infotext_of(job, webui_hashes(job))
    write_picture(path, fake_picture(job), text, job.facts() if facts else None)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_a_picture_is_rendered_again_to_the_same_pixels(files, tmp_path, name):
    job = made_with(files)
    told = again(saved(tmp_path / name, job), files, FakeRenderer())
    assert (told.made.exact, told.made.job.key, told.made.notes) == (True, job.key, ())
    assert told.difference.text() == "The same pixels."
    assert told.out == Path(f"a-again{Path(name).suffix}")
    assert np.array_equal(np.asarray(Image.open(told.out).convert("RGB")), fake_picture(job))
    assert picture_texts(told.out.read_bytes()).facts == picture_texts((tmp_path / name).read_bytes()).facts


def test_a_jpeg_says_how_far_it_is_off(files, tmp_path):
    told = again(saved(tmp_path / "a.jpg", made_with(files)), files, FakeRenderer(), Path("b.png"))
    assert told.made.exact
    assert 0 < told.difference.most < 100
    assert told.difference.text().startswith(f"The pixels differ by at most {told.difference.most} of 255 levels; ")


def test_an_infotext_alone_gives_the_same_job(files, tmp_path):
    job = made_with(files)
    told = again(saved(tmp_path / "a.png", job, facts=False), files, FakeRenderer())
    assert (told.made.exact, told.made.job.key) == (False, job.key)
    assert told.made.notes == ("An infotext does not hold which program drew the picture and with what arithmetic.",)
    assert told.difference.most == 0


def test_facts_that_were_changed_give_way_to_the_infotext(files, tmp_path):
    job = made_with(files)
    write_picture(tmp_path / "a.png", fake_picture(job), infotext_of(job, webui_hashes(job)), {"scene": 5})
    told = again(tmp_path / "a.png", files, FakeRenderer())
    assert (told.made.exact, told.made.job.key) == (False, job.key)
    assert "facts cannot be read" in told.made.notes[0]


def test_another_model_of_the_name_is_refused_by_the_infotexts_hash(files, tmp_path):
    picture = saved(tmp_path / "a.png", made_with(files), facts=False)
    (models,) = files.settings.models
    (models / "anime").rename(tmp_path / "kept")
    (models / "anime.safetensors").write_bytes(b"other")
    with pytest.raises(BlockweightError, match=r"is not the model 'anime' of the picture: its hash does not begin"):
        again(picture, files, FakeRenderer())
    told = again(picture, replace(files, models=(models / "anime.safetensors",)), FakeRenderer())
    assert "The model 'anime.safetensors' is another one: its hash" in told.made.notes[0]
    assert (
        again(picture, replace(files, models=(tmp_path / "kept",)), FakeRenderer(), Path("b.png")).difference.most == 0
    )


def test_a_model_that_is_a_file_is_found_by_the_hash_that_others_have_and_by_our_own_of_earlier_pictures(
    files, tmp_path
):
    (models,) = files.settings.models
    file, job = models / "anime.safetensors", made_with(files)
    (models / "anime").rename(tmp_path / "kept")
    file.write_bytes(b"weights")
    job = replace(job, scene=replace(job.scene, checkpoint=identify_checkpoint(file)))
    now = picture_texts(saved(tmp_path / "a.png", job, facts=False).read_bytes())
    known = hashlib.sha256(b"weights").hexdigest()[:10]
    assert f"Model hash: {known}, Model: anime" in now.infotext
    earlier = replace(now, infotext=now.infotext.replace(known, job.scene.checkpoint.digest[:10]))
    for texts in (now, earlier):
        assert remade(texts, files).job.key == job.key
    file.write_bytes(b"other")
    for texts in (now, earlier):
        with pytest.raises(BlockweightError, match="its hash does not begin"):
            remade(texts, files)


def test_a_picture_without_the_lora_keeps_the_others(files, tmp_path):
    job = replace(made_with(files), variant=Variant("", None))
    for facts in (True, False):
        found = remade(picture_texts(saved(tmp_path / "a.png", job, facts=facts).read_bytes()), files)
        assert found.job.key == job.key


def test_a_tag_that_is_not_closed_stays_words_in_a_picture(files, tmp_path):
    job = made_with(files)
    job = replace(job, scene=replace(job.scene, prompt="1girl <lora:princess:1"))
    found = remade(picture_texts(saved(tmp_path / "a.png", job, facts=False).read_bytes()), files)
    assert found.job.key == job.key


def test_files_are_taken_from_where_they_are_given(files, tmp_path):
    picture = saved(tmp_path / "a.png", made_with(files))
    (folder,), (models,) = files.settings.loras, files.settings.models
    for loras in ((folder,), (folder / "style.safetensors", folder / "princess.safetensors")):
        search = FileSearch(Settings(), models=(models / "anime",), loras=loras)
        assert again(picture, search, FakeRenderer(), Path(f"{len(loras)}.png")).difference.most == 0


def test_a_renamed_lora_is_found_by_what_it_holds(files, tmp_path):
    picture = saved(tmp_path / "a.png", made_with(files))
    (folder,) = files.settings.loras
    (folder / "princess.safetensors").rename(tmp_path / "renamed.safetensors")
    search = replace(files, loras=(tmp_path / "renamed.safetensors",))
    assert again(picture, search, FakeRenderer()).difference.most == 0


@pytest.mark.parametrize("facts", [True, False])
def test_a_missing_file_is_one_sentence_and_nothing_is_rendered(files, tmp_path, facts):
    picture, renderer = saved(tmp_path / "a.png", made_with(files), facts=facts), FakeRenderer()
    with pytest.raises(BlockweightError, match=r"in none of the folders of the settings; give its path with --mod"):
        again(picture, replace(files, settings=replace(files.settings, models=())), renderer)
    with pytest.raises(BlockweightError, match=r"The LoRA '(princess|style)' .*give its path with --lora") as error:
        again(picture, replace(files, settings=replace(files.settings, loras=())), renderer)
    assert "\n" not in str(error.value)
    assert (renderer.rendered, list(Path().iterdir())) == ([], [])


@pytest.mark.parametrize("facts", [True, False])
def test_another_lora_of_the_name_is_refused(files, tmp_path, facts):
    picture = saved(tmp_path / "a.png", made_with(files), facts=facts)
    own = files.settings.loras[0] / "princess.safetensors"
    own.unlink()
    write_lora_file(own, FULL.blocks, seed=3)
    with pytest.raises(BlockweightError, match="LoRA 'princess'"):
        again(picture, files, FakeRenderer())


def test_another_model_than_the_pictures_is_refused(files, tmp_path):
    picture = saved(tmp_path / "a.png", made_with(files))
    other = write_model(tmp_path / "other", b"other weights")
    search = FileSearch(Settings(loras=files.settings.loras), models=(other,))
    with pytest.raises(BlockweightError, match=r"other' is not the model 'anime' \(hash .*the right one with --model"):
        again(picture, search, FakeRenderer())


def test_further_files_are_found_by_their_digest(files, tmp_path):
    vae = tmp_path / "parts" / "kl-f8.safetensors"
    vae.parent.mkdir()
    vae.write_bytes(b"vae")
    embedding = tmp_path / "parts" / "EasyNegative.safetensors"
    embedding.write_bytes(b"embedding")
    parts = {
        "vae": Part(str(vae), file_digest(vae)),
        "embeddings": (Embedding("EasyNegative", str(embedding), file_digest(embedding)),),
    }
    job = made_with(files)
    job = replace(job, scene=replace(job.scene, **parts))
    picture = saved(tmp_path / "a.png", job)
    assert again(picture, replace(files, files=(vae.parent,)), FakeRenderer()).made.job.key == job.key
    with pytest.raises(BlockweightError, match=r"The embedding 'easynegative' .* give its path with --file"):
        again(picture, files, FakeRenderer(), Path("b.png"))


def test_no_file_is_replaced_unasked(files, tmp_path):
    picture = saved(tmp_path / "a.png", made_with(files))
    Path("b.png").write_bytes(b"mine")
    with pytest.raises(BlockweightError, match=r"'b\.png' exists; choose another name with --out, or add --overwrite"):
        again(picture, files, FakeRenderer(), Path("b.png"))
    assert Path("b.png").read_bytes() == b"mine"
    again(picture, files, FakeRenderer(), Path("b.png"), overwrite=True)
    with pytest.raises(BlockweightError, match="is the picture itself"):
        again(picture, files, FakeRenderer(), picture, overwrite=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1girl", "does not say Steps, Sampler, Seed, Size, CFG scale in a way that can be done here"),
        ("a\nSteps: 20, Sampler: DPM fast, CFG scale: 7, Seed: -1, Size: 64x64", "does not say Sampler, Seed in a way"),
        ("", "does not say how it was made"),
    ],
)
def test_a_picture_that_does_not_say_enough_is_refused(files, tmp_path, text, words):
    write_picture(tmp_path / "a.png", fake_picture(made_with(files)), text)
    with pytest.raises(BlockweightError, match=words):
        again(tmp_path / "a.png", files, FakeRenderer())


def test_pixels_are_compared_only_where_they_can_be(files, tmp_path):
    job = made_with(files)
    picture = fake_picture(job)
    assert difference(picture_bytes(picture), picture).share == 0
    changed = picture.copy()
    changed[0, 0, 0] ^= 4
    apart = difference(picture_bytes(changed), picture)
    assert (apart.most, apart.share) == (4, 1 / (32 * 24))
    assert difference(picture_bytes(picture[:8]), picture) is None
    assert difference(picture_bytes(picture)[:200], picture) is None
    assert again(saved(tmp_path / "a.png", job), files, FakeRenderer(), compare=False).difference is None


def test_the_embedded_models_picture_is_rendered_again_to_the_same_pixels(tmp_path):
    checkpoint, lora = identify_checkpoint(model_folder()), lora_file("gobuhime-locon")
    shown = replace(
        scene(checkpoint, SHOWN[0], 1), steps=2, sampler="DPM++ 2M", scheduler="Karras", width=32, height=32
    )
    job = Job(shown, use(lora, 0.8), Variant("", uniform("", FULL, 0.5)))
    first: Rendering = next(iter(local_renderer(device="cpu").render([job])))
    for name, facts in (("a.png", True), ("a.webp", True), ("b.png", False)):
        write_picture(
            tmp_path / name, first.picture, infotext_of(job, webui_hashes(job)), job.facts() if facts else None
        )
        told = again(tmp_path / name, HERE, local_renderer(device="cpu"))
        assert (told.made.exact, told.difference.text()) == (facts, "The same pixels.")


class InBatches(FakeRenderer):
    """Whose pictures differ in a bit by what they are drawn together with, as real ones do."""

    def render(self, jobs, finished=(), watch=unwatched):
        keys = tuple(job.key for job in jobs) if len(jobs) > 1 else ()
        for rendering in super().render(jobs, finished, watch):
            picture = rendering.picture.copy()
            picture[0, 0, 0] ^= len(keys) == 3
            yield replace(rendering, picture=picture, batch=keys)


@pytest.fixture
def batch(files, tmp_path):
    """Three pictures of a project that were drawn together, one of them without the LoRA."""
    job = made_with(files)
    seeds = [replace(job, scene=replace(job.scene, seed=seed)) for seed in (5, 6)]
    jobs = [*seeds, replace(job, variant=Variant("", None))]
    store = PictureStore(tmp_path / "pictures")
    for rendering in InBatches().render(jobs):
        store.save(rendering)
    return [store.path(job) for job in jobs]


def test_a_picture_of_a_batch_is_rendered_again_to_the_same_pixels_with_the_others(files, batch):
    for number, picture in enumerate(batch):
        told = again(picture, files, InBatches(), Path(f"{number}.png"))
        assert (told.together, told.difference.text()) == (3, "The same pixels.")
        assert "with the 2 others of its batch" in told.lines()[0]


def test_the_others_of_a_batch_are_not_drawn_where_the_picture_alone_is_the_same(files, batch):
    renderer = FakeRenderer()
    alone = next(iter(renderer.render([made_with(files)]))).job
    PictureStore(batch[0].parent).save(replace(next(iter(renderer.render([alone]))), batch=(alone.key, batch[0].stem)))
    renderer.rendered.clear()
    told = again(batch[0].with_name(f"{alone.key}.png"), files, renderer)
    assert (told.together, told.difference.most, len(renderer.rendered)) == (1, 0, 1)


def test_without_the_others_of_its_batch_it_is_said_how_far_a_picture_is_off(files, batch):
    batch[1].unlink()
    told = again(batch[0], files, InBatches())
    assert told.together == 1
    assert "differ by at most 1 of 255 levels" in told.difference.text() and "in a batch" in told.difference.text()


def test_a_picture_names_the_renderer_that_draws_it_again(files, tmp_path):
    job = made_with(files)
    named = replace(job, scene=replace(job.scene, renderer="fake"))
    picture = saved(tmp_path / "a.png", named)
    assert (renderer_of(picture), renderer_of(saved(tmp_path / "b.png", job))) == ("fake", "")
    assert again(picture, files, FakeRenderer(), named="fake").made.job.key == named.key


def test_another_renderers_picture_does_not_name_the_first_one(files, tmp_path):
    job = made_with(files)
    picture = saved(tmp_path / "a.png", replace(job, scene=replace(job.scene, renderer="local:cuda")))
    told = again(picture, files, FakeRenderer())
    assert (told.made.job.key, renderer_of(told.out)) == (job.key, "")


def test_a_batch_that_fails_leaves_the_picture_that_was_drawn_alone(files, batch):
    class Failing(InBatches):
        def render(self, jobs, finished=(), watch=unwatched):
            if len(jobs) > 1:
                raise RenderingError([Failure(jobs[1], "It is too large.")])
            yield from super().render(jobs, finished, watch)

    told = again(batch[0], files, Failing())
    assert (told.together, told.difference.most) == (1, 1)
    assert told.out.is_file()
