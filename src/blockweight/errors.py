"""The one error that a person meets: a sentence with the cause and the next step."""

from __future__ import annotations


class BlockweightError(Exception):
    """Wrong input, or a state of the machine that the program cannot work with.

    The message is one sentence (or two) for the person at the keyboard: what is wrong, where, and what to do next.
    The command line prints it without a traceback and exits with code 2.
    """
