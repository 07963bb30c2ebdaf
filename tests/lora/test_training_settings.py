from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blockweight.lora import block_learning_rates, cover_images, description, training_settings


def test_settings_are_what_the_trainer_wrote_without_what_says_nothing():
    metadata = {"ss_network_dim": "16", "ss_unet_lr": "0.0001", "ss_clip_skip": "None", "ss_seed": "", "other": "1"}
    assert training_settings(metadata) == {"network_dim": "16", "unet_lr": "0.0001"}
    assert training_settings({}) == {}


def test_block_learning_rates_are_printed_as_they_stand_and_stand_apart_from_the_other_arguments():
    lists = '"down_lr_weight": "0,0.5,1", "mid_lr_weight": "1", "up_lr_weight": "sine", "block_lr_zero_threshold": 0.1'
    metadata = {"ss_network_args": "{" + lists + ', "conv_dim": "4"}'}
    assert block_learning_rates(metadata) == {
        "down_lr_weight": "0,0.5,1",
        "mid_lr_weight": "1",
        "up_lr_weight": "sine",
        "block_lr_zero_threshold": "0.1",
    }
    assert training_settings(metadata) == {"network_args": "conv_dim=4"}


def test_arguments_that_cannot_be_read_are_shown_as_they_are():
    assert training_settings({"ss_network_args": "{broken"}) == {"network_args": "unreadable={broken"}
    assert training_settings({"ss_network_args": "[1]"}) == {"network_args": "unreadable=[1]"}
    assert training_settings({"ss_network_args": "null"}) == {}


def test_what_a_person_wrote_comes_before_what_a_program_filled_in():
    metadata = {
        "ss_output_name": "out",
        "modelspec.title": "title",
        "ssmd_display_name": " ゴブ姫 ",
        "ssmd_author": " ",
    }
    assert description(metadata) == {"title": "ゴブ姫"}
    assert description({"ss_output_name": "out"}) == {"title": "out"}


def test_cover_images_are_counted_and_broken_lists_are_none():
    assert cover_images({"ssmd_cover_images": '["AAAA"]'}) == 1
    assert [cover_images(metadata) for metadata in ({}, {"ssmd_cover_images": ""}, {"ssmd_cover_images": "{}"})] == [
        0
    ] * 3
    assert cover_images({"ssmd_cover_images": "[" * 100_000}) == 0


@given(st.text())
def test_no_text_is_too_strange_to_be_read(text):
    metadata = {"ss_network_args": text, "ss_seed": text, "ssmd_cover_images": text, "modelspec.title": text}
    assert all(isinstance(value, str) for value in training_settings(metadata).values())
    assert block_learning_rates(metadata) is not None
    assert description(metadata) is not None
    assert cover_images(metadata) >= 0
