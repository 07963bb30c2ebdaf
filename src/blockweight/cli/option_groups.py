"""Options that several commands share, declared once: one parameter of a command stands for all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, get_type_hints

Options = Mapping[str, tuple[Any, Any]]
"""What typer takes of each option, by its parameter's name: the annotation, and what counts where it is not given."""

Gathered = dict[str, Any]
"""What a command is given in place of the options."""

NONE_GATHERED: Gathered = {}
"""The default of such a parameter; no command sees it."""


def with_options(
    parameter: str, options: Options, gather: Callable[[Gathered], Gathered] = dict
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a command with these options of one that has a `parameter` in their place, which is given what `gather`
    makes of their values by name."""

    def grouped(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in options}
            command(**given, **{parameter: gather(values)})

        signed(run, command, options, parameter)
        return run

    return grouped


def signed(run: Callable[..., None], command: Callable[..., None], options: Options, instead_of: str = "") -> None:
    """Give `run` what typer reads of a command: the parameters of `command` without `instead_of`, and these options."""
    hints = get_type_hints(command, include_extras=True)
    hints.pop(instead_of, None)
    hints |= {name: hint for name, (hint, _) in options.items()}
    kept = [one for name, one in inspect.signature(command).parameters.items() if name != instead_of]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual) for name, (_, usual) in options.items()
    ]
    keyed = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in (*kept, *added)]
    run.__signature__ = inspect.Signature(keyed)  # type: ignore[attr-defined]
    run.__annotations__ = hints
