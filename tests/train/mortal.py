"""`blockweight` as a program of its own that is killed by SIGKILL, as `kill -9` does, in the middle of a training's
step: after as many losses as the environment variable LIVES says. It writes its state after every step."""

from __future__ import annotations

import os
import signal

from blockweight.cli import main
from blockweight.train.local import loop, stepping

lives = int(os.environ["LIVES"])
calculate = loop.noise_loss


def mortal(*arguments):
    global lives  # noqa: PLW0603
    lives -= 1
    if lives < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return calculate(*arguments)


loop.noise_loss, stepping.STATE_SECONDS = mortal, -1.0
main()
