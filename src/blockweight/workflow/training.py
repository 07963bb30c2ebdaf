"""The way to a training, which loads torch only when it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError
from blockweight.workflow.progress import Progress
from blockweight.workflow.training_ask import TrainingAsk

if TYPE_CHECKING:
    from blockweight.workflow.training_run import Training


def training_of(ask: TrainingAsk, progress: Progress) -> Training:
    """`training_run.prepare_training`; BlockweightError also if the `train` extra is not installed."""
    try:
        from blockweight.workflow.training_run import prepare_training  # noqa: PLC0415 - takes seconds to import
    except (ImportError, OSError) as error:  # OSError: torch is there, but one of its libraries cannot be loaded
        raise BlockweightError(
            f"Training needs torch, diffusers, transformers and peft ({error}); install them with: "
            'pip install "blockweight[train]"'
        ) from error
    return prepare_training(ask, progress)
