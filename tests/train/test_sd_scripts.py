"""What sd-scripts is told, and that it does what the weights say."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainings import LAYOUTS, lora_name, training

from blockweight.blocks import layout_by_name
from blockweight.errors import BlockweightError
from blockweight.train import Training, trainer_by_name
from blockweight.train.training import TEXT_BLOCKS
from blockweight.weights import BlockWeights, block_rates, parse_pasted, uniform
from workshop import WEIGHTS

COMMAND, TOML = trainer_by_name("sd-scripts"), trainer_by_name("sd-scripts-toml")


def network_args(made):
    return parse_pasted(made.text).network_args


def test_sd1_gets_three_full_lists():
    weights = BlockWeights("Gobuhime", layout_by_name("sd1-26"), tuple(map(float, WEIGHTS.split(","))))
    assert COMMAND.arguments(Training(weights, 1e-4, 5e-5)).text == (
        "--network_module networks.lora --unet_lr 0.0001 --text_encoder_lr 5e-05 --network_args "
        '"down_lr_weight=0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0" "mid_lr_weight=1" '
        '"up_lr_weight=0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5"'
    )


def test_sdxl_gets_the_middle_three_times_and_two_text_rates():
    words = shlex.split(COMMAND.arguments(training("sdxl-20", M00=0.25)).text)
    assert "mid_lr_weight=0.25,0.25,0.25" in words
    assert words[words.index("--text_encoder_lr") + 1 :][:2] == ["5e-05", "5e-05"]


def test_base_0_trains_the_unet_only():
    text = COMMAND.arguments(training(BASE=0)).text
    assert "--network_train_unet_only" in text
    assert "--text_encoder_lr" not in text


def test_all_blocks_but_base_at_0_train_the_text_encoder_only():
    made = COMMAND.arguments(training(base=0, BASE=1))
    assert "--network_train_text_encoder_only" in made.text
    assert made.count("trained") == 72


def test_all_zeros_are_refused():
    with pytest.raises(BlockweightError, match="no module would be trained"):
        COMMAND.arguments(training(base=0))


def test_weights_on_blocks_without_modules_are_refused():
    with pytest.raises(BlockweightError, match="no module would be trained"):
        COMMAND.arguments(training(base=0, IN00=1, IN03=1, OUT00=1))


def test_convolutions_are_named_with_rank_and_alpha():
    made = COMMAND.arguments(Training(uniform("a", layout_by_name("sd1-26"), 1.0), 1e-4, 5e-5, 16, 8.0, 4, 0.5))
    assert '"conv_dim=4" "conv_alpha=0.5"' in made.text
    assert "--network_dim 16 --network_alpha 8.0" in made.text
    assert made.count("trained") == 278 + 72


def test_the_dry_run_counts_what_is_trained_and_skipped():
    made = COMMAND.arguments(training(base=0, IN01=0.5, M00=1))
    fates = {each.block: (each.fate, each.learning_rate, len(each.modules)) for each in made.dry_run}
    assert (made.count("trained"), made.count("skipped"), made.count("zero")) == (24, 168 + 72, 0)
    assert fates["IN01"] == ("trained", 5e-05, 12)
    assert fates["OUT03"] == ("skipped", 0, 12)


def test_the_toml_says_the_same_as_the_command():
    for layout in LAYOUTS:
        for base in (1.0, 0.0):
            plan = training(layout, base, **{layout_by_name(layout).blocks[-4]: 1.0})
            found = tomllib.loads(TOML.arguments(plan).text)
            words = shlex.split(COMMAND.arguments(plan).text)
            assert found["network_module"] == words[1]
            assert found["unet_lr"] == float(words[3])
            listed = words[words.index("--network_args") + 1 :] if "--network_args" in words else []
            assert found.get("network_args", []) == listed
            assert found.get("network_train_unet_only", False) == ("--network_train_unet_only" in words)


@given(st.lists(st.floats(0, 2).map(lambda value: round(value, 3)), min_size=26, max_size=26).filter(any))
def test_the_lists_give_back_the_weights(values):
    try:
        made = COMMAND.arguments(Training(BlockWeights("a", layout_by_name("sd1-26"), tuple(values)), 1e-4, 5e-5))
    except BlockweightError:
        assert not any(value for value in values[:1] + values[2:])  # only blocks without modules have a weight
        return
    assert block_rates(network_args(made), "sd1").values == tuple(values[1:])


def test_flux_blocks_of_one_weight_share_a_pattern():
    made = network_args(COMMAND.arguments(training("flux1-61", D00=0.5, D03=0.5, S07=0.2, T5=0)))
    assert made == {"network_reg_lrs": "lora_unet_double_blocks_(0|3)_=5e-05,lora_unet_single_blocks_(7)_=2e-05"}


def test_flux_masks_are_index_lists():
    made = network_args(COMMAND.arguments(training("flux1-61", D01=0, D02=0, T5=0)))
    assert made == {"train_double_block_indices": "0,3-18", "train_single_block_indices": "0-37"}


def test_flux_zeros_beside_other_weights_are_ranks_of_0():
    made = network_args(COMMAND.arguments(training("flux1-61", D01=0, D02=0, S00=0.5, T5=0)))
    assert made["network_reg_dims"] == "lora_unet_double_blocks_(1|2)_=0"
    assert "train_double_block_indices" not in made


def test_all_ones_need_no_arguments():
    assert "--network_args" not in COMMAND.arguments(training("flux1-61", T5=0)).text


def test_t5_is_trained_where_it_has_a_weight_and_clip_at_0_stays_zero():
    made = COMMAND.arguments(training("flux1-61", CLIP=0))
    assert network_args(made)["train_t5xxl"] == "True"
    assert "--text_encoder_lr 0.0 5e-05" in made.text
    assert {each.block: each.fate for each in made.dry_run}["CLIP"] == "zero"


def test_what_sd_scripts_never_trains_is_said():
    made = COMMAND.arguments(training("flux1-61"))
    fates = {each.block: each.fate for each in made.dry_run}
    assert (fates["IN"], fates["OUT"]) == ("skipped", "skipped")
    assert "Not trained, whatever the weight: IN, OUT." in made.notes


def test_hunyuan_image_has_no_text_encoder():
    made = COMMAND.arguments(training("hunyuan-image-62", D01=0, S02=0.5))
    assert "--network_train_unet_only" in made.text
    assert network_args(made)["network_reg_dims"] == "lora_unet_double_blocks_(1)_=0"


def test_anima_excludes_by_pattern_and_trains_the_adapter_on_demand():
    adapter = {f"A{number:02}": 0.0 for number in range(6)}
    made = network_args(COMMAND.arguments(training("anima-37", B03=0.5, B04=0.5, B00=0, B01=0, **adapter)))
    assert made == {"network_reg_lrs": "blocks[.](3|4)[.].*=5e-05", "exclude_patterns": "['blocks[.](0|1)[.].*']"}
    assert network_args(COMMAND.arguments(training("anima-37")))["train_llm_adapter"] == "True"


def test_sd3_takes_masks_only():
    made = network_args(COMMAND.arguments(training("sd3-28", J12=0, T5=0)))
    assert made == {"train_block_indices": "0-11,13-23"}
    with pytest.raises(BlockweightError, match=r"J05 is 0.5, but sd-scripts has no learning rate per block for sd3"):
        COMMAND.arguments(training("sd3-28", J05=0.5))


@pytest.mark.parametrize("layout", ["lumina2-33", "wan-42"])
def test_another_family_is_refused_with_the_trainers_that_take_it(layout):
    with pytest.raises(BlockweightError, match=r"; use --for .*ai-toolkit"):
        COMMAND.arguments(training(layout))


def test_adam_alone_takes_several_rates():
    assert any("AdamW" in note for note in COMMAND.arguments(training(IN01=0.5)).notes)
    assert COMMAND.arguments(training(IN01=0)).notes == ()


STREAMS = [block for block in layout_by_name("flux1-61").blocks if block not in (*TEXT_BLOCKS, "IN", "OUT")]
VALUES = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5])


@given(st.lists(VALUES, min_size=len(STREAMS), max_size=len(STREAMS)).filter(any))
def test_flux_patterns_choose_each_block_for_its_own_rate(values):
    """The patterns are tried here as sd-scripts tries them: cut at commas, `re.search`, the first match counts."""
    wanted = dict(zip(STREAMS, values, strict=True))
    made = network_args(COMMAND.arguments(training("flux1-61", T5=0, **wanted)))
    if "train_double_block_indices" in made:
        assert set(values) <= {0.0, 1.0}
        return
    rates = [pair.split("=", 1) for pair in made.get("network_reg_lrs", "").split(",") if pair]
    ranks = [pair.split("=", 1) for pair in made.get("network_reg_dims", "").split(",") if pair]
    for block, weight in wanted.items():
        name = lora_name("flux1", block)
        rate = next((float(value) for pattern, value in rates if re.search(pattern, name)), 1e-4)
        absent = any(re.search(pattern, name) for pattern, _ in ranks)
        assert (0.0 if absent else rate / 1e-4) == pytest.approx(weight)
