"""`blockweight analyze`, as a person types it."""

from __future__ import annotations

import json

import pytest

from blockweight.render import FakeRenderer, unwatched
from blockweight.workflow.analysis.findings import read_findings


@pytest.fixture
def analyze(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = (locon, "--model", model, "--prompt", "1girl", "--size", "32x24")

    def run(*arguments):
        return blockweight("analyze", *about, "--blocks", "IN01-IN03", "--out", "project", *arguments)

    return run


class Interrupted(FakeRenderer):
    """Ctrl-C after three pictures."""

    def render(self, jobs, finished=(), watch=unwatched):
        for rendering in super().render(jobs, finished, watch):
            if len(self.rendered) > 3:
                raise KeyboardInterrupt
            yield rendering


def test_a_probe_prints_its_table_and_what_it_took(analyze, tmp_path):
    ended = analyze("--method", "probe", "--seeds", "1-4")
    assert ended.code == 0, ended.err
    head, *rows = ended.out.splitlines()
    assert head.split() == ["block", "change", "of", "the", "estimate", "(x₀)"]
    assert {row.split()[0] for row in rows[:3]} == {"IN01", "IN02", "IN03"}
    assert all(" to " in row for row in rows[:3])
    assert rows[3].startswith("By change: ")
    assert rows[4].startswith("It took ") and rows[4].endswith(" calls of the model.")
    assert "written: project/analysis-01/report.html" in rows
    assert read_findings(tmp_path / "project" / "analysis-01").method == "probe"


def test_the_table_is_one_block_at_a_time_where_no_method_is_named(analyze):
    ended = analyze("--seeds", "1-3")
    assert ended.out.splitlines()[0].split() == ["block", "Diff", "%", "change", "(levels)", "suggestion"]
    assert "It took 12 pictures." in ended.out
    assert "Two seeds of one prompt differ by " in ended.out


def test_objectives_and_pairs_are_printed(analyze):
    ended = analyze("--seeds", "1-3", "--objective", "light", "--pairs", "3")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["block", "Diff", "%", "change", "(levels)", "light", "(levels)", "suggestion"]
    assert any(line.startswith("pair") and "beyond their sum" in line for line in lines)
    assert sum(" + " in line for line in lines) == 3


def test_after_ctrl_c_the_same_command_goes_on(blockweight, analyze):
    blockweight.use(Interrupted)
    assert analyze("--seeds", "1,2").code == 130
    blockweight.use(FakeRenderer)
    assert analyze("--seeds", "1,2").code == 0
    assert len(blockweight.renderer.rendered) == 8 - 3


def test_an_estimate_says_what_it_would_cost_and_renders_nothing(blockweight, analyze, tmp_path):
    ended = analyze("--estimate")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("One block at a time in 3 scenes: 12 pictures")
    assert not (tmp_path / "project").exists()
    told = json.loads(analyze("--estimate", "--json").out)
    assert (told["method"], told["scenes"], told["cost"]["pictures"]) == ("eba", 3, 12)


def test_a_budget_takes_as_many_seeds_as_fit(analyze):
    ended = analyze("--budget", "20pictures", "--json")
    told = json.loads(ended.out)
    assert (told["method"], len(told["table"]["scenes"])) == ("eba", 5)
    assert told["work"]["pictures"] == 20


def test_json_has_effects_suggestions_and_files(analyze):
    told = json.loads(analyze("--seeds", "1,2", "--json").out)
    assert set(told["effects"]) == {"diff", "change"}
    assert [each["block"] for each in told["suggestions"]] == ["IN01", "IN02", "IN03"]
    assert told["effects"]["diff"][0]["scenes"] == 2
    assert any(file.endswith("findings.json") for file in told["files"])


def test_parquet_is_written_where_it_is_asked_for(analyze):
    pytest.importorskip("pyarrow")
    assert "effects.parquet" in analyze("--seeds", "1,2", "--parquet").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--method", "gradient"), "needs something to go up"),
        (("--budget", "5"), "is no budget"),
        (("--budget", "2pictures", "--method", "eba"), "2 scenes take at least 8"),
        (("--objective", "beauty"), "There is no objective 'beauty'"),
        (("--aspects", "beauty"), "There is no aspect 'beauty'"),
        (("--aspects", "embedding"), "needs a model that looks at pictures"),
        (("--method", "sketch"), "gradients need the model itself"),
        (("--blocks", "REST"), "changes nothing in REST"),
    ],
)
def test_what_is_wrong_is_one_sentence(analyze, arguments, words):
    ended = analyze("--seeds", "1,2", *arguments)
    assert (ended.code, ended.out) == (2, "")
    last = ended.err.splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
