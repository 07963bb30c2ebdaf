"""`blockweight` as a program of its own whose fake renderer is killed by SIGKILL, as `kill -9` does, after as many
pictures as the environment variable LIVES says; without it, it lives. Prints how many it rendered."""

from __future__ import annotations

import os
import signal

from blockweight.cli import analyze, main, rounds, tune, tune_auto
from blockweight.render import FakeRenderer, unwatched


class Mortal(FakeRenderer):
    def render(self, jobs, finished=(), watch=unwatched):
        lives = int(os.environ.get("LIVES", "-1"))
        for rendering in super().render(jobs, finished, watch):
            if len(self.rendered) > lives >= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            yield rendering
        print("rendered", len(self.rendered), flush=True)  # noqa: T201


analyze.command_renderer = rounds.command_renderer = tune.command_renderer = tune_auto.command_renderer = Mortal
main()
