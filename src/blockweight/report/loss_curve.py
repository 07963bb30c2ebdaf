"""How a training's loss went."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from blockweight.report.charts import BAR, INK, MUTED, PAPER, RULE
from blockweight.report.figures import font, new_figure

_SHARE = 20
"""The line is the mean over a twentieth of all steps."""


def loss_curve(losses: Sequence[float], epoch_length: int) -> bytes:
    """A PNG: the loss of every step (at least one) as a dot, their moving mean as a line, and where epochs end, as far
    as there are few enough to be told apart."""
    figure = new_figure(7.6, 3.4, layout="constrained")
    axes = figure.add_subplot()
    steps = np.arange(1, len(losses) + 1)
    axes.scatter(steps, losses, s=5, color=BAR, alpha=0.35, linewidths=0)
    width = max(1, len(losses) // _SHARE)
    means = np.convolve(losses, np.full(width, 1 / width), "valid")
    axes.plot(steps[width - 1 :], means, color=INK, linewidth=1.4)
    if len(losses) <= 60 * epoch_length:
        for end in range(epoch_length, len(losses), epoch_length):
            axes.axvline(end + 0.5, color=RULE, linewidth=0.8, zorder=0)
    axes.set_ylim(0, float(np.quantile(losses, 0.99)) * 1.15 or 1.0)
    label = f"step (line: mean of {width})"
    axes.set_xlabel(label, color=MUTED, fontproperties=font(label, 9))
    axes.set_ylabel("loss", color=MUTED, fontproperties=font("loss", 9))
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    buffer = io.BytesIO()
    figure.set_facecolor(PAPER)
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    return buffer.getvalue()
