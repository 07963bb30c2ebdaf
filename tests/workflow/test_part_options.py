"""A scene's VAE, the picture that it is drawn over and its ControlNets, from options and infotexts."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.lora import write_lora
from blockweight.plan import CONTROL_MODES, RESIZE_MODES, Control, Part, Start
from blockweight.workflow.generation_fields import read_generation
from blockweight.workflow.new_project import notes_beside
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.sampling_options import SamplingOptions
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.settings import Settings
from workshop import write_model

PLAIN = PartOptions()


@pytest.fixture
def files(tmp_path):
    """Weights that are told by their tensors' names, and pictures."""
    number = np.zeros(1, np.float32)
    write_lora(tmp_path / "kl-f8-anime2.safetensors", {"decoder.conv_in.weight": number}, {})
    write_lora(tmp_path / "canny.safetensors", {"control_model.zero_convs.0.0.weight": number}, {})
    write_lora(tmp_path / "depth.safetensors", {"control_model.zero_convs.0.0.weight": number + 1}, {})
    for name in ("start", "lines", "depth"):
        Image.new("RGB", (8, 8), (name == "lines" and "red") or "blue").save(tmp_path / f"{name}.png")
    return tmp_path


def sha(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def part(path) -> Part:
    return Part(str(path), sha(path))


def test_nothing_typed_is_nothing():
    assert PLAIN.scene_fields() == {"vae": None, "start": None, "controls": ()}


def test_a_vae_is_told_by_its_content(files):
    vae = files / "kl-f8-anime2.safetensors"
    assert PartOptions(vae=vae).scene_fields()["vae"] == part(vae)


def test_a_folder_of_weights_is_told_by_its_content(files):
    folder = files / "vae"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"a")
    first = PartOptions(vae=folder).scene_fields()["vae"]
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"b")
    assert PartOptions(vae=folder).scene_fields()["vae"].digest != first.digest


def test_a_picture_to_draw_over_has_the_webuis_usual_ways(files):
    picture = part(files / "start.png")
    assert PartOptions(init_image=files / "start.png").scene_fields()["start"] == Start(picture, 0.75, RESIZE_MODES[0])
    typed = PartOptions(init_image=files / "start.png", denoise=0.3, resize_mode="crop AND resize")
    assert typed.scene_fields()["start"] == Start(picture, 0.3, RESIZE_MODES[1])


