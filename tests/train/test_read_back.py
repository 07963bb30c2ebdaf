"""Block learning rates read back from a trainer's arguments."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import LAYOUTS, MASKED, dotted_name, lora_name, training

from blockweight.blocks import layout_by_name
from blockweight.blocks.layout import series_and_number
from blockweight.errors import BlockweightError
from blockweight.train import read_back, trainer_by_name
from blockweight.weights import from_mapping, parse_pasted

VALUES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0, 1.5])


def read(text, layout, unet_lr=None):
    return read_back(parse_pasted(text), layout_by_name(layout), unet_lr)


@pytest.mark.parametrize("form", ["sd-scripts", "sd-scripts-toml"])
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20)
@given(data=st.data())
def test_what_sd_scripts_is_told_reads_back_as_the_weights(form, layout, data):
    blocks = layout_by_name(layout).blocks
    values = st.sampled_from([0.0, 1.0]) if layout.startswith("sd3") else VALUES
    wanted = {block: data.draw(values, block) for block in blocks}
    try:
        made = trainer_by_name(form).arguments(training(layout, **wanted))
    except BlockweightError as error:
        assert "no module would be trained" in str(error)
        return
    found = read(made.text, layout)
    numbered = {block: weight for block, weight in wanted.items() if series_and_number(block)}
    if found.blocks is None:
        assert set(numbered.values()) == {1.0}
    else:
        assert dict(found.blocks) == pytest.approx(numbered)


@pytest.mark.parametrize("layout", MASKED)
@settings(max_examples=10)
@given(data=st.data())
def test_what_musubi_is_told_reads_back_as_the_weights(layout, data):
    blocks = [block for block in layout_by_name(layout).blocks if series_and_number(block)]
    wanted = {block: float(data.draw(st.booleans(), block)) for block in blocks}
    try:
        made = trainer_by_name("musubi").arguments(training(layout, **wanted))
    except BlockweightError as error:
        assert "no module would be trained" in str(error)
        return
    found = read(made.text, layout)
    fates = {each.block: each.fate for each in made.dry_run}
    for block, weight in (found.blocks or dict.fromkeys(blocks, 1.0)).items():
        if fates[block] == "trained" or wanted[block] == 0:
            assert weight == (fates[block] == "trained" or (block[0] in "NCV" and fates[block] == "skipped"))


@pytest.mark.parametrize("layout", ["sd1-26", "sdxl-20", "flux1-61"])
def test_what_kohya_ss_is_told_reads_back_as_the_weights(layout):
    wanted = {layout_by_name(layout).blocks[5]: 0.0}
    found = read(trainer_by_name("kohya-gui").arguments(training(layout, **wanted)).text, layout)
    assert [block for block, weight in found.blocks.items() if weight != 1] == list(wanted)


def test_the_issues_own_example():
    found = read("down_lr_weight=sine+.25 mid_lr_weight=1 block_lr_zero_threshold=0.1", "sd1-26")
    assert (len(found.effective), found.blocks["IN00"], found.blocks["IN11"]) == (25, 0.25, 1.25)
    assert list(found.blocks)[12:14] == ["M00", "OUT00"]


def test_no_argument_for_blocks_means_the_feature_is_off():
    for text, layout in (("block_lr_zero_threshold=0.1", "sd1-26"), ("conv_dim=4", "flux1-61")):
        found = read(text, layout)
        assert (found.effective, found.blocks) == (None, None)
        assert "off" in found.notes[-1]
        assert found.table() == ("all  1",)


def test_absolute_rates_need_the_rate_they_belong_to():
    text = "network_reg_lrs=lora_unet_double_blocks_(0|3)_=5e-05"
    with pytest.raises(BlockweightError, match=r"absolute learning rates.*--unet-lr"):
        read(text, "flux1-61")
    assert read(text, "flux1-61", 1e-4).blocks["D03"] == 0.5


@pytest.mark.parametrize(
    ("pattern", "blocks"),
    [
        ("lora_unet_double_blocks_1_", ["D01"]),
        ("lora_unet_double_blocks_1", ["D01", *(f"D{number}" for number in range(10, 19))]),
        ("double_blocks_(0|1[0-2])_.*", ["D00", "D10", "D11", "D12"]),
        ("lora_unet_single_blocks_[1-20]_", ["S00", "S01", "S02"]),
        (".*single_blocks_3[5-7]_", ["S35", "S36", "S37"]),
        ("lora_unet_double_blocks_", [f"D{number:02}" for number in range(19)]),
        (r"lora_unet_double_blocks_\d_", [f"D{number:02}" for number in range(10)]),
        (r"lora_unet_double_blocks_\d+_", [f"D{number:02}" for number in range(19)]),
    ],
)
def test_a_flat_pattern_means_what_a_search_finds(pattern, blocks):
    found = read(f"network_reg_dims={pattern}=0", "flux1-61").blocks
    assert [block for block, weight in found.items() if weight == 0] == blocks


@pytest.mark.parametrize(
    ("pattern", "blocks"),
    [
        (r"blocks\.1\..*", ["B01"]),
        ("blocks[.]1.*", ["B01", *(f"B{number}" for number in range(10, 20))]),
        ("blocks[.](3|27)[.].*", ["B03", "B27"]),
        ("blocks[.].*", [f"B{number:02}" for number in range(28)]),
    ],
)
def test_a_dotted_pattern_means_what_a_full_match_finds(pattern, blocks):
    found = read(f"exclude_patterns=[r'{pattern}']", "anima-37").blocks
    assert [block for block, weight in found.items() if weight == 0 and block[0] == "B"] == blocks


NUMBERS = st.sampled_from(["1", "12", "(0|3)", "(?:1|2[0-5])", "[1-3]", "1[02-4]", r"\d", r"1\d", r"\d+", "[0-9]+", ""])


@given(
    st.sampled_from(["", ".*", "^lora_unet_", "lora_unet_", ".*lora_unet_"]),
    st.sampled_from(["double_blocks_", "single_blocks_"]),
    NUMBERS,
    st.sampled_from(["", "_"]),
    st.sampled_from(["", ".*", ".*$"]),
)
def test_a_flat_pattern_that_is_read_chooses_what_re_search_chooses(start, module, numbers, end, rest):
    pattern = f"{start}{module}{numbers}{end if numbers else ''}{rest}"
    found = read(f"network_reg_dims={pattern}=0", "flux1-61").blocks
    assert {block: not weight for block, weight in found.items()} == {
        block: re.search(pattern, lora_name("flux1", block)) is not None for block in found
    }


@given(st.sampled_from(["blocks", "llm_adapter[.]blocks"]), NUMBERS, st.sampled_from(["[.]", r"\."]), st.booleans())
def test_a_dotted_pattern_that_is_read_chooses_what_re_fullmatch_chooses(module, numbers, dot, ended):
    pattern = f"{module}{dot}{numbers}{dot if ended and numbers else ''}.*"
    found = read(f"exclude_patterns=[r'{pattern}'] train_llm_adapter=True", "anima-37").blocks
    assert {block: not weight for block, weight in found.items()} == {
        block: re.fullmatch(pattern, dotted_name("anima", block)) is not None for block in found
    }


@pytest.mark.parametrize(
    "pattern", [".*attn.*", "blocks.1.*", "blocks[.]1", "(a+)+$", "blocks[.][9-1][.].*", "", "blocks[.]1[.]self_attn.*"]
)
def test_a_pattern_that_is_not_exact_is_refused(pattern):
    with pytest.raises(BlockweightError, match="does not choose whole blocks of anima in a form that can be read back"):
        read(f"exclude_patterns=['{pattern}']", "anima-37")


def test_the_first_matching_pattern_counts():
    text = "network_reg_lrs=lora_unet_double_blocks_1_=2e-5,lora_unet_double_blocks_=5e-5"
    found = read(text, "flux1-61", 1e-4).blocks
    assert (found["D01"], found["D02"], found["S00"]) == (0.2, 0.5, 1)


def test_a_rank_of_its_own_overrides_the_index_list():
    text = "train_double_block_indices=none network_reg_dims=lora_unet_double_blocks_3_=8"
    found = read(text, "flux1-61").blocks
    assert (found["D03"], found["D04"], found["S00"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("text", "layout", "trained"),
    [
        ("train_blocks=single", "flux1-61", {"S"}),
        ("train_blocks=refiners", "lumina2-33", {"NR", "CR"}),
        ("train_blocks=transformer", "lumina2-33", {"L"}),
    ],
)
def test_groups_of_blocks_are_read(text, layout, trained):
    found = read(text, layout).blocks
    assert {series_and_number(block)[0] for block, weight in found.items() if weight} == trained


def test_an_adapter_is_trained_only_on_demand():
    text = "exclude_patterns=['blocks[.]0[.].*']"
    assert read(text, "anima-37").blocks["A00"] == 0
    assert read(f"{text} train_llm_adapter=true", "anima-37").blocks["A00"] == 1


def test_arguments_of_another_model_are_said_to_do_nothing():
    assert "down_lr_weight do nothing for flux1." in read("down_lr_weight=1,1", "flux1-61").notes
    assert "network_reg_lrs do nothing for sd1." in read("network_reg_lrs=x=1 mid_lr_weight=1", "sd1-26").notes


@pytest.mark.parametrize(
    ("text", "layout", "words"),
    [
        ("train_double_block_indices=0-19", "flux1-61", "no block or range from 0 to 18"),
        ("train_double_block_indices=5-3", "flux1-61", "no block or range"),
        ("train_block_indices=a", "sd3-28", "no block or range from 0 to 23"),
        ("train_blocks=some", "flux1-61", "is not known for flux1; it takes all, double, single"),
        ("train_blocks=all", "wan-42", "is not known for wan; it takes nothing"),
        ("network_reg_lrs=x{1,2}=1", "flux1-61", "patterns must hold no comma"),
        ("network_reg_dims=double_blocks_1_=0.5", "flux1-61", "no pattern=value"),
        ("network_reg_lrs=blocks=1", "wan-42", "known only for flux1, hunyuan-image, anima"),
        ("exclude_patterns=blocks", "wan-42", "is no list of texts"),
        ("exclude_patterns=['a' + 'b']", "wan-42", "is no list of texts"),
        ("include_patterns=['a']", "wan-42", "include_patterns takes single modules in again"),
        ("single_dim=0", "flux1-61", "leaves out a part of every block"),
        ("algo=lora preset=blocks.toml", "sd1-26", "arguments of LyCORIS"),
        ("exclude_patterns=['blocks[.]1[.].*']", "ltx-50", "No trainer known here"),
        ("network_reg_lrs=double_blocks_1_=1e308", "flux1-61", "too large"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused(text, layout, words):
    with pytest.raises(BlockweightError, match=words) as refused:
        read(text, layout, 1e-10)
    assert len(str(refused.value).splitlines()) == 1


def test_multipliers_are_shown_by_block_in_aligned_lines():
    lines = read("down_lr_weight=sine mid_lr_weight=0.5", "sd1-26").table()
    assert lines[:2] == ("IN00   0", "IN01   0.142315")
    assert lines[12] == "M00    0.5"


KEYS = st.sampled_from(
    ["exclude_patterns", "network_reg_lrs", "network_reg_dims", "train_double_block_indices", "train_block_indices",
     "train_blocks", "down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold", "include_patterns"]
)  # fmt: skip
PARTS = st.lists(
    st.sampled_from(
        ["lora_unet_", "double_blocks_", "blocks[.]", "(0|3)", "[1-9]", "[.].*", "_", "=", "5e-05", ",", "[", "]", "'",
         "r'", "0-3", "none", "sine", "+", "\\", "1" * 30, "é", "\x00"]
    )
    | st.text(max_size=4)
).map("".join)  # fmt: skip


@given(
    st.sampled_from([*LAYOUTS, *MASKED, "lumina2-33", "ltx-50"]),
    st.dictionaries(KEYS, PARTS),
    st.sampled_from([None, 1e-4]),
)
def test_any_arguments_give_a_list_or_one_sentence(layout, arguments, unet_lr):
    try:
        found = read_back(from_mapping(arguments), layout_by_name(layout), unet_lr)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
    else:
        assert (found.effective is None) == (found.blocks is None)
