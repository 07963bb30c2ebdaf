"""A transfer that is begun and gone on with: planned as a fact of the project, rendered with pauses, given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blockweight.errors import BlockweightError
from blockweight.project import (
    TRANSFER_CANCELLED,
    TRANSFER_PLANNED,
    TRANSFERRED,
    MaskStore,
    PlannedTransfer,
    TransferGroup,
    TuningState,
    transfer_body,
)
from blockweight.render import Renderer
from blockweight.workflow.progress import Progress
from blockweight.workflow.project_masks import mask_of
from blockweight.workflow.transfer import (
    Group,
    TransferAsked,
    TransferPlan,
    measure_transfer,
    plan_transfer,
    render_elsewhere,
    transfer_cost,
)
from blockweight.workflow.transfer_page import write_transfer
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost, RenderedPart


def begin_transfer(tuning: TuningProject, asked: TransferAsked, *, event_id: str = "") -> TuningState:
    """Plan a transfer, so that `render_transfer` renders it; the weights and the scenes stay as they are now, whatever
    is tuned later. One that is begun already is not begun twice. BlockweightError as from `plan_transfer`."""
    plan = plan_transfer(tuning, asked)
    kept = MaskStore(tuning.folder)
    groups = [
        TransferGroup(group.name, group.kind, group.scenes, tuple(map(kept.save, group.masks))) for group in plan.groups
    ]
    body = {**transfer_body(plan.weights, groups), "places": plan.places}
    return tuning.log.add(TRANSFER_PLANNED, lambda _: body, event_id=event_id)


def render_transfer(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Render what the latest transfer that was begun lacks; once nothing is left, measure it, write its table to a
    folder of the project's, and record it.

    `stopped` is asked at every step, and so is whether it was given up or another one begun meanwhile; after a stop, or
    a kill, the next call goes on. The renderer is made only if something is missing. BlockweightError if none is begun,
    the LoRA or a model is not where it was, or the renderer refuses.
    """
    begun = current_transfer(tuning.state())
    if begun is None:
        raise _none()
    number = begun.number

    def ended() -> bool:
        return stopped() or not _stands(tuning.state(), number)

    plan = _plan_of(tuning, begun)
    part = render_elsewhere(tuning, plan, make_renderer, progress, ended)
    if not part.left and not begun.folder and _stands(tuning.state(), number):
        folder = write_transfer(tuning, measure_transfer(tuning, plan))[0].parent
        tuning.log.add(TRANSFERRED, lambda _: {"plan": number, "folder": folder.name})
    return part


def cancel_transfer(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Give the latest transfer up; its pictures are kept. BlockweightError if none is begun, or it is complete."""

    def body(state: TuningState) -> Mapping[str, object]:
        begun = current_transfer(state)
        if begun is None:
            raise _none()
        return {"plan": begun.number}

    return tuning.log.add(TRANSFER_CANCELLED, body, event_id=event_id)


def current_transfer(state: TuningState) -> PlannedTransfer | None:
    """The transfer begun last, if it was not given up."""
    latest = next(reversed(state.transfers), None)
    return None if latest is None or latest.cancelled else latest


def begun_cost(tuning: TuningProject, begun: PlannedTransfer) -> Cost:
    """What is there of a transfer that was begun, and what the rest takes."""
    return transfer_cost(tuning, _bare_plan(tuning.state(), begun))


def _stands(state: TuningState, number: int) -> bool:
    begun = current_transfer(state)
    return begun is not None and begun.number == number


def _plan_of(tuning: TuningProject, begun: PlannedTransfer) -> TransferPlan:
    """The plan with its masks read. BlockweightError for a mask that is gone."""
    plan = _bare_plan(tuning.state(), begun)
    groups = tuple(
        Group(each.name, each.kind, each.scenes, tuple(mask_of(tuning, name) for name in each.masks))
        for each in begun.groups
    )
    return TransferPlan(plan.weights, plan.lora, groups, plan.places)


def _bare_plan(state: TuningState, begun: PlannedTransfer) -> TransferPlan:
    groups = tuple(Group(each.name, each.kind, each.scenes) for each in begun.groups)
    return TransferPlan(begun.weights, state.lora, groups, {})


def _none() -> BlockweightError:
    return BlockweightError("No transfer is begun; begin one on the Transfer page.")
