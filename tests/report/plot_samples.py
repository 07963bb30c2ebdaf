"""Plots for the tests: every cell a plain picture whose colour says where it belongs."""

from __future__ import annotations

import itertools

from PIL import Image

from blockweight.report import PlotAxis, PlotCell, PlotGrid


def colour_of(place):
    x, y, z = place
    return 20 + 4 * x, 30 + 6 * y, 60 + 80 * z


def write_picture(folder, place, size=(32, 32)):
    folder.mkdir(exist_ok=True)
    path = folder / "{}-{}-{}.png".format(*place)
    Image.new("RGB", size, colour_of(place)).save(path)
    return path


def axis(name, labels, baseline=()):
    return PlotAxis(name, tuple(labels), frozenset(baseline))


def plot(folder, columns=3, rows=2, layers=0, missing=(), size=(32, 32), **more):
    """A plot with the labels c0, c1 …, r0 …, l0 …; `more` replaces parts of it."""
    cells = {
        place: PlotCell(write_picture(folder / "pictures", place, size), "seed {}, weights {}, layer {}".format(*place))
        for place in itertools.product(range(columns), range(rows), range(layers or 1))
        if place not in missing
    }
    parts = {
        "x": axis("Weights", (f"c{number}" for number in range(columns)), [0]),
        "y": axis("Seed", (f"r{number}" for number in range(rows))),
        "z": axis("Layer", (f"l{number}" for number in range(layers))) if layers else None,
        "cells": cells,
    }
    return PlotGrid("A plot", **{**parts, **more})
