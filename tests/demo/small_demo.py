"""`blockweight demo` on fewer scenes, in two steps each, for claims that need no good pictures."""

from __future__ import annotations

from blockweight.cli import main
from blockweight.demo import embedded
from blockweight.workflow import tutorial, tutorial_report

embedded.STEPS = 2
embedded.SHOWN = embedded.SHOWN[:2]
embedded.STUDIED = embedded.STUDIED[:2]
tutorial.SEEDS = tutorial_report.SEEDS = tutorial.SEEDS[:2]
tutorial.ROUND_SEEDS = tutorial.ROUND_SEEDS[:1]
tutorial.SHOWN_SEEDS = tutorial.SHOWN_SEEDS[:1]
main()
