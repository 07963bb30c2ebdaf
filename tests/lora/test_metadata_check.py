from __future__ import annotations

import json

import pytest
from hypothesis import given
from lora_files import weights

from blockweight.lora.hashes import DataHashes
from blockweight.lora.metadata import Dataset, check_metadata, datasets, key_of, stamp, tag_counts, with_stale_advice
from metadata_strategies import METADATA, NESTED

MODEL, LEGACY = "ab" * 32, "e3b0c442"
HASHES = DataHashes(MODEL, LEGACY)
RIGHT = HASHES.stamps()


def problems(metadata, hashes=HASHES, size=1000):
    return {problem.key: problem for problem in check_metadata(metadata, hashes, size)}


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        RIGHT,
        {"ss_v2": "False", "ssmd_rating": "7", "ssmd_cover_images": "[]", "anything": "else"},
        stamp(weights(IN04=0.5), "recommended"),
    ],
)
def test_sound_metadata_have_no_problems(metadata):
    assert problems(metadata) == {}


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("sshs_model_hash", "cd" * 32, "the tensors or their order changed"),
        ("sshs_model_hash", f"0x{'cd' * 32}", "LyCORIS"),
        ("sshs_model_hash", f"0x{MODEL}", "not written as programs compare it"),
        ("sshs_model_hash", "", "is not the file's"),
        ("sshs_legacy_hash", "12345678", "is not the file's 'e3b0c442'"),
        ("modelspec.hash_sha256", MODEL, "not written as programs compare it"),
        ("modelspec.hash_sha256", f"0x{'cd' * 32}", "the tensors or their order changed"),
    ],
)
def test_a_stamp_that_is_not_what_the_bytes_say_is_reported_with_what_they_say(key, text, words):
    found = problems({**RIGHT, key: text})
    assert list(found) == [key]
    assert words in found[key].what
    assert found[key].right == RIGHT[key]


def test_a_legacy_hash_that_is_not_defined_means_nothing():
    found = problems({"sshs_legacy_hash": "12345678"}, DataHashes(MODEL, None))
    assert "means nothing" in found["sshs_legacy_hash"].what


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("ssmd_cover_images", "", "WebUIs fail"),
        ("ssmd_cover_images", "no json", "not a JSON list"),
        ("ssmd_cover_images", '["!"]', "not base64"),
        ("ssmd_cover_images", '["aGk="]', "no picture"),
        ("ssmd_rating", "5.0", "whole number"),
        ("modelspec.date", "yesterday", "a date"),
        (key_of("recommended"), "{}", "cannot be read"),
    ],
)
def test_a_value_that_programs_fail_on_is_reported(key, text, words):
    assert words in problems({key: text})[key].what


def test_a_cover_that_forge_cannot_read_is_reported():
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
    assert problems({"ssmd_cover_images": json.dumps([pixel])}) == {}
    found = problems({"ssmd_cover_images": json.dumps([f"data:image/png;base64,{pixel}"])})
    assert "Forge" in found["ssmd_cover_images"].what


def test_modelspec_fields_without_those_that_it_requires_are_reported():
    found = problems({"modelspec.title": "x", "modelspec.hash_sha256": f"0x{MODEL}"})
    assert set(found) == {f"modelspec.{name}" for name in ("sai_model_spec", "architecture", "implementation")}
    assert problems({"modelspec.hash_sha256": f"0x{MODEL}"}) == {}


def test_stale_advice_is_reported():
    found = problems(with_stale_advice(stamp(weights(IN04=0.5), "recommended")))
    assert "changed since" in found[key_of("recommended")].what


def test_a_header_that_comfyui_does_not_show_is_reported():
    assert problems({}, size=1 << 20) == {}
    assert "1,048,577 bytes" in problems({}, size=(1 << 20) + 1)[""].what


@given(METADATA)
def test_any_metadata_can_be_checked(metadata):
    for problem in check_metadata(metadata, HASHES, 1000):
        assert problem.what
        assert "\n" not in problem.what


def test_tags_are_counted_over_all_folders_trimmed_and_sorted():
    text = json.dumps({"10_a": {"1girl": 3, " ゴブ姫": 2}, "5_b": {"1girl ": 4, "choker": 2}})
    assert tag_counts({"ss_tag_frequency": text}) == (("1girl", 7), ("choker", 2), ("ゴブ姫", 2))


def test_folders_of_pictures_are_read_with_their_repeats():
    text = json.dumps({"10_a": {"img_count": 3, "n_repeats": 10}, "b": {"img_count": None}})
    (found,) = datasets({"ss_dataset_dirs": text})
    assert (found, found.total) == (Dataset("10_a", 3, 10), 30)


@given(NESTED)
def test_any_json_in_their_place_has_tags_and_folders_or_none(value):
    text = json.dumps(value)
    tag_counts({"ss_tag_frequency": text})
    datasets({"ss_dataset_dirs": text})


def test_numbers_that_are_no_counts_are_left_out():
    huge = 10**4000
    text = json.dumps({"a": {"x": huge, "y": -1, "z": 1.5, "w": 2}})
    assert tag_counts({"ss_tag_frequency": text}) == (("w", 2),)
    assert datasets({"ss_dataset_dirs": json.dumps({"a": {"img_count": huge, "n_repeats": huge}})}) == ()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null"])
def test_text_in_their_place_is_no_tags_and_no_folders(text):
    assert tag_counts({"ss_tag_frequency": text}) == ()
    assert datasets({"ss_dataset_dirs": text}) == ()
