from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blockweight.lora import write_lora
from blockweight.lora.metadata import stamp, with_stale_advice
from blockweight.weights import display_width
from blockweight.workflow.metadata_show import show
from blockweight.workflow.metadata_texts import aligned, covers_text, shortened, shown_value
from metadata_strategies import METADATA
from workshop import WEIGHTS, weights_of

DATA = Path(__file__).parents[1] / "data" / "lora"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="


def shown(tmp_path, metadata):
    path = tmp_path / "shown.safetensors"
    write_lora(path, {"a": np.zeros(1, np.float16)}, metadata, overwrite=True)
    return show(path)


def test_the_groups_of_a_file_that_additional_networks_wrote():
    lines = show(DATA / "d_addnet_written.safetensors").lines()
    assert lines[:4] == [
        "d_addnet_written.safetensors: 12 tensors, a header of 3,736 bytes",
        "",
        "Description",
        '  Name         My LoRA "名前"',
    ]
    assert "  Description  line1" in lines
    assert "               line2 {x}" in lines
    assert "  Cover image  1 picture: PNG, 48×64, 1 KB, with the texts parameters" in lines
    assert "  Picture folders     10_cat: 3 × 10 = 30" in lines
    assert "  Most frequent tags       3  1cat" in lines
    assert "  More                2 settings (--full)" in lines
    assert [line for line in lines if line and not line.startswith(" ")][1:] == [
        "Description",
        "Training",
        "Hashes, as stamped ('lora metadata verify' compares them with the file)",
    ]


def test_everything_is_shown_when_asked_for():
    lines = show(DATA / "d_addnet_written.safetensors").lines(full=True)
    assert "  ss_sd_model_hash    cc6cb27103" in lines


def test_a_file_without_metadata_says_what_to_do(tmp_path):
    path = tmp_path / "bare.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    assert show(path).lines() == [
        "bare.safetensors: 0 tensors, a header of 2 bytes",
        "It has no metadata; 'lora metadata set' gives it a name, an author, a cover and more.",
    ]


def test_block_weights_are_shown_whole_with_their_layout_and_what_became_of_them(tmp_path):
    girl = weights_of(WEIGHTS, "Gobuhime")
    advice = with_stale_advice(stamp(girl, "recommended"))
    lines = shown(tmp_path, {**advice, **stamp(girl, "applied", {"strength": 0.8}), "sshs_ratio": "1.0"}).lines()
    start = lines.index("Block weights")
    assert lines[start + 1 : start + 7] == [
        f"  Recommended        Gobuhime:{WEIGHTS}",
        "                     (sd1-26; stale: the tensors have been changed since)",
        f"  Applied            Gobuhime:{WEIGHTS}",
        "                     (sd1-26)",
        "                     strength: 0.8",
        "  SuperMerger ratio  1.0",
    ]


def test_a_broken_stamp_is_shown_as_such_with_the_next_step(tmp_path):
    lines = shown(tmp_path, {"blockweight.recommended_weights": "{}"}).lines()
    assert any("cannot be read" in line and "set them anew" in line for line in lines)


def test_the_most_frequent_tags_come_first_and_twenty_are_shown(tmp_path):
    tags = {f"tag{n:02}": n for n in range(30)}
    text = "\n".join(shown(tmp_path, {"ss_tag_frequency": json.dumps({"a": tags})}).lines())
    assert "    29  tag29\n" in text
    assert text.index("tag29") < text.index("tag10")
    assert "tag09" not in text
    assert "… and 10 more (--full)" in text


def test_json_has_the_values_by_word_and_by_key():
    facts = show(DATA / "d_addnet_written.safetensors").facts()
    assert facts["description"] == {
        "name": 'My LoRA "名前"',
        "author": "Author Ä",
        "keywords": "cat, white fur",
        "description": "line1\nline2 {x}",
        "url": "https://example.org/x",
        "rating": "7",
        "tags": "style, 2d",
    }
    (cover,) = facts["covers"]
    assert {**cover, "texts": list(cover["texts"])} == {
        "format": "PNG",
        "width": 48,
        "height": 64,
        "bytes": 1150,
        "texts": ["parameters"],
    }
    assert facts["tags"] == {"1cat": 3, "white fur": 2}
    assert facts["datasets"] == [{"name": "10_cat", "images": 3, "repeats": 10}]
    assert facts["training"]["ss_v2"] == "False"
    assert facts["hashes"]["sshs_legacy_hash"] == "e3b0c442"
    assert (facts["block_weights"], facts["modelspec"], facts["others"]) == ({}, {}, {})
    assert "cover" in show(DATA / "d_addnet_written.safetensors").facts(full=True)["description"]


def test_json_has_the_block_weights_in_words(tmp_path):
    facts = shown(tmp_path, stamp(weights_of(WEIGHTS, "Gobuhime"), "recommended")).facts()
    found = facts["block_weights"]["recommended"]
    assert (found["text"], found["layout"], found["family"]) == (f"Gobuhime:{WEIGHTS}", "sd1-26", "sd1")
    assert found["values"]["IN01"] == 0.5
    assert found["stale"] is False


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(METADATA, st.booleans())
def test_any_metadata_can_be_shown_and_never_move_the_cursor(tmp_path, metadata, full):
    found = shown(tmp_path, metadata)
    for line in found.lines(full=full):
        assert all(letter.isprintable() or letter == "\u200d" for letter in line)
    json.dumps(found.facts(full=full))


@given(st.text(), st.integers(10, 100))
def test_a_shortened_value_is_one_line_within_its_width(text, width):
    line = shortened(text, width)
    assert "\n" not in line
    assert display_width(line) <= width + 1


def test_full_width_letters_count_as_two_columns():
    assert shortened("姫" * 50, 100) == "姫" * 50
    assert shortened("姫" * 51, 100) == "姫" * 49 + "…"


def test_columns_are_aligned_whatever_the_width_of_their_labels():
    assert aligned([("名前", "a"), ("x", "b\nc")]) == ["  名前  a", "  x     b", "        c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("[]", "none"), ("", "broken: (empty)"), ("x\n", "broken: x⏎"), (f'["{PIXEL}"]', "1 picture: PNG, 1×1, 68 bytes")],
)
def test_covers_are_described_in_words(text, words):
    assert covers_text(text) == words


def test_a_stamp_in_a_difference_is_shown_as_its_weights():
    ((key, text),) = stamp(weights_of(WEIGHTS, "Gobuhime"), "recommended").items()
    assert shown_value(key, text) == f"Gobuhime:{WEIGHTS} (sd1-26)"
    assert shown_value(key, "{}") == "{}"
