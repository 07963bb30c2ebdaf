"""A new project's fields from an infotext or a picture."""

from __future__ import annotations

import io
import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from blockweight.demo.embedded import lora_file, model_folder
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Checkpoint, Hires, LoraUse, SamplingSettings, infotext_of
from blockweight.project import PictureStore
from blockweight.render import Rendering, fake_picture, identify_checkpoint
from blockweight.render.embeddings import file_digest
from blockweight.workflow.generation_fields import (
    GenerationFields,
    read_generation,
    read_generation_of_picture,
    read_generation_of_picture_file,
)
from blockweight.workflow.own_presets import added_preset, change_presets, edited_preset
from blockweight.workflow.settings import Settings, save_settings
from infotexts import FORGE, PIECES, TUTORIAL
from workshop import FULL, SHORT, WEIGHTS, job, write_lora_file, write_model

NOWHERE = Settings()


@pytest.fixture
def places(tmp_path):
    """Folders with a LoRA and a model called as in the tutorial, and others."""
    loras, models = tmp_path / "loras", tmp_path / "models"
    (loras / "people").mkdir(parents=True)
    models.mkdir()
    write_lora_file(loras / "people" / "gobuhime-Defmix2.safetensors", FULL.blocks)
    write_lora_file(loras / "standard.safetensors", SHORT.blocks)
    (models / "Defmix-v2.0.safetensors").write_bytes(b"weights")
    write_model(models / "anime" / "kohaku")
    return Settings(models=(models,), loras=(loras,))


def tagged(tag: str, line: str = "Steps: 20, Sampler: Euler, RNG: CPU", **options) -> GenerationFields:
    return read_generation(f"1girl {tag}\n{line}", options.pop("settings", NOWHERE))


def said(found: GenerationFields, field: str) -> str:
    """The one note on this field."""
    (note,) = [note for note in found.notes if note.fields == (field,)]
    return note.text


def test_the_tutorials_infotext_fills_the_form(places):
    found = read_generation(TUTORIAL, places)
    assert replace(found, notes=()) == GenerationFields(
        prompt="1girl, gobuhime, longhair, hairornament, choker",
        negative="EasyNegative, (nude, nipples: 1.3)",
        seeds="",
        steps=25,
        cfg=8.0,
        sampler="DPM++ 2M",
        sampling=SamplingSettings(
            "DPM++ 2M", "Karras", hires=Hires("Latent (nearest-exact)", 1.5, steps=15, denoising=0.6)
        ),
        width=512,
        height=512,
        lora=places.loras[0] / "people" / "gobuhime-Defmix2.safetensors",
        lora_name="gobuhime-Defmix2",
        weights="",
        strength=1.0,
        model=places.models[0] / "Defmix-v2.0.safetensors",
        model_name="Defmix-v2.0",
        model_hash="31c9be0ee8",
        notes=(),
        clip_skip=2,
    )
    assert [note.fields for note in found.notes] == [
        ("Seed",),
        ("Block weights",),
    ]
    assert found.notes[-1].text == "XYZ stands for weights that a plot puts in; all weights are 1."
    assert found.size == "512x512"


def test_the_folders_are_those_of_the_settings(places):
    assert read_generation(TUTORIAL).lora is None
    save_settings(places)
    assert read_generation(TUTORIAL).lora is not None


def test_a_prompt_alone_fills_nothing_else():
    found = read_generation("1girl", NOWHERE)
    assert (found.prompt, found.size, found.seeds, found.sampler, found.lora_name) == ("1girl", "", "", "", "")
    assert (found.steps, found.cfg, found.strength, found.lora, found.model) == (None,) * 5


@pytest.mark.parametrize(
    ("tag", "weights", "strength"),
    [
        (f"<lora:x:0.8:lbw={WEIGHTS}>", WEIGHTS, 0.8),
        ("<lora:x:1:lbw=MIDD>", "MIDD", 1),
        ("<lora:x:1:MIDD>", "MIDD", 1),
        ("<lora:x:0.5>", "", 0.5),
        ("<lora:x:1:lbw=" + ",".join(["X"] * 17) + ":x=0.25>", ",".join(["0.25"] * 17), 1),
    ],
)
def test_weights_and_strength_come_from_the_tag(tag, weights, strength):
    found = tagged(tag)
    assert (found.weights, found.strength) == (weights, strength)
    assert [note.fields for note in found.notes] == [("LoRA",)]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("Gobuhime", "Neither the infotext nor your presets hold the numbers of 'Gobuhime'; give the weights."),
        ("XYZ", "XYZ stands for weights"),
        ("1,0,1", "The block weights cannot be used: No layout has 3 block weights"),
        (",".join(["R"] * 17), "cannot be used: 'R' stands for a random weight"),
    ],
)
def test_weights_that_cannot_be_used_are_named(weights, words):
    found = tagged(f"<lora:x:1:lbw={weights}>")
    assert found.weights == ""
    assert words in said(found, "Block weights")


