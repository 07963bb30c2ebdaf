"""The arguments of kohya_ss, musubi-tuner, ai-toolkit and LyCORIS."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import MASKED, dotted_name, training

from blockweight.blocks import FAMILIES, layout_by_name
from blockweight.blocks.layout import series_and_number
from blockweight.errors import BlockweightError
from blockweight.train import TRAINERS, Training, trainer_by_name, unet_modules
from blockweight.train.block_names import SERIES
from blockweight.weights import uniform

GUI, MUSUBI, AI_TOOLKIT, LYCORIS = map(trainer_by_name, ("kohya-gui", "musubi", "ai-toolkit", "lycoris"))


def test_the_interface_gets_its_own_keys():
    found = json.loads(GUI.arguments(training("sdxl-20", IN04=0.5, BASE=0)).text)
    assert found == {
        "LoRA_type": "Standard",
        "sdxl": True,
        "unet_lr": 1e-4,
        "text_encoder_lr": 0.0,
        "down_lr_weight": "1,1,1,1,0.5,1,1,1,1",
        "mid_lr_weight": "1,1,1",
        "up_lr_weight": "1,1,1,1,1,1,1,1,1",
        "block_lr_zero_threshold": "",
    }


def test_the_interface_calls_convolutions_kohya_locon():
    found = json.loads(GUI.arguments(Training(uniform("a", layout_by_name("sd1-26"), 1.0), 1e-4, 5e-5, 8, 4.0, 2)).text)
    assert (found["LoRA_type"], found["conv_dim"], found["conv_alpha"]) == ("Kohya LoCon", 2, 1.0)
    assert (found["network_dim"], found["network_alpha"]) == (8, 4.0)


def test_the_interface_takes_flux_masks_only():
    found = json.loads(GUI.arguments(training("flux1-61", D00=0)).text)
    assert (found["train_double_block_indices"], found["train_t5xxl"]) == ("1-18", True)
    with pytest.raises(BlockweightError, match=r"D00 is 0.5, but kohya_ss .* use --for sd-scripts-toml"):
        GUI.arguments(training("flux1-61", D00=0.5))
    with pytest.raises(BlockweightError, match="trains T5 only together with CLIP"):
        GUI.arguments(training("flux1-61", CLIP=0))


def test_the_interface_does_not_train_the_text_encoder_alone():
    with pytest.raises(BlockweightError, match="use --for sd-scripts-toml"):
        GUI.arguments(training(base=0, BASE=1))


def excluded(text):
    """musubi-tuner's patterns, read as it reads them: cut at every `=`, then as a Python list."""
    words = shlex.split(text)
    pairs = (
        [word.split("=") for word in words[words.index("--network_args") + 1 :]] if "--network_args" in words else []
    )
    assert all(len(pair) == 2 for pair in pairs)
    return ast.literal_eval(dict(pairs).get("exclude_patterns", "[]"))


def test_musubi_leaves_out_whole_blocks():
    made = MUSUBI.arguments(training("wan-42", B00=0, B01=0))
    assert made.text == (
        "--network_module networks.lora_wan --learning_rate 0.0001 --network_args "
        "\"exclude_patterns=[r'blocks[.](0|1)[.].*']\""
    )


@pytest.mark.parametrize("layout", MASKED)
@settings(max_examples=10)
@given(data=st.data())
def test_musubis_patterns_leave_out_the_blocks_of_weight_0_and_no_other(layout, data):
    found = layout_by_name(layout)
    blocks = [block for block in found.blocks if block not in ("CLIP", "T5")]
    wanted = {block: float(data.draw(st.booleans(), block)) for block in blocks}
    try:
        made = MUSUBI.arguments(training(layout, **wanted))
    except BlockweightError as error:
        assert "no module would be trained" in str(error)
        return
    patterns = excluded(made.text)
    fates = {each.block: each.fate for each in made.dry_run}
    for block in filter(series_and_number, blocks):
        if series_and_number(block)[0] not in SERIES[found.family] or (block[0] in "NC" and found.family == "zimage"):
            assert fates[block] == "skipped"
            continue
        out = any(re.fullmatch(pattern, dotted_name(found.family, block)) for pattern in patterns)
        assert (out, fates[block]) == (not wanted[block], "trained" if wanted[block] else "skipped")


def test_flux_keeps_musubis_own_default_pattern():
    """musubi-tuner drops its default as soon as patterns are given."""
    for layout in ("flux1-61", "flux2-58"):
        assert any(
            re.fullmatch(p, "double_blocks.1.img_mod.lin")
            for p in excluded(MUSUBI.arguments(training(layout, D00=0)).text)
        )


def test_kandinskys_default_include_patterns_are_switched_off():
    assert '"include_patterns=[]"' in MUSUBI.arguments(training("kandinsky5-36", B00=0)).text


def test_hunyuan_videos_patterns_fit_framepack_too():
    patterns = excluded(MUSUBI.arguments(training("hunyuan-video-62", S03=0)).text)
    assert any(re.fullmatch(pattern, "single_transformer_blocks.3.attn.to_q") for pattern in patterns)
    assert "networks.lora_hv_1_5" in MUSUBI.arguments(training("hunyuan-video-56", D00=0)).text


def test_krea_2_embedders_and_last_layer_can_be_left_out():
    patterns = excluded(MUSUBI.arguments(training("krea2-34", IN=0, OUT=0)).text)
    for name in ("first", "tmlp.0", "txtmlp.1", "tproj.1", "txtfusion.projector", "last.linear"):
        assert any(re.fullmatch(pattern, name) for pattern in patterns)
    assert not any(re.fullmatch(pattern, "txtfusion.refiner_blocks.0.attn.wq") for pattern in patterns)