def test_values_are_for_each_controlnet_or_for_all(files):
    typed = PartOptions(
        control=(files / "canny.safetensors", files / "depth.safetensors"),
        control_picture=(files / "lines.png", files / "depth.png"),
        control_weight=(0.5, 0.7),
        control_end=(0.8,),
        control_mode=("controlnet is more important",),
    )
    canny = Control(part(files / "canny.safetensors"), part(files / "lines.png"), 0.5, end=0.8, mode=CONTROL_MODES[2])
    depth = replace(canny, model=part(files / "depth.safetensors"), picture=part(files / "depth.png"), weight=0.7)
    assert typed.scene_fields()["controls"] == (canny, depth)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"denoise": 0.5}, "no picture to draw over"),
        ({"resize_mode": "Just resize"}, "no picture to draw over"),
        ({"vae": "none.safetensors"}, "There is no VAE at"),
        ({"vae": "start.png"}, "is not a .safetensors file"),
        ({"vae": "."}, "holds no VAE (it needs config.json"),
        ({"init_image": "canny.safetensors"}, "cannot be read as a picture"),
        ({"init_image": "start.png", "denoise": 2.0}, "The denoising strength must be a number from 0 to 1, not 2."),
        ({"init_image": "start.png", "resize_mode": "bend"}, "There is no resize mode 'bend'; use one of: Just resize"),
        ({"control": ("canny.safetensors",)}, "ControlNets and their pictures differ in number (1 and 0)"),
        ({"control_picture": ("lines.png",)}, "ControlNets and their pictures differ in number (0 and 1)"),
        ({"control": ("canny.safetensors",) * 3, "control_picture": ("lines.png",) * 3, "control_weight": (1, 0.5)},
         "There are 3 ControlNets, but 2 values of --control-weight"),
        ({"control": ("canny.safetensors",), "control_picture": ("lines.png",), "control_weight": (3.0,)},
         "The weight of a ControlNet must be a number from 0 to 2, not 3."),
        ({"control": ("canny.safetensors",), "control_picture": ("lines.png",), "control_start": (0.9,),
          "control_end": (0.1,)}, "from 0.9 to 0.1 of the steps"),
        ({"control": ("canny.safetensors",), "control_picture": ("lines.png",), "control_mode": ("loud",)},
         "There is no control mode 'loud'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(files, options, words):
    paths = ("vae", "init_image", "control", "control_picture")
    there = {name: value if name not in paths else tuple(files / each for each in value) if isinstance(value, tuple)
             else files / value for name, value in options.items()}  # fmt: skip
    with pytest.raises(BlockweightError) as error:
        PartOptions(**there).scene_fields()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_picture_that_is_drawn_over_has_no_hires_pass(files):
    write_model(files / "model")
    rest = ("", "1", 4, 7.0, "Euler", "64x64", SamplingOptions(hires_scale=2))
    with pytest.raises(BlockweightError, match="has no hires pass"):
        scenes_of(files / "model", ["1girl"], *rest, parts=PartOptions(init_image=files / "start.png"))


UNIT = 'ControlNet 0: "Module: canny, Model: canny [{}], Weight: 0.5, Guidance End: 0.8"'


def read(files, line: str):
    return read_generation(f"1girl\nSteps: 20, Sampler: Euler, RNG: CPU, {line}", Settings(models=(files,)))


def test_a_vae_is_found_by_its_name_and_hash(files):
    vae = files / "kl-f8-anime2.safetensors"
    found = read(files, f"VAE: kl-f8-anime2.ckpt, VAE hash: {sha(vae)[:10]}")
    assert (found.parts.vae, found.notes) == (vae, ())
    assert read(files, "Module 1: kl-f8-anime2").parts.vae == vae


def test_a_vae_that_is_missing_or_another_one_is_named(files):
    (note,) = read(files, "VAE: none.pt").notes
    assert note.text.startswith("The VAE 'none.pt' is in none of the folders of the settings, so the model's own")
    (note,) = read(files, "VAE: kl-f8-anime2, VAE hash: 0000000000").notes
    assert "is another one: its hash does not begin with '0000000000'" in note.text
    (note,) = read(files, "Module 1: t5xxl").notes
    assert note.text.startswith("'t5xxl' is no VAE in the folders")


def test_a_controlnet_is_taken_with_the_map_that_is_typed(files):
    found = read(files, UNIT.format(hashlib.sha256(b"").hexdigest()[:8]))
    assert [note.fields for note in found.notes] == [("ControlNet picture",)]
    assert PLAIN.filled(found.parts, ()) == PLAIN
    typed = PartOptions(control_picture=(files / "lines.png",))
    filled = typed.filled(found.parts, ["control_picture"])
    (control,) = filled.scene_fields()["controls"]
    assert (control.model.path, control.weight, control.end) == (str(files / "canny.safetensors"), 0.5, 0.8)
    assert notes_beside(found, ["control_picture"]) == []


def test_a_controlnet_that_is_typed_keeps_the_infotexts_ways(files):
    found = read(files, UNIT.replace("canny [{}]", "nowhere"))
    assert [note.fields for note in found.notes] == [("ControlNet picture",), ("ControlNet model",)]
    names = ["control", "control_picture"]
    assert notes_beside(found, names) == []
    typed = PartOptions(control=(files / "depth.safetensors",), control_picture=(files / "depth.png",))
    assert typed.filled(found.parts, names).control_weight == (0.5,)


def test_a_picture_that_is_drawn_over_is_typed_and_how_far_is_the_infotexts(files):
    found = read(files, "Denoising strength: 0.4")
    assert PLAIN.filled(found.parts, ()) == PLAIN
    typed = PartOptions(init_image=files / "start.png").filled(found.parts, ["init_image"])
    assert typed.scene_fields()["start"].denoising == 0.4
    assert notes_beside(found, ["init_image"]) == []
