"""The one error that a person meets: a sentence with the cause and the next step."""

from __future__ import annotations


class BlockweightError(Exception):
    """Wrong input, or a state of the machine that the program cannot work with.

    The message is one sentence (or two) for the person at the keyboard: what is wrong, where, and what to do next.
    The command line prints it without a traceback and exits with code 2.
    """


class UnavailableError(BlockweightError):
    """What is wrong will pass or be put right, and the same thing can be done again then: a full disk, a lock that
    another program holds."""


def quoted(text: str, most: int = 60) -> str:
    """What a person typed, for a message: in single quotes, at most `most` characters, on one line.

    >>> quoted("IN1\\n")
    "'IN1'"
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: most + 1]).strip()
    return f"'{shown[: most - 1]}…'" if len(text.strip()) > most else f"'{shown}'"
