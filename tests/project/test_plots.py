"""Plots as facts: what is kept of them, what fits, and what no version wrote."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acts import ONES, Told

from blockweight.errors import BlockweightError
from blockweight.plan import Job, LoraUse, Variant
from blockweight.project import (
    PLOT_CANCELLED,
    PLOT_PLANNED,
    PLOT_RESUMED,
    PLOTTED,
    UNDONE,
    WEIGHTS,
    BegunAxis,
    plot_body,
)
from workshop import LORA, SCENE

USE = LoraUse("folder/princess.safetensors", LORA.digest, 0.8, 0.5, 2, 9)
JOBS = tuple(Job(replace(SCENE, steps=steps), USE, Variant("mine", ONES)) for steps in (2, 4))
ROW = (*JOBS, Job(SCENE, LoraUse("", ""), Variant("no LoRA", None)))
AXES = (
    BegunAxis("Steps", ("steps",), ("2", "4", "none"), (2,)),
    BegunAxis("", (), ("",)),
    BegunAxis("", (), ("",)),
)


@pytest.fixture
def told():
    return Told()


def body(title="one", jobs=((ROW,),), axes=AXES):
    return plot_body(title, "en", axes, jobs)


def begin(told, **more):
    return told(PLOT_PLANNED, body(**more)).plots[-1]


def test_a_plot_keeps_its_cells_whatever_is_tuned_later(told):
    begin(told)
    told(WEIGHTS, {"changes": {"IN01": 0.0}})
    (begun,) = told(UNDONE).plots
    assert [job.key for job in begun.jobs[0][0]] == [job.key for job in ROW]
    assert (begun.x, begun.title, begun.language) == (AXES[0], "one", "en")


def test_no_folder_stands_in_the_log(told):
    assert "folder/" not in str(body())


def test_the_one_gone_on_with_is_the_last(told):
    first, second = begin(told), begin(told, title="two")
    assert [plot.number for plot in told(PLOT_RESUMED, {"plot": first.number}).plots] == [second.number, first.number]


def test_one_that_was_given_up_is_not_recorded(told):
    first = begin(told)
    assert told(PLOT_CANCELLED, {"plot": first.number}).plots[0].cancelled
    with pytest.raises(BlockweightError, match="given up meanwhile"):
        told.history.check(PLOTTED, {"plot": first.number, "folder": "plot-01"})


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (PLOT_PLANNED, {**body(), "cells": [[0, 0, 0]]}),
        (PLOT_PLANNED, {**body(), "cells": [[0, 0, 9]] * 3}),
        (PLOT_PLANNED, {**body(), "cells": [[0, 0, -1]] * 3}),
        (PLOT_PLANNED, {**body(), "x": {"title": "", "kinds": [], "labels": [], "baseline": []}}),
        (PLOTTED, {"plot": 2, "folder": "../elsewhere"}),
        (PLOT_CANCELLED, {"plot": 99}),
        (PLOT_RESUMED, {}),
    ],
)
def test_what_no_version_wrote_or_does_not_fit_is_refused(told, kind, wrong):
    begin(told)
    with pytest.raises(BlockweightError):
        told.history.check(kind, wrong)