@pytest.mark.parametrize("trainer", [MUSUBI, AI_TOOLKIT])
def test_a_weight_between_0_and_1_is_refused_by_trainers_with_masks(trainer):
    with pytest.raises(
        BlockweightError, match=r"B05 is 0.5, but .* has no learning rate per block for wan.*give 0 or 1"
    ):
        trainer.arguments(training("wan-42", B05=0.5))


def ignored(text):
    return re.findall(r'^      - "(.*)"$', text, re.MULTILINE)


def test_ai_toolkits_parts_tell_like_named_blocks_apart():
    parts = ignored(AI_TOOLKIT.arguments(training("flux1-61", D01=0)).text)
    assert any(part in "transformer.transformer_blocks.1.attn.to_q" for part in parts)
    assert not any(part in "transformer.single_transformer_blocks.1.attn.to_q" for part in parts)
    assert not any(part in "transformer.transformer_blocks.11.attn.to_q" for part in parts)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_ai_toolkits_parts_of_a_unet_choose_the_blocks_own_modules(family):
    """ai-toolkit runs diffusers' UNets; SD1's names are the same in sd-scripts, so they can be tried."""
    layout = layout_by_name({"sd1": "sd1-26", "sdxl": "sdxl-20"}[family])
    parts = {
        block: ignored(AI_TOOLKIT.arguments(training(layout.name, **{block: 0.0})).text) for block in layout.blocks[1:]
    }
    assert all(parts.values())
    assert len({part for each in parts.values() for part in each}) == sum(map(len, parts.values()))
    if family == "sd1":
        for module in unet_modules("sd1"):
            hit = {block for block, each in parts.items() if any(part in f"unet.{module.path}." for part in each)}
            assert hit == {module.block}


def test_ai_toolkits_numbers_are_numbers_for_yaml():
    text = AI_TOOLKIT.arguments(training(unet_lr=1e-5, te=1e-6)).text
    assert "lr: 1.0e-05\n" in text
    assert "text_encoder_lr: 1.0e-06" in text


def test_ai_toolkit_trains_a_unets_text_encoder_at_its_own_rate():
    assert "train_text_encoder: false" in AI_TOOLKIT.arguments(training(BASE=0)).text
    assert "text_encoder_lr: 2.5e-05" in AI_TOOLKIT.arguments(training(BASE=0.5)).text


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("conv", [None, 4])
def test_a_lycoris_preset_names_the_modules_of_the_trained_blocks(family, conv):
    layout = layout_by_name({"sd1": "sd1-26", "sdxl": "sdxl-20"}[family])
    weights = uniform("a", layout, 0.0).with_weights({"IN00": 1.0, "IN04": 1.0, "M00": 1.0, "OUT05": 1.0})
    made = LYCORIS.arguments(Training(weights, 1e-4, 5e-5, conv_dim=conv))
    found = tomllib.loads(made.text)
    assert (found["enable_conv"], found["unet_target_module"]) == (conv is not None, [])
    assert found["text_encoder_target_module"] == []
    matched = {m.lora_name for m in unet_modules(family) if any(re.match(p, m.path) for p in found["unet_target_name"])}
    trained = {name for each in made.dry_run if each.fate == "trained" for name in each.modules}
    first = {"sd1": "lora_unet_conv_in", "sdxl": "lora_unet_input_blocks_0_0"}[family]
    assert trained - {first} == matched
    assert (first in trained) == (conv is not None)


def test_lycoris_has_no_rates_per_block():
    with pytest.raises(BlockweightError, match=r"IN01 is 0.5, but LyCORIS .*use --for sd-scripts"):
        LYCORIS.arguments(training(IN01=0.5))


def test_a_lycoris_preset_names_whole_blocks_of_a_transformer():
    found = tomllib.loads(LYCORIS.arguments(training("lumina2-33", base=0, L01=1)).text)
    assert any(re.match(pattern, "layers.1.attention.qkv") for pattern in found["unet_target_name"])
    assert not any(re.match(pattern, "layers.11.attention.qkv") for pattern in found["unet_target_name"])


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda trainer: trainer.name)
@pytest.mark.parametrize("family", [family.name for family in FAMILIES if family.layouts])
def test_every_trainer_writes_or_refuses_every_family_in_one_line(trainer, family):
    layouts = [layout for each in FAMILIES if each.name == family for layout in each.layouts if not layout.partial]
    for layout in layouts:
        try:
            made = trainer.arguments(training(layout.name))
        except BlockweightError as error:
            assert len(str(error).splitlines()) == 1
            assert family not in trainer.families
        else:
            assert [each.block for each in made.dry_run] == list(layout.blocks)
            assert family in trainer.families


def test_an_unknown_trainer_is_refused_with_the_known_ones():
    with pytest.raises(BlockweightError, match="no trainer called 'a1111'; use one of: sd-scripts, sd-scripts-toml"):
        trainer_by_name("a1111")


def test_a_transformer_has_no_convolutions_to_train():
    for trainer, layout in (
        (MUSUBI, "wan-42"),
        (AI_TOOLKIT, "wan-42"),
        (LYCORIS, "flux1-61"),
        (TRAINERS[0], "flux1-61"),
    ):
        plan = Training(uniform("a", layout_by_name(layout), 1.0), 1e-4, 5e-5, conv_dim=4)
        assert any(note.startswith("--conv-dim is left out") for note in trainer.arguments(plan).notes)
