"""The metadata form: only what a person changed is changed, and a cover is cut from a picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from projects import make
from projects import render as render_round

from blockweight.errors import BlockweightError
from blockweight.lora import write_lora
from blockweight.lora.header import read_header
from blockweight.lora.metadata import read_covers
from blockweight.workflow.lora_metadata import Saving, parse_crop
from blockweight.workflow.metadata_form import TypedMetadata, cover_pictures, metadata_form, plan_form
from blockweight.workflow.tuning_rounds import plan_round
from workshop import WEIGHTS, module_in


def metadata(path):
    return read_header(path).metadata


def save(path, **typed):
    planned = plan_form(path, TypedMetadata(**typed), Saving())
    if planned is not None:
        planned.write()
    return planned


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    image = Image.new("RGB", (300, 200), "white")
    image.paste("red", (100, 0, 200, 150))
    image.save(path)
    return path


def test_the_form_as_it_is_changes_nothing(locon):
    save(locon, texts={"ssmd_description": "two\nlines", "ssmd_rating": "5"}, recommended=WEIGHTS)
    form = metadata_form(locon)
    texts = {field.key: field.text.replace("\n", "\r\n") for field in (*form.editor, *form.modelspec)}
    assert plan_form(locon, TypedMetadata(texts, recommended=form.recommended), Saving()) is None


def test_what_nobody_touched_stays_as_it_is_even_where_it_is_wrong(tmp_path):
    path = tmp_path / "odd.safetensors"
    odd = {"ssmd_rating": "5.0", "ssmd_description": "two\r\nlines "}
    tensors = {f"{module_in('IN01')}.{name}.weight": np.ones((1, 1), np.float16) for name in ("lora_up", "lora_down")}
    write_lora(path, tensors, odd)
    texts = {field.key: field.text for field in metadata_form(path).editor}
    save(path, texts={**texts, "ssmd_display_name": "ゴブ姫"})
    assert {key: metadata(path)[key] for key in odd} == odd


def test_what_was_emptied_is_removed_and_the_rest_stays(locon):
    save(locon, texts={"ssmd_display_name": "ゴブ姫", "ssmd_author": "me"}, recommended=f"G:{WEIGHTS}")
    assert metadata_form(locon).recommended == f"G:{WEIGHTS}"
    save(locon, texts={"ssmd_display_name": "ゴブ姫", "ssmd_author": " "}, recommended="")
    assert metadata(locon)["ssmd_display_name"] == "ゴブ姫"
    assert not {"ssmd_author", "blockweight.recommended_weights"} & metadata(locon).keys()


def test_every_field_of_the_command_is_in_the_form(locon):
    form = metadata_form(locon)
    assert [field.name for field in form.editor] == [
        "name", "author", "keywords", "description", "url", "rating", "tags", "version",
    ]  # fmt: skip
    assert {"modelspec.title", "modelspec.license"} <= {field.key for field in form.modelspec}
    assert form.cover == "none"


@pytest.mark.parametrize(
    "typed",
    [{"texts": {"ssmd_rating": "11"}}, {"others": "no equals sign"}, {"recommended": "1,2,3"}, {"fill": "x"},
     {"others": "ss_seed=1"}, {"texts": {"ssmd_display_name": "two\nlines"}}],
)  # fmt: skip
def test_what_no_reader_could_use_is_refused_and_nothing_is_written(locon, typed):
    before = locon.read_bytes()
    with pytest.raises(BlockweightError):
        save(locon, **typed)
    assert locon.read_bytes() == before


def test_other_keys_are_set_and_removed_a_line_each(locon):
    save(locon, others="a.b=1\r\n\r\nc=2=3")
    assert (metadata(locon)["a.b"], metadata(locon)["c"]) == ("1", "2=3")
    save(locon, remove="a.b\r\nc")
    assert not {"a.b", "c"} & metadata(locon).keys()


def test_the_cover_is_the_chosen_part_of_the_picture(locon, picture):
    save(locon, cover=picture, crop="100,0,100,150")
    (cover,) = read_covers(metadata(locon))
    assert (cover.width, cover.height) == (100, 150)
    save(locon, cover=picture)
    assert read_covers(metadata(locon))[0].width == 300


def test_a_cover_is_taken_out(locon, picture):
    save(locon, cover=picture)
    save(locon, no_cover=True)
    assert read_covers(metadata(locon)) == ()
    assert save(locon, no_cover=True) is None


@pytest.mark.parametrize("crop", ["1,2,3", "a,0,1,1", "0,0,0,10", "0,0,301,10", "299,0,2,2", "-1,0,2,2", "1.5,0,2,2"])
def test_a_part_that_leads_out_of_the_picture_is_refused(locon, picture, crop):
    with pytest.raises(BlockweightError):
        save(locon, cover=picture, crop=crop)


def test_a_part_is_four_numbers(locon):
    assert (parse_crop(""), parse_crop(" 1, 2,3 ,4 ")) == (None, (1, 2, 3, 4))


def test_pictures_of_the_current_weights_are_offered_first_and_only_those_that_are_there(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        assert cover_pictures(tuning) == ()
        plan_round(tuning, "Sub", 0.5)
        render_round(tuning)
        first, second, *others = cover_pictures(tuning)
        assert len(others) == 8
        (tuning.project.pictures.folder / f"{first}.png").unlink()
        assert cover_pictures(tuning)[0] == second
