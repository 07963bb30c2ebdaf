"""Models are found and opened inside the named folders, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from blockweight.demo.embedded import model_folder
from blockweight.errors import BlockweightError
from blockweight.workflow.model_library import ModelLibrary
from workshop import write_model


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "models"
    (made / "sub").mkdir(parents=True)
    for name in ("b.safetensors", "sub/c.SAFETENSORS", "notes.txt", ".hidden.safetensors", "old.ckpt"):
        (made / name).write_bytes(b"model")
    write_model(made / "anime")
    write_model(tmp_path / "outside")
    return made


def names(library):
    return [model.name for model in library.files() if not model.embedded]


def test_checkpoints_and_diffusers_folders_are_listed_but_not_what_is_in_those(folder):
    found = ModelLibrary((folder,)).files()
    assert [model.name for model in found[:-1]] == ["b.safetensors", "anime", "sub/c.SAFETENSORS"]
    assert [model.size for model in found[:-1]] == [5, 7, 5]


def test_files_that_are_recognisably_no_models_are_left_out(folder):
    tensor = np.zeros(1, np.float32)
    for name, key in {
        "checkpoint": "model.diffusion_model.input_blocks.0.0.weight",
        "unknown": "double_blocks.0.img_mod.lin.weight",
        "lora": "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight",
        "peft": "transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        "vae": "decoder.conv_in.weight",
        "controlnet": "control_model.input_hint_block.0.weight",
        "embedding": "emb_params",
    }.items():
        save_file({key: tensor}, folder / f"{name}.safetensors")
    assert set(names(ModelLibrary((folder,)))) == {
        "b.safetensors", "anime", "sub/c.SAFETENSORS", "checkpoint.safetensors", "unknown.safetensors",
    }  # fmt: skip


def test_a_file_that_became_a_lora_is_left_out(folder):
    assert "b.safetensors" in names(ModelLibrary((folder,)))
    save_file({"lora_te_text_model.lora_up.weight": np.zeros(1, np.float32)}, folder / "b.safetensors")
    assert "b.safetensors" not in names(ModelLibrary((folder,)))


def test_a_folder_that_is_a_model_itself_is_listed(folder):
    assert names(ModelLibrary((folder / "anime",))) == ["anime"]


def test_the_embedded_model_is_always_there_and_may_be_opened():
    library = ModelLibrary(())
    (model,) = library.files()
    assert (model.path, model.embedded, model.size > 1e6) == (model_folder(), True, True)
    assert library.open_path(str(model_folder())) == model_folder()


def test_what_is_listed_is_opened(folder):
    library = ModelLibrary((folder,))
    assert [library.open_path(str(model.path)) for model in library.files()] == [
        model.path for model in library.files()
    ]


@pytest.mark.parametrize(
    "path",
    ["{folder}/../outside", "/etc/a.safetensors", "b.safetensors", "{folder}/none.safetensors", "{folder}/notes.txt",
     "{folder}/old.ckpt", "{folder}/sub", "{folder}/link", "{folder}\x00", "", "{folder}/loop.safetensors"],
)  # fmt: skip
def test_a_path_that_leads_out_or_to_no_model_is_refused(folder, path):
    (folder / "link").symlink_to(folder.parent / "outside")
    (folder / "loop.safetensors").symlink_to(folder / "loop.safetensors")
    with pytest.raises(BlockweightError):
        ModelLibrary((folder,)).open_path(path.format(folder=folder))


def test_links_that_lead_out_are_not_listed(folder):
    (folder / "link").symlink_to(folder.parent / "outside")
    (folder / "link.safetensors").symlink_to(folder.parent / "outside" / "unet" / "diffusion_pytorch_model.safetensors")
    assert len(names(ModelLibrary((folder,)))) == 3