def test_a_presets_name_is_looked_up_in_ones_own_book():
    change_presets(lambda book: added_preset(book, f"Gobuhime:{WEIGHTS}"))
    assert tagged("<lora:x:1:lbw=Gobuhime>").weights == WEIGHTS
    assert tagged("<lora:x:1:Gobuhime>").weights == WEIGHTS
    assert tagged("<lora:x:1:lbw=MIDD>").weights == "MIDD"
    change_presets(lambda book: edited_preset(book, "MIDD", "MIDD", WEIGHTS))
    assert tagged("<lora:x:1:lbw=MIDD>").weights == WEIGHTS


def test_weights_are_held_against_the_lora_that_was_found(places):
    seventeen = ",".join(["1"] * 17)
    found = tagged(f"<lora:gobuhime-Defmix2:1:lbw={seventeen}>", settings=places)
    assert found.weights == seventeen
    assert "do not fit the LoRA yet" in said(found, "Block weights")
    assert tagged(f"<lora:standard:1:lbw={seventeen}>", settings=places).notes == ()


@pytest.mark.parametrize(
    "name", ["gobuhime-Defmix2", "people/gobuhime-Defmix2", "GOBUHIME-defmix2", r"people\gobuhime-Defmix2"]
)
def test_a_lora_is_found_by_its_name_in_any_folder_below(places, name):
    assert tagged(f"<lora:{name}:1>", settings=places).lora.stem == "gobuhime-Defmix2"


def test_a_lora_that_is_not_there_is_named():
    found = tagged("<lora:nobody:1>")
    assert (found.lora, found.lora_name) == (None, "nobody")
    assert said(found, "LoRA") == (
        "The LoRA 'nobody' is in none of the folders of the settings; choose it, or name its folder there."
    )


def test_the_embedded_loras_are_found_where_there_is_no_other_of_the_name(places):
    assert tagged("<lora:gobuhime-locon:1>", settings=places).lora == lora_file("gobuhime-locon")
    own = write_lora_file(places.loras[0] / "gobuhime-locon.safetensors", FULL.blocks)
    found = tagged("<lora:gobuhime-locon:1>", settings=places)
    assert (found.lora, found.notes) == (own, ())


def test_a_hash_tells_loras_of_one_name_apart(places):
    other = write_lora_file(places.loras[0] / "gobuhime-Defmix2.safetensors", FULL.blocks, seed=2)
    lora = places.loras[0] / "people" / "gobuhime-Defmix2.safetensors"
    assert "2 LoRAs are called 'gobuhime-Defmix2'; the first was chosen" in said(
        tagged("<lora:gobuhime-Defmix2:1>", settings=places), "LoRA"
    )
    for path in (lora, other):
        line = (
            f'Steps: 20, Sampler: Euler, RNG: CPU, Lora hashes: "gobuhime-Defmix2: {open_lora(path).data_digest[:12]}"'
        )
        found = tagged("<lora:gobuhime-Defmix2:1>", line, settings=places)
        assert (found.lora, found.notes) == (path, ())


def test_the_hash_of_the_whole_file_counts_too_as_forge_writes_it(places):
    lora = places.loras[0] / "standard.safetensors"
    line = f'Steps: 20, Sampler: Euler, RNG: CPU, Lora hashes: "standard: {file_digest(lora)[:12]}"'
    assert tagged("<lora:standard:1>", line, settings=places).notes == ()


def test_a_lora_of_another_hash_is_named(places):
    line = 'Steps: 20, Sampler: Euler, RNG: CPU, Lora hashes: "gobuhime-Defmix2: 0123456789ab"'
    found = tagged("<lora:gobuhime-Defmix2:1>", line, settings=places)
    assert found.lora is not None
    assert "is another one: its hash does not begin with '0123456789ab'" in said(found, "Lora hashes")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Defmix-v2.0", "Defmix-v2.0.safetensors"),
        ("defmix-V2.0", "Defmix-v2.0.safetensors"),
        ("kohaku", "anime/kohaku"),
        ("anime_kohaku", "anime/kohaku"),
        ("diffusion_pytorch_model", None),
        ("nothing", None),
    ],
)
def test_a_model_is_a_file_or_a_diffusers_folder_of_that_name(places, name, path):
    found = tagged("", f"Steps: 20, Sampler: Euler, RNG: CPU, Model: {name}", settings=places)
    assert found.model == (path and places.models[0] / path)
    assert [note.fields for note in found.notes] == ([] if path else [("Model",)])


def test_a_model_that_is_only_a_hash_is_named():
    found = tagged("", "Steps: 20, Sampler: Euler, RNG: CPU, Model hash: 31c9be0ee8")
    assert (found.model, found.model_hash) == (None, "31c9be0ee8")
    assert "names no model, only its hash '31c9be0ee8'" in said(found, "Model hash")


