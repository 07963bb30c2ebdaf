"""A VAE, a picture that was drawn over, and ControlNets, read from infotexts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan import CONTROL_MODES, RESIZE_MODES, ControlSettings, quote_setting, read_infotext, scene_settings


def scene_of(line: str):
    return scene_settings(read_infotext(f"1girl\nSteps: 20, Sampler: Euler, RNG: CPU, {line}"))


def notes_of(line: str) -> list[str]:
    return [note.text for note in scene_of(line).notes]


CANNY = (
    "Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 0.8, Resize Mode: Just Resize, "
    "Processor Res: 512, Threshold A: 100.0, Threshold B: 200.0, Guidance Start: 0.1, Guidance End: 0.9, "
    "Pixel Perfect: True, Control Mode: My prompt is more important"
)
WANTED = ControlSettings(
    "ControlNet 0", "canny", "control_v11p_sd15_canny", "d14c016b", 0.8, 0.1, 0.9, CONTROL_MODES[1], RESIZE_MODES[0]
)
EARLIER = (
    "preprocessor: canny, model: control_v11p_sd15_canny [d14c016b], weight: 0.8, starting/ending: (0.1, 0.9), "
    "resize mode: Just Resize, pixel perfect: True, control mode: My prompt is more important, "
    "preprocessor params: (512, 100, 200)"
)
FLAT = (
    "ControlNet-0 Enabled: True, ControlNet-0 Module: canny, ControlNet-0 Model: control_v11p_sd15_canny [d14c016b], "
    "ControlNet-0 Weight: 0.8, ControlNet-0 Guidance Start: 0.1, ControlNet-0 Guidance End: 0.9, ControlNet-0 Resize "
    "Mode: Just Resize, ControlNet-0 Control Mode: My prompt is more important"
)


@pytest.mark.parametrize(
    "line", [f"ControlNet 0: {quote_setting(CANNY)}", f"ControlNet 0: {quote_setting(EARLIER)}", FLAT]
)
def test_a_controlnet_is_read_as_the_extension_and_its_earlier_versions_write_it(line):
    scene = scene_of(line)
    assert scene.parts.controls == (WANTED,)
    (note,) = scene.notes
    assert note.fields == ("ControlNet picture",)
    assert note.text == (
        "ControlNet 0 works by a picture that the infotext does not hold; give it as 'canny' makes it "
        "(--control-picture), or it is left out."
    )


def test_what_a_unit_does_not_say_is_the_extensions_usual():
    (unit,) = scene_of('ControlNet 2: "Module: none, Model: softedge"').parts.controls
    assert unit == ControlSettings("ControlNet 2", "", "softedge", "", 1.0, 0.0, 1.0, "Balanced", "Crop and resize")


def test_several_units_are_read_in_their_order_and_those_that_are_off_are_none():
    line = ", ".join(f'ControlNet {number}: "Module: none, Model: m{number}"' for number in (0, 1, 3))
    assert [unit.model for unit in scene_of(line).parts.controls] == ["m0", "m1", "m3"]
    assert scene_of("ControlNet Enabled: False, ControlNet Model: a").parts.controls == ()


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("Module: reference_only, Model: None", "'reference_only' is more than a map for a ControlNet."),
        ("Module: ip-adapter_clip_sd15, Model: ip-adapter", "is more than a map"),
        ("Module: none, Model: t2iadapter_canny_sd14v1", "'t2iadapter_canny_sd14v1' is another kind of model."),
        ("Module: none, Model: None", "it names no model."),
        ("Module: none, Model: a, Weight: 3", "weight '3' is not a number from 0 to 2."),
        ("Module: none, Model: a, Guidance Start: 0.9, Guidance End: 0.1", "it ends before it begins."),
        ("Module: none, Model: a, Control Mode: Loud", "control mode 'Loud' is not one of"),
    ],
)
def test_a_unit_that_cannot_be_had_is_left_out_with_the_reason(unit, words):
    scene = scene_of(f"ControlNet 0: {quote_setting(unit)}")
    assert scene.parts.controls == ()
    (note,) = scene.notes
    assert note.fields == ("ControlNet 0",)
    assert note.text.startswith("ControlNet 0 is left out: ")
    assert words in note.text


def test_what_a_unit_says_beyond_is_named():
    (picture, further) = notes_of('ControlNet 0: "Module: none, Model: a, Hr Option: Low res only"')
    assert "works by a picture" in picture
    assert further == "'hr option: Low res only' of ControlNet 0 plays no part here."
    assert len(notes_of('ControlNet 0: "Module: none, Model: a, Hr Option: Both"')) == 1


def test_an_img2img_picture_lacks_the_one_that_was_drawn_over():
    scene = scene_of("Denoising strength: 0.4")
    assert scene.parts.denoising == 0.4
    assert "does not hold the picture that was drawn over (img2img)" in scene.notes[0].text
    assert scene_of("Denoising strength: 0.4, Hires upscale: 2").parts.denoising is None


def test_files_that_forge_loads_beside_the_model_are_named():
    assert scene_of("Module 1: kl-f8-anime2, Module 2: None").parts.modules == ("kl-f8-anime2",)


WORDS = st.sampled_from([
    "Module", "Model", "Weight", "Guidance Start", "canny", "[d14c016b]", ": ", ", ", "(", ")", "1", "0.5", "None",
    "starting/ending", "reference_only", "Hr Option", '"', "\\", "[", "{",
])  # fmt: skip


@given(
    st.lists(WORDS, max_size=30).map("".join) | st.text(),
    st.sampled_from(["0", "1", "12", "x", "0 Model", "-1 Weight"]),
)
def test_any_text_of_a_unit_is_read_or_noted(text, number):
    scene = scene_of(f"ControlNet {number}: {quote_setting(text)}")
    assert all(note.text and len(note.text) < 500 for note in scene.notes)
    for unit in scene.parts.controls:
        assert unit.model
        assert 0 <= unit.start <= unit.end <= 1
        assert 0 <= unit.weight <= 2
