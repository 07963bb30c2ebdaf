"""What is read back from the folder of an analysis."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.measure import EffectTable, InteractionTable, SceneName, SeedDifference, StepMap
from blockweight.workflow.analysis.costs import Work
from blockweight.workflow.analysis.figures import quiet_of
from blockweight.workflow.analysis.findings import FINDINGS, Findings, blocks_by, findings_from, read_findings
from blockweight.workflow.analysis.text import findings_lines

SCENES = (SceneName("red dress", 1, "1girl"), SceneName("red dress", 2, "1girl, ゴブ姫"))
VALUES = np.array([[[1.5, math.nan], [2.0, 3.0]], [[0.1, math.nan], [-4.0, -5.0]]])
FOUND = Findings(
    method="probe",
    table=EffectTable(("change", "light"), ("IN01", "REST"), SCENES, VALUES),
    work=Work(3, 12.5),
    settings={"blocks": ["IN01", "REST"], "aims": ["light"], "method": "probe"},
    region="the face",
    steps=StepMap(("IN01",), (0, 2), (math.inf, 1.5), np.array([[[1.0, math.nan]]])),
    interactions=InteractionTable(("IN01", "REST"), SCENES[:1], np.array([[[1.0, 0.2], [0.2, 3.0]]])),
    yardstick={"change": SeedDifference(33.3, (30.0, 36.5), 6), "diff": SeedDifference(9.0, None, 1)},
)


def test_all_of_it_is_read_back_equal(tmp_path):
    (tmp_path / FINDINGS).write_text(json.dumps(FOUND.facts(), allow_nan=False), encoding="utf-8")
    found = read_findings(tmp_path)
    assert found.facts() == FOUND.facts()
    assert np.array_equal(found.table.values, VALUES, equal_nan=True)
    assert found.steps.sigmas == (math.inf, 1.5)
    assert (found.work, found.yardstick, found.region, found.aims) == (
        Work(3, 12.5), FOUND.yardstick, "the face", ("light",),
    )  # fmt: skip


def test_an_older_file_tells_of_two_seeds_by_the_mean_alone():
    assert findings_from({**FOUND.facts(), "yardstick": {"change": 33.3}}).yardstick == {"change": SeedDifference(33.3)}


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (SeedDifference(4.26, (3.1, 5.92), 6), "4.3 levels anyway (3.1 to 5.9, 6 pairs)"),
        (SeedDifference(4.26, None, 1), "4.3 levels anyway (one pair)"),
        (SeedDifference(4.26), "4.3 levels anyway"),
    ],
)
def test_what_two_seeds_differ_by_says_how_sure_it_is(told, text):
    found = Findings("eba", FOUND.table, Work(3), {}, yardstick={"change": told})
    assert f"Two seeds of one prompt differ by {text}." in findings_lines(found)


def test_what_is_over_the_floor_in_every_scene_is_not_marked_as_noise():
    scenes = tuple(SceneName(prompt, seed, prompt) for prompt in "ab" for seed in (1, 2))
    values = np.array([[[0.3, 0.6, 0.5, 30.0], [1.6, 18.7, 2.2, 1.1]]])
    table = EffectTable(("change",), ("IN01", "IN02"), scenes, values)
    assert quiet_of(Findings("eba", table, Work(10), {})) == {("change", "IN01")}


def test_what_was_kept_without_bounds_has_none():
    facts = {name: fact for name, fact in FOUND.facts().items() if name != "bounded"}
    assert findings_from(facts).bounded == {}
    assert findings_from(FOUND.facts()).bounded == FOUND.bounded


def test_blocks_are_ranked_by_size_whatever_the_sign():
    assert blocks_by(FOUND.table, "light") == ["REST", "IN01"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '"probe"', "[" * 100_000, '{"method": NaN}', "\udcff"],
    ids=["empty", "cut", "list", "null", "object", "text", "deep", "nan", "bytes"],
)
def test_a_damaged_file_is_one_sentence(tmp_path, text):
    (tmp_path / FINDINGS).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BlockweightError, match="analyse again") as refused:
        read_findings(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_gone_is_one_sentence(tmp_path):
    with pytest.raises(BlockweightError, match="its pictures are kept"):
        read_findings(tmp_path)


_JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip


@given(st.sampled_from(sorted(FOUND.facts())), _JUNK)
def test_whatever_stands_in_a_field_is_read_or_refused(name, junk):
    _read_or_refused({**FOUND.facts(), name: junk})


@given(
    st.sampled_from([("table", name) for name in ("aspects", "blocks", "scenes", "values")]
                    + [("steps", name) for name in ("blocks", "steps", "sigmas", "values")]
                    + [("interactions", name) for name in ("blocks", "scenes", "sizes", "floor")]
                    + [("work", "pictures"), ("work", "calls"), ("yardstick", "change"), ("settings", "aims")]),
    _JUNK,
)  # fmt: skip
def test_whatever_stands_in_a_part_is_read_or_refused(place, junk):
    facts = json.loads(json.dumps(FOUND.facts()))
    facts[place[0]][place[1]] = junk
    _read_or_refused(facts)


@pytest.mark.parametrize(
    "work", [{"pictures": math.inf, "calls": 1}, {"pictures": 1, "calls": 10**400}, {"pictures": "many", "calls": 1}]
)
def test_work_that_is_no_number_is_refused(work):
    with pytest.raises(BlockweightError, match="damaged"):
        findings_from({**FOUND.facts(), "work": work})


def test_a_method_that_no_version_has_is_refused():
    with pytest.raises(BlockweightError, match="damaged"):
        findings_from({**FOUND.facts(), "method": "magic"})


def test_objectives_that_are_no_list_are_refused():
    with pytest.raises(BlockweightError, match="damaged"):
        findings_from({**FOUND.facts(), "settings": {"aims": 5}})


def _read_or_refused(facts) -> None:
    try:
        found = findings_from(facts)
    except BlockweightError:
        return
    found.facts()
    assert isinstance(found.aims, tuple)
    assert isinstance(found.suggestions, tuple)
