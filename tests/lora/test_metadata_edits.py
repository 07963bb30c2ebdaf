from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.lora.hashes import STAMPS, DataHashes
from blockweight.lora.metadata import (
    copied,
    difference,
    edited,
    has_user_metadata,
    reason_not_to_copy,
    repaired,
    stamped,
    stripped,
)
from blockweight.lora.metadata.fields import FIELDS, MODELSPEC_FIELDS, USER_FIELDS, fault_of
from metadata_strategies import METADATA, TEXT

COVERS = "ssmd_cover_images"
FREE = ["ssmd_description", "ssmd_keywords", "ssmd_tags", "modelspec.description", "my key", "ゴブ姫"]
HASHES = DataHashes("a" * 64, "12345678")


@given(METADATA, st.dictionaries(st.sampled_from(FREE), TEXT, max_size=6))
def test_an_edit_sets_its_values_and_leaves_all_others_in_their_order(metadata, changes):
    new = edited(metadata, changes)
    assert {key: new.get(key, "") for key in changes} == changes
    others = [key for key in metadata if key not in changes]
    assert [key for key in new if key in others] == others
    assert all(new[key] == repaired(metadata)[key] for key in others)
    kept = [key for key in metadata if key in new]
    assert list(new)[: len(kept)] == kept


@given(METADATA, METADATA)
def test_a_difference_says_all_that_is_needed_to_make_the_one_from_the_other(old, new):
    made = dict(old)
    for change in difference(old, new):
        assert made.get(change.key) == change.before
        if change.after is None:
            del made[change.key]
        else:
            made[change.key] = change.after
    assert made == new


def test_the_same_metadata_have_no_difference():
    assert difference({"a": "1"}, {"a": "1"}) == ()


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_value_removes_the_key_and_leaves_a_cover_as_the_empty_list(text):
    old = {"ssmd_author": "x", COVERS: '["abc"]', "a": "b"}
    assert edited(old, {"ssmd_author": text, COVERS: text}) == {COVERS: "[]", "a": "b"}
    assert edited({"a": "b"}, {COVERS: text}) == {"a": "b"}


@pytest.mark.parametrize("text", ["", " \n"])
def test_any_edit_mends_an_empty_cover_on_which_webuis_fail(text):
    assert edited({COVERS: text}, {"a": "b"}) == {COVERS: "[]", "a": "b"}


def test_training_data_are_changed_only_by_force():
    with pytest.raises(BlockweightError, match="is training data, which is only changed by force; add --force"):
        edited({}, {"ss_v2": "True"})
    with pytest.raises(BlockweightError, match="only changed by force"):
        edited({"ss_v2": "False"}, {"ss_v2": ""})
    assert edited({}, {"ss_v2": "True"}, force=True) == {"ss_v2": "True"}


@pytest.mark.parametrize("key", STAMPS)
def test_a_hash_is_never_typed(key):
    with pytest.raises(BlockweightError, match="is computed from the file"):
        edited({}, {key: "0" * 64}, force=True)


@pytest.mark.parametrize("key", ["", " ", "__metadata__", "__spacer"])
def test_a_key_that_means_something_to_the_container_is_refused(key):
    with pytest.raises(BlockweightError, match="cannot be a metadata key"):
        edited({}, {key: "x"})


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("ssmd_rating", ["0", "7", "10"], ["11", "5.0", "-1", "good", "٣", "007"]),
        ("ssmd_display_name", ["ゴブ姫", "a: b"], ["a\nb", "a\rb"]),
        (COVERS, ["[]", '["aGk="]'], ["x", "{}", "[1]", "[" * 100_000]),
        ("modelspec.resolution", ["512x768"], ["512", "512×768", "512x768 "]),
        ("modelspec.date", ["2024-04-01", "2024-04-01T12:00:00+09:00"], ["yesterday", "2024-13-01"]),
        ("modelspec.prediction_type", ["v", "epsilon"], ["eps"]),
        ("modelspec.thumbnail", ["data:image/jpeg;base64,AAAA"], ["AAAA", "data:text/html;base64,AAAA"]),
        ("modelspec.sai_model_spec", ["1.0.0", "1.0.1"], ["2"]),
        ("modelspec.timestep_range", ["0,1000"], ["0-1000"]),
    ],
)
def test_a_field_takes_what_its_readers_read(key, good, bad):
    for text in good:
        assert edited({}, {key: text}) == {key: text}
    for text in bad:
        with pytest.raises(BlockweightError, match=f"cannot be {key}: it must") as refused:
            edited({}, {key: text})
        assert len(str(refused.value)) < 250


@given(st.sampled_from(sorted(FIELDS)), st.text(max_size=30))
def test_any_text_is_a_value_or_has_a_fault_that_is_named(key, text):
    assert isinstance(fault_of(key, text), str)


@pytest.mark.parametrize("changes", [{"a\ud800": "x"}, {"a": "\udcff"}])
def test_text_that_utf_8_cannot_hold_is_refused(changes):
    with pytest.raises(BlockweightError, match="bytes that are not UTF-8 text; retype it"):
        edited({}, changes)


def test_the_fields_are_those_of_the_editor_and_of_the_specification():
    assert [field.key for field in USER_FIELDS] == [
        "ssmd_display_name",
        "ssmd_author",
        "ssmd_keywords",
        "ssmd_description",
        "ssmd_source",
        "ssmd_rating",
        "ssmd_tags",
        "ssmd_version",
        COVERS,
    ]
    must = ["sai_model_spec", "architecture", "implementation", "title"]
    assert [field.key.removeprefix("modelspec.") for field in MODELSPEC_FIELDS[:4]] == must
    assert "modelspec.hash_sha256" not in FIELDS


