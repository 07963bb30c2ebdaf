"""Analyses of own files that are stopped in the middle, and what is asked again afterwards."""

from __future__ import annotations

import pytest
from analyses import MANY, OPTIONS, Rendered, analyse, write_mask

from blockweight.render import Capabilities, unwatched
from workshop import RecordedProgress

BLOCKS = "IN01,IN04,M00"
ASKING = ["probe", "sketch", "gradient"]
SCENES = MANY[:3]


class Interrupted(Rendered):
    """Ctrl-C with the fourth picture, and while the second scene is asked about."""

    def render(self, jobs, finished=(), watch=unwatched):
        for rendering in super().render(jobs, finished, watch):
            if len(self.rendered) > 3:
                raise KeyboardInterrupt
            yield rendering

    def probe(self, asks, watch=unwatched):
        return self._first(super().probe(asks, watch))

    def slopes(self, asks, watch=unwatched):
        return self._first(super().slopes(asks, watch))

    def sketches(self, asks, watch=unwatched):
        return self._first(super().sketches(asks, watch))

    def _first(self, answers):
        yield next(answers)
        raise KeyboardInterrupt


class Other(Rendered):
    """Calculates otherwise."""

    @property
    def capabilities(self):
        return Capabilities(families=super().capabilities.families, batch=1, arithmetic="other")


@pytest.mark.parametrize("method", ["eba", "screen", "bisect"])
def test_a_stop_loses_the_picture_at_work_alone(locon, tmp_path, method):
    options = {"scenes": SCENES, "blocks": BLOCKS, "method": method}
    with pytest.raises(KeyboardInterrupt):
        analyse(locon, tmp_path / "out", Interrupted, **options)
    assert not list((tmp_path / "out").glob("analysis-*"))
    renderer = Rendered()
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, **options)
    assert len(renderer.rendered) == found.work.pictures - 3


@pytest.mark.parametrize("method", ASKING)
def test_a_stop_loses_the_scene_at_work_alone(locon, tmp_path, method):
    options = {"scenes": SCENES, "blocks": BLOCKS, "method": method, **OPTIONS[method]}
    with pytest.raises(KeyboardInterrupt):
        analyse(locon, tmp_path / "out", Interrupted, **options)
    assert not list((tmp_path / "out").glob("analysis-*"))
    renderer, progress = Rendered(), RecordedProgress()
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, progress=progress, **options)
    assert [job.scene.seed for job in renderer.asked] == [2, 3]
    assert progress.tasks[0][1:] == [3, 1, 2]
    whole, _ = analyse(locon, tmp_path / "whole", **options)
    assert found.facts() == whole.facts()


@pytest.mark.parametrize("method", ASKING)
def test_another_arithmetic_asks_all_scenes_anew(locon, tmp_path, method):
    options = {"blocks": BLOCKS, "method": method, **OPTIONS[method]}
    analyse(locon, tmp_path / "out", scenes=SCENES[:2], **options)
    renderer = Other()
    analyse(locon, tmp_path / "out", lambda: renderer, SCENES, **options)
    assert [job.scene.seed for job in renderer.asked] == [1, 2, 3]


@pytest.mark.parametrize("method", ASKING)
def test_further_scenes_are_asked_about_alone(locon, tmp_path, method):
    options = {"blocks": BLOCKS, "method": method, **OPTIONS[method]}
    analyse(locon, tmp_path / "out", scenes=SCENES[:2], **options)
    renderer = Rendered()
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, SCENES, **options)
    assert [job.scene.seed for job in renderer.asked] == [3]
    assert len(found.table.scenes) == 3


@pytest.mark.parametrize("method", ASKING)
def test_a_damaged_answer_is_asked_for_again(locon, tmp_path, method):
    options = {"scenes": SCENES, "blocks": BLOCKS, "method": method, **OPTIONS[method]}
    before, _ = analyse(locon, tmp_path / "out", **options)
    damaged, emptied, _ = sorted((tmp_path / "out" / "answers").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:100])
    emptied.write_bytes(b"")
    renderer = Rendered()
    found, _ = analyse(locon, tmp_path / "out", lambda: renderer, **options)
    assert len(renderer.asked) == 2
    assert found.facts() == before.facts()


@pytest.mark.parametrize("method", ASKING)
def test_what_decides_an_answer_asks_anew(locon, tmp_path, method):
    options = {"scenes": SCENES[:1], "blocks": BLOCKS, "method": method, **OPTIONS[method]}
    analyse(locon, tmp_path / "out", **options)
    mask = write_mask(tmp_path / "mask.png", 12)
    changes = {
        "probe": [{"weight_range": "0,1"}, {"levels": 3}, {"aspects": "colour"}, {"masks": (mask,)}],
        "sketch": [{"weight_range": "0.5,0.75"}, {"masks": (mask,)}],
        "gradient": [{"weight_range": "0.5,0.75"}, {"aims": "green"}, {"aims": "green,light", "masks": (mask,)}],
    }
    for change in [*changes[method], {"strength": 0.5}]:
        renderer = Rendered()
        analyse(locon, tmp_path / "out", lambda made=renderer: made, **(options | change))
        assert len(renderer.asked) == 1, change


@pytest.mark.parametrize("method", ["sketch", "gradient"])
def test_another_weight_under_test_is_reckoned_from_the_same_slopes(locon, tmp_path, method):
    options = {"blocks": BLOCKS, "method": method, **OPTIONS[method]}
    half, _ = analyse(locon, tmp_path / "out", **options)
    renderer = Rendered()
    none, _ = analyse(locon, tmp_path / "out", lambda: renderer, **options, weight_range="0,1")
    assert renderer.asked == []
    assert none.table.values == pytest.approx(2 * half.table.values)
