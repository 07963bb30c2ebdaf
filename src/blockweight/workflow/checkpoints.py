"""The model that a person names: a path on this machine, or `server:NAME` for one that lies on a server only."""

from __future__ import annotations

from pathlib import Path

from blockweight.plan import SERVER_MODEL, Checkpoint
from blockweight.workflow.model_fit import check_is_model
from blockweight.workflow.renderers import server_checkpoint


def identified_checkpoint(path: Path) -> Checkpoint:
    """The model at a path, or of the chosen renderer's server, with its digest. BlockweightError as
    `render.identify_checkpoint` and `renderers.server_checkpoint`, and for a file that holds something else."""
    if str(path).startswith(SERVER_MODEL):
        return server_checkpoint(str(path).removeprefix(SERVER_MODEL))
    from blockweight.render import identify_checkpoint  # noqa: PLC0415 - numpy is not needed for --help

    check_is_model(path)
    return identify_checkpoint(path)
