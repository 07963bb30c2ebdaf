"""The command line. Commands only read arguments, call `workflow`, and print."""

from blockweight.cli.main import main

__all__ = ["main"]
