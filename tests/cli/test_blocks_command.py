"""`blockweight blocks`: keys in, their meaning out."""

from __future__ import annotations

import json

import pytest

UP = "lora_unet_down_blocks_1_attentions_0_proj_in.lora_up.weight"
FLUX = "diffusion_model.double_blocks.7.img_attn.qkv.lora_A.weight"


def objects(ended):
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]


def test_a_key_is_explained_as_one_json_object(blockweight):
    assert objects(blockweight("blocks", UP, "--json")) == [
        {
            "key": UP,
            "family": "sd1",
            "component": "unet",
            "module": "down_blocks_1_attentions_0_proj_in",
            "role": "lora_up",
            "block": "IN04",
        }
    ]


def test_a_key_that_is_not_understood_has_no_block(blockweight):
    (meaning,) = objects(blockweight("blocks", "hello", "--family", "sdxl", "--json"))
    assert (meaning["component"], meaning["module"], meaning["role"], meaning["block"]) == (None, None, None, None)


def test_a_module_that_no_block_claims_is_rest(blockweight):
    (meaning,) = objects(blockweight("blocks", "lora_unet_time_embedding_linear_1.alpha", "--json"))
    assert (meaning["family"], meaning["role"], meaning["block"]) == (None, "alpha", "REST")


def test_a_modules_name_has_a_block_but_no_role(blockweight):
    (meaning,) = objects(blockweight("blocks", "unet.mid_block.attentions.0.proj_in", "--family", "sdxl", "--json"))
    assert (meaning["role"], meaning["block"]) == (None, "M00")


def test_all_keys_together_tell_the_family(blockweight):
    shared = "lora_unet_mid_block_attentions_0_proj_in.alpha"
    telling = "lora_unet_up_blocks_0_attentions_0_proj_in.alpha"
    assert [meaning["family"] for meaning in objects(blockweight("blocks", shared, telling, "--json"))] == ["sdxl"] * 2


def test_keys_of_several_families_each_get_the_first_that_claims_them(blockweight):
    assert [
        (meaning["family"], meaning["block"]) for meaning in objects(blockweight("blocks", UP, FLUX, "--json"))
    ] == [("sd1", "IN04"), ("flux1", "D07")]


def test_the_family_can_be_named(blockweight):
    (meaning,) = objects(blockweight("blocks", FLUX, "--family", "hunyuan-video", "--json"))
    assert (meaning["family"], meaning["block"]) == ("hunyuan-video", "D07")


def test_keys_come_from_standard_input_one_a_line(blockweight):
    text = "\ufeff" + f"{UP}\r\n\n  {FLUX}\nhello\n"
    found = objects(blockweight("blocks", "-", "--json", stdin=text.encode()))
    assert [meaning["key"] for meaning in found] == [UP, FLUX, "hello"]


def test_standard_input_that_is_no_text_is_refused(blockweight):
    ended = blockweight("blocks", "-", stdin=UP.encode() + b"\xff\xfe\n")
    assert ended.code == 2
    assert "UTF-8" in ended.err


def test_without_json_a_table_with_aligned_columns_is_printed(blockweight):
    ended = blockweight("blocks", UP, "x\ny")
    head, first, second = ended.out.splitlines()
    assert head.split() == ["block", "family", "component", "role", "module", "key"]
    assert first.index("lora_up") == head.index("role")
    assert second.split() == ["-", "sd1", "-", "-", "-", "x?y"]


def test_a_guess_is_said_to_be_one(blockweight):
    ended = blockweight("blocks", "transformer.joint_transformer_blocks.3.attn.to_q.alpha")
    assert "JOINT_TRANSFORMER_BLOCKS03" in ended.out
    assert "these blocks are a guess" in ended.err


def test_the_list_names_every_family_layout_and_block(blockweight):
    ended = blockweight("blocks", "--list")
    for text in (
        "flux1: Flux.1",
        "flux1-61, 61 blocks",
        "CLIP T5 IN D00",
        "sdxl-inspire-21",
        "generic: an unknown model",
    ):
        assert text in ended.out


def test_the_list_can_be_of_one_family(blockweight):
    rows = objects(blockweight("blocks", "--list", "--family", "sdxl", "--json"))
    assert [(row["family"], row["layout"], row["length"]) for row in rows] == [
        ("sdxl", "sdxl-20", 20),
        ("sdxl", "sdxl-12", 12),
        ("sdxl", "sdxl-inspire-21", 21),
    ]
    assert rows[1]["blocks"][:2] == ["BASE", "IN04"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No key was given; give tensor keys"),
        (["--list", UP], "--list takes no keys; leave out"),
        ([UP, "--family", "sd9"], "no family called 'sd9'; use one of"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(blockweight, arguments, message):
    ended = blockweight("blocks", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.count("\n") == 1
