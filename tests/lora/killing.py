"""Work that is killed at one step after the other."""

from __future__ import annotations

import linecache
import sys


class Killed(BaseException):
    """What no handler expects."""


def killed_at(step: int, work, watch) -> bool:
    """Run `work` and raise Killed at the given call that a module which writes files makes; `watch` sees every state on
    the way, as a power cut would. Returns whether the step was reached."""
    count, cleaning = 0, False

    def profile(frame, event, _):
        nonlocal count, cleaning
        caller = frame if event == "c_call" else frame.f_back
        if event not in ("call", "c_call") or caller is None:
            return
        file = caller.f_code.co_filename
        if not file.endswith(("lora/write.py", "lora/atomic.py", "metadata/rewrite.py")):
            return
        watch()
        # The removal of the temporary file cannot itself be undone, so it is not cut short.
        cleaning = "suppress" in linecache.getline(file, caller.f_lineno) or "unlink" in linecache.getline(
            file, caller.f_lineno
        )
        if cleaning:
            return
        count += 1
        if count == step:
            raise Killed

    sys.setprofile(profile)
    try:
        work()
    except Killed:
        return True
    finally:
        sys.setprofile(None)
    return False
