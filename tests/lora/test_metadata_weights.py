from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_files import FULL, SHORT, weights

from blockweight.blocks import Layout, family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora.metadata import described, key_of, read_stamps, recommended, stamp, with_stale_advice
from blockweight.lora.metadata.block_weights import PREFIX, ROLES
from blockweight.weights import BlockWeights
from metadata_strategies import NESTED, TEXT

KEY = key_of("recommended")
GIRL = weights(IN04=0.5, OUT03=0)


def reading(metadata):
    try:
        return read_stamps(metadata)
    except BlockweightError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 300
        return None


@given(
    st.sampled_from([FULL, SHORT, *family_by_name("flux1").layouts]),
    st.data(),
    st.sampled_from(ROLES),
)
def test_weights_come_back_as_they_were_stamped(layout, data, role):
    finite = st.floats(allow_nan=False, allow_infinity=False)
    values = tuple(data.draw(finite) for _ in layout.blocks)
    given_weights = BlockWeights("ゴブ姫", layout, values, data.draw(finite))
    (found,) = read_stamps(stamp(given_weights, role))
    assert (found.role, found.weights, found.stale) == (role, given_weights, False)


def test_a_stamp_is_one_json_object_that_says_all_by_itself():
    ((key, text),) = stamp(GIRL, "recommended").items()
    assert key == "blockweight.recommended_weights"
    assert text.startswith('{"')
    data = json.loads(text)
    assert {name: data[name] for name in ("schema", "role", "name", "family", "layout", "rest", "text")} == {
        "schema": 1,
        "role": "recommended",
        "name": "Gobuhime",
        "family": "sd1",
        "layout": "sd1-26",
        "rest": 1,
        "text": GIRL.text(),
    }
    assert list(data["values"]) == list(FULL.blocks)
    assert data["values"]["IN04"] == 0.5


def test_the_keys_are_in_no_other_programs_space():
    assert not PREFIX.startswith(("ss_", "ssmd_", "sshs_", "modelspec."))


def test_a_layout_made_to_measure_for_one_file_comes_back():
    layout = Layout("wan-b3", "wan", ("BASE", "B00", "B01", "B02"))
    made = BlockWeights("x", layout, (1.0, 0.5, 0.25, 0.0))
    assert read_stamps(stamp(made, "applied"))[0].weights == made


def test_details_come_back_and_cannot_replace_what_the_stamp_says():
    details = {"strength": 0.8, "source_sha256": "ab", "name": "evil", "values": {}}
    (found,) = read_stamps(stamp(GIRL, "applied", details))
    assert found.weights == GIRL
    assert found.details == {"strength": 0.8, "source_sha256": "ab"}


def test_both_roles_may_stand_in_one_file():
    metadata = {**stamp(GIRL, "applied"), **stamp(GIRL, "recommended")}
    assert [found.role for found in read_stamps(metadata)] == ["recommended", "applied"]


def test_a_file_without_stamps_has_none():
    assert read_stamps({"ss_v2": "False"}) == ()
    assert recommended({"ss_v2": "False"}) is None


def test_weights_that_were_applied_are_not_recommended():
    assert recommended(stamp(GIRL, "applied")) is None
    assert recommended(stamp(GIRL, "recommended")) == GIRL


def test_advice_becomes_stale_when_the_tensors_change():
    metadata = {"a": "b", **stamp(GIRL, "recommended", {"note": "x"}), "c": "d"}
    after = with_stale_advice(metadata)
    (found,) = read_stamps(after)
    assert (found.stale, found.weights, found.details) == (True, GIRL, {"note": "x"})
    assert recommended(after) is None
    assert list(after) == list(metadata)
    assert with_stale_advice({"a": "b"}) == {"a": "b"}
    assert with_stale_advice({"a": "b", KEY: "broken"}) == {"a": "b"}


@given(NESTED)
def test_any_json_in_a_stamps_place_is_read_or_refused_in_one_sentence(value):
    reading({KEY: json.dumps(value)})


@given(TEXT)
def test_any_text_in_a_stamps_place_is_read_or_refused_in_one_sentence(text):
    reading({KEY: text})


@given(st.sampled_from(["schema", "role", "name", "family", "layout", "values", "rest"]), NESTED)
def test_a_stamp_with_one_part_replaced_is_read_or_refused_in_one_sentence(part, value):
    data = json.loads(stamp(GIRL, "recommended")[KEY])
    reading({KEY: json.dumps({**data, part: value})})


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("schema", 2),
        ("role", "applied"),
        ("values", {}),
        ("values", {"BASE": "1"}),
        ("values", {"BASE": True}),
        ("values", {"BASE": float("nan")}),
        ("values", {"BASE": 10**400}),
        ("note", float("inf")),
        ("name", "two\nlines"),
        ("name", None),
        ("rest", None),
    ],
)
def test_a_stamp_that_is_not_as_written_is_refused_with_the_next_step(part, value):
    data = json.loads(stamp(GIRL, "recommended")[KEY])
    with pytest.raises(BlockweightError, match=f"cannot be read .*; set them anew, or remove {KEY}"):
        read_stamps({KEY: json.dumps({**data, part: value})})


def test_the_description_shows_the_weights_as_its_last_line_once():
    once = described("ゴブ姫の顔LoRA\n\n", GIRL)
    assert once == f"ゴブ姫の顔LoRA\nLoRA Block Weight: {GIRL.text()}"
    assert described(once, GIRL) == once
    assert described(once, weights(IN04=0)).count("LoRA Block Weight") == 1
    assert described("", GIRL) == f"LoRA Block Weight: {GIRL.text()}"


def test_without_weights_the_line_goes_and_the_rest_stays():
    assert described(described("a\nb", GIRL), None) == "a\nb"
    assert described("a\n\n", None) == "a\n\n"