def test_stamping_adds_the_editors_two_hashes_and_corrects_what_is_there():
    assert stamped({"a": "b"}, HASHES) == {"a": "b", "sshs_model_hash": "a" * 64, "sshs_legacy_hash": "12345678"}
    old = {"modelspec.hash_sha256": "stale", "sshs_model_hash": "0xlycoris", "a": "b"}
    new = stamped(old, HASHES)
    assert list(new) == [*old, "sshs_legacy_hash"]
    assert new["modelspec.hash_sha256"] == f"0x{'a' * 64}"
    assert stamped({}, HASHES, modelspec=True)["modelspec.hash_sha256"] == f"0x{'a' * 64}"


def test_a_legacy_hash_that_is_not_defined_is_taken_away():
    undefined = DataHashes("a" * 64, None)
    assert stamped({"sshs_legacy_hash": "12345678"}, undefined) == {"sshs_model_hash": "a" * 64}


ALL = {
    "ss_v2": "False",
    "ss_network_module": "networks.lora",
    "ss_dataset_dirs": "{}",
    "ss_tag_frequency": "{}",
    "ssmd_author": "x",
    COVERS: '["abc"]',
    "modelspec.title": "t",
    "modelspec.hash_sha256": "0x1",
    "sshs_model_hash": "1",
    "blockweight.recommended_weights": "{}",
    "mine": "kept",
}


@pytest.mark.parametrize(
    ("group", "gone"),
    [
        ("training", {"ss_dataset_dirs", "ss_tag_frequency"}),
        ("user", {"ssmd_author", COVERS}),
        ("modelspec", {"modelspec.title", "modelspec.hash_sha256"}),
        ("weights", {"blockweight.recommended_weights"}),
        ("hashes", {"modelspec.hash_sha256", "sshs_model_hash"}),
        ("all", set(ALL)),
    ],
)
def test_stripping_a_group_takes_its_keys_and_no_others(group, gone):
    new = stripped(ALL, [group])
    assert new == {key: text for key, text in ALL.items() if key not in gone}
    assert list(new) == [key for key in ALL if key not in gone]


def test_stripping_the_cover_leaves_the_empty_list_in_its_place():
    new = stripped(ALL, ["cover"])
    assert new == {**ALL, COVERS: "[]"}
    assert list(new) == list(ALL)


def test_stripping_a_key_that_is_not_there_is_refused():
    assert "mine" not in stripped(ALL, [], ["mine"])
    with pytest.raises(BlockweightError, match="There is no metadata 'mime'"):
        stripped(ALL, [], ["mime"])


@pytest.mark.parametrize(
    ("metadata", "wrote"),
    [
        ({}, False),
        ({"ss_v2": "x", "sshs_model_hash": "x"}, False),
        ({"ssmd_author": " ", COVERS: "[]", "ssmd_display_name": ""}, False),
        ({COVERS: " [] "}, False),
        ({COVERS: '["abc"]'}, True),
        ({"ssmd_author": "x"}, True),
    ],
)
def test_metadata_that_a_person_wrote_are_any_value_not_only_a_name(metadata, wrote):
    assert has_user_metadata(metadata) == wrote


SOURCE = {"ss_session_id": "1", "ssmd_author": "x"}


@pytest.mark.parametrize(
    ("target", "same", "other", "empty", "both"),
    [
        ({"ss_session_id": "1"}, True, True, True, True),
        ({"ss_session_id": "2"}, False, True, True, False),
        ({}, False, True, True, False),
        ({"ss_session_id": "1", "ssmd_tags": "own"}, True, True, False, False),
        ({"ss_session_id": "2", "ssmd_tags": "own"}, False, True, False, False),
    ],
)
def test_each_condition_of_a_copy_holds_by_itself(target, same, other, empty, both):
    def copies(same_session, only_empty):
        return not reason_not_to_copy(SOURCE, target, same_session=same_session, only_empty=only_empty)

    cases = [copies(*each) for each in itertools.product([True, False], repeat=2)]
    assert cases == [both, same, empty, other]


def test_without_a_session_of_its_own_a_source_matches_no_session():
    assert "does not say which" in reason_not_to_copy({}, {}, same_session=True, only_empty=False)


def test_a_copy_brings_every_value_with_the_cover_and_takes_none_away():
    source = {"ssmd_author": "x", "ssmd_tags": "", COVERS: '["s"]', "ss_v2": "T", "sshs_model_hash": "1"}
    target = {"ssmd_author": "y", "ssmd_tags": "own", "ss_v2": "F", "sshs_model_hash": "2"}
    assert copied(source, target) == {**target, "ssmd_author": "x", COVERS: '["s"]'}


@pytest.mark.parametrize("theirs", ["[]", "", " "])
def test_a_copy_from_a_source_without_a_cover_keeps_the_targets(theirs):
    assert copied({COVERS: theirs, "ssmd_author": "x"}, {COVERS: '["t"]'})[COVERS] == '["t"]'


def test_a_copy_takes_further_keys_when_asked_for():
    source = {"blockweight.recommended_weights": "{}", "ssmd_author": "x"}
    assert copied(source, {}) == {"ssmd_author": "x"}
    assert copied(source, {}, ["blockweight.recommended_weights"]) == source
