"""Jobs from the facts that pictures carry."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import Control, Part, Start
from blockweight.project import job_from_facts
from infotext_jobs import jobs
from workshop import SCENE, job

PARTS = {
    "start": Start(Part("a.png", "1" * 64), 0.5, "Resize and fill"),
    "controls": (Control(Part("c", "2" * 64), Part("m.png", "3" * 64), 0.5, 0.1, 0.9),),
    "variation_seed": 7,
    "variation_strength": 0.5,
    "eta": 0.25,
    "preview": True,
    "renderer": "local:cpu",
}


@given(jobs())
def test_the_job_has_the_same_facts(made):
    found = job_from_facts(json.dumps(made.facts()))
    assert (found.facts(), found.key) == (made.facts(), made.key)


def test_what_a_scene_is_made_with_is_read_back():
    made = job(0.5, scene=replace(SCENE, **PARTS))
    assert job_from_facts(json.dumps(made.facts(), sort_keys=True)).key == made.key


def test_the_layout_is_the_one_of_these_blocks_in_its_own_order():
    made = job(0.5)
    shuffled = json.dumps(made.facts(), sort_keys=True)
    assert job_from_facts(shuffled).variant.weights.layout == made.variant.weights.layout


def changed(**scene: object) -> str:
    facts = job().facts()
    return json.dumps({**facts, "scene": {**facts["scene"], **scene}})


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"scene": 1, "lora": null}', "[" * 100_000, changed(seed=-1), changed(steps=10**9),
     changed(width=10**6), changed(prompt="\ud800"), changed(cfg_scale=float("nan")), changed(loras=5),
     changed(seed=True), changed(hires={}), changed(embeddings=[1])],
)  # fmt: skip
def test_what_is_no_jobs_facts_is_refused(text):
    with pytest.raises(BlockweightError, match="facts cannot be read"):
        job_from_facts(text)


def test_facts_of_a_later_version_are_refused():
    with pytest.raises(BlockweightError, match="say more than this version"):
        job_from_facts(changed(colour="red"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(), st.lists, max_leaves=5
)


@given(
    st.sampled_from(sorted(job().facts()["scene"])),
    JSON,
    st.sampled_from(["digest", "strength", "blocks", "rest"]),
    JSON,
)
def test_no_value_in_a_wrong_place_is_more_than_a_sentence(field, value, other, second):
    facts = job().facts()
    text = json.dumps({"scene": {**facts["scene"], field: value}, "lora": {**facts["lora"], other: second}})
    try:
        job_from_facts(text)
    except BlockweightError as error:
        assert len(str(error)) < 200