def test_a_link_that_leads_out_of_the_models_folder_is_not_followed(places, tmp_path):
    (tmp_path / "secret.safetensors").write_bytes(b"x")
    (places.models[0] / "link.safetensors").symlink_to(tmp_path / "secret.safetensors")
    assert tagged("", "Steps: 20, Sampler: Euler, Model: link", settings=places).model is None


def test_a_picture_of_the_program_itself_fills_the_form(tmp_path):
    model = model_folder()
    made = job(0.5)
    made = replace(
        made,
        scene=replace(made.scene, checkpoint=Checkpoint(str(model), identify_checkpoint(model).digest)),
        lora=replace(made.lora, path="gobuhime-locon.safetensors", strength=0.75),
    )
    store = PictureStore(tmp_path)
    store.save(Rendering(made, fake_picture(made), 0.5))
    found = read_generation_of_picture_file(store.path(made), NOWHERE)
    assert (found.lora, found.strength, found.weights) == (lora_file("gobuhime-locon"), 0.75, ",".join(["0.5"] * 26))
    assert (found.model, found.seeds, found.sampler, found.size) == (model, "1", "Euler a", "32x24")
    assert (found.prompt, found.negative, found.notes) == (made.scene.prompt, made.scene.negative_prompt, ())
    other = replace(made, scene=replace(made.scene, checkpoint=Checkpoint(str(model), "f" * 64)))
    assert read_generation(infotext_of(other), NOWHERE).model is None


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("<lora:x:0.5:1>", "is 0.5 for the text encoder and 1 for the UNet; a project has one, so 1 is taken"),
        ("<lora:x:1:start=5>", "The LoRA works in all steps"),
        ("<lora:x:1:stop=5>", "The LoRA works in all steps"),
    ],
)
def test_what_a_project_has_no_place_for_is_named(tag, words):
    assert words in said(tagged(tag), "Prompt")


def test_loras_beside_the_tuned_one_are_taken_with_all_that_their_tags_say(places):
    seventeen = ",".join(["0.5"] * 17)
    tags = f"<lora:gobuhime-Defmix2:1:lbw={WEIGHTS}> <lora:standard:0.25:0.75:lbw={seventeen}:start=3:stop=9>"
    line = 'Steps: 20, Sampler: Euler, RNG: CPU, Blockweight LoRA 1: "rest: 0.5", Blockweight LoRA 2: "rest: 0.125"'
    found = tagged(tags, line, settings=places)
    assert (found.lora_name, found.rest, found.notes) == ("gobuhime-Defmix2", 0.5, ())
    (other,) = found.loras
    opened = open_lora(places.loras[0] / "standard.safetensors")
    assert other.use == LoraUse(str(opened.path), opened.digest, 0.75, 0.25, 3, 9)
    assert {other.weights.weight(block) for block in opened.blocks} == {0.5}
    assert other.weights.rest == 0.125


@pytest.mark.parametrize(
    ("tag", "field", "words"),
    [
        ("<lora:nobody:1>", "LoRA", "The LoRA 'nobody' is in none of the folders"),
        ("<lora:standard:1:lbw=1,0,1>", "Block weights", "The block weights cannot be used: No layout has 3"),
        ("<lora:standard:1:lbw=Mine>", "Block weights", "hold the numbers of 'Mine'"),
    ],
)
def test_what_cannot_be_had_of_another_lora_is_named(places, tag, field, words):
    found = tagged(f"<lora:gobuhime-Defmix2:1:lbw={WEIGHTS}> {tag}", settings=places)
    assert words in said(found, field)


def test_a_webuis_picture_fills_the_form(places):
    info, target = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add_text("parameters", FORGE)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(target, "PNG", pnginfo=info)
    assert read_generation_of_picture(target.getvalue(), places) == read_generation(FORGE, places)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The infotext is empty"),
        (" \n", "The infotext is empty"),
        ("x" * ((1 << 20) + 1), "longer than a million characters"),
        ('{"prompt": "1girl"}', "The text is JSON"),
    ],
)
def test_what_is_no_infotext_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        read_generation(text, NOWHERE)


@pytest.mark.parametrize("text", ["{a|b}, 1girl", "{}, x", '{"a": ' * 5000])
def test_a_prompt_may_begin_with_a_brace(text):
    assert read_generation(text, NOWHERE).prompt == text.strip()


def test_a_picture_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(BlockweightError, match=r"none\.png' cannot be read"):
        read_generation_of_picture_file(tmp_path / "none.png")
    with pytest.raises(BlockweightError, match="cannot be read"):
        read_generation_of_picture_file(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters()) | st.lists(PIECES | st.just("gobuhime-Defmix2"), max_size=30).map("".join))
def test_any_text_fills_fields_or_is_refused_in_a_sentence(places, text):
    try:
        found = read_generation(text, places)
    except BlockweightError as error:
        assert len(str(error)) < 400
        return
    json.dumps([str(getattr(found, field.name)) for field in fields(found)], ensure_ascii=False).encode()
    assert all("\n" not in note.text for note in found.notes)
