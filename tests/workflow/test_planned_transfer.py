"""A transfer begun from a form: what is asked, rendering it with stops, giving it up, its table."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from projects import after, make

from blockweight.errors import BlockweightError
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.planned_transfer import begin_transfer, cancel_transfer, current_transfer, render_transfer
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import keep_mask_file
from blockweight.workflow.settings import Settings, save_settings
from blockweight.workflow.transfer import TransferAsked, plan_transfer
from blockweight.workflow.transfer_form import CURRENT, OTHER, TypedTransfer, asked_transfer, transfer_choices
from blockweight.workflow.transfer_view import begun_transfer, latest_transfer
from workshop import write_model

SEEDS = TransferAsked(seeds="11-12")


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_blocks(tuning, "IN02", "0")
        yield tuning


@pytest.fixture
def other(tmp_path):
    """A model in a folder of the settings."""
    save_settings(Settings(models=(tmp_path / "models",)))
    return write_model(tmp_path / "models" / "other", b"other weights")


def render(tuning, renderer=FakeRenderer, stopped=lambda: False):
    return render_transfer(tuning, renderer, SilentProgress(), stopped)


def masked(tuning, folder, widths):
    """An analysis with a mask a scene, as many columns wide."""
    names = []
    for number, width in enumerate(widths):
        array = np.zeros((24, 32), np.uint8)
        array[:, :width] = 255
        Image.fromarray(array).save(folder / f"mask{number}.png")
        names.append(keep_mask_file(tuning, folder / f"mask{number}.png"))
    plan_analysis(tuning, Wanted("IN01", masks=tuple(names)))
    render_analysis(tuning, FakeRenderer, SilentProgress())


def test_a_transfer_that_was_begun_goes_on_after_a_stop_and_leaves_its_table(tuning):
    begin_transfer(tuning, SEEDS)
    part = render(tuning, stopped=after(tuning, 5))
    assert (part.left, latest_transfer(tuning)) == (7, None)
    assert begun_transfer(tuning).groups == (("home", 2), ("seeds 11-12", 2))
    assert begun_transfer(tuning).cost.finished == 5
    assert render(tuning).left == 0
    assert current_transfer(tuning.state()).folder == latest_transfer(tuning).folder == "transfer-01"
    assert begun_transfer(tuning) is None


def test_what_is_tuned_meanwhile_changes_nothing(tuning):
    before = tuning.state().weights
    begin_transfer(tuning, SEEDS)
    acts.set_blocks(tuning, "IN03", "0")
    render(tuning)
    assert latest_transfer(tuning).weights == before.text()


def test_one_that_was_given_up_stops_and_leaves_no_table(tuning):
    begin_transfer(tuning, SEEDS)

    def stopped():
        if current_transfer(tuning.state()) is not None:
            cancel_transfer(tuning)
        return False

    assert render(tuning, stopped=stopped).left > 0
    assert (begun_transfer(tuning), latest_transfer(tuning)) == (None, None)
    for act in (cancel_transfer, render):
        with pytest.raises(BlockweightError, match="No transfer is begun"):
            act(tuning)


def test_another_model_of_the_settings_folders_is_found_when_it_renders(tuning, other, model):
    assert [each.path for each in transfer_choices(tuning).models if not each.embedded] == [other]
    begin_transfer(tuning, asked_transfer(tuning, TypedTransfer(models=(str(other), str(other)))))
    assert render(tuning).left == 0
    assert [group.name for group in latest_transfer(tuning).groups] == ["home", "model other"]
    with pytest.raises(BlockweightError, match="none of the folders"):
        asked_transfer(tuning, TypedTransfer(models=(str(model),)))


def test_prompts_may_be_typed(tuning):
    plan = plan_transfer(tuning, asked_transfer(tuning, TypedTransfer(prompts="猫\n\n1girl\n")))
    assert [(scene.prompt, scene.seed) for scene in plan.groups[1].scenes] == [
        ("猫", 1), ("猫", 2), ("1girl", 1), ("1girl", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (TypedTransfer(OTHER), "No other weights are typed"),
        (TypedTransfer("suggested"), "No weights are suggested yet"),
        (TypedTransfer("x"), "no weights to choose"),
        (TypedTransfer(CURRENT, home_mask=True, seeds="11"), "no mask to take"),
    ],
)
def test_what_cannot_be_had_is_refused(tuning, typed, words):
    with pytest.raises(BlockweightError, match=words):
        begin_transfer(tuning, asked_transfer(tuning, typed))
    assert tuning.state().transfers == ()


def test_homes_masks_go_along_only_where_it_is_known_which_fits(tuning, other, tmp_path):
    masked(tuning, tmp_path, (8, 16))
    asked = TransferAsked(seeds="11", prompt_lines="猫", models=(other,), home_mask=True)
    shares = [[float(mask.mean()) for mask in group.masks] for group in plan_transfer(tuning, asked).groups]
    # Which of two different masks fits another prompt, or another seed of one prompt, nobody knows.
    assert shares == [[0.25, 0.5], [], [], [0.25, 0.5]]


def test_a_single_mask_of_home_goes_along_with_all(tuning, tmp_path):
    masked(tuning, tmp_path, (8,))
    asked = TransferAsked(seeds="11", prompt_lines="猫", home_mask=True)
    begin_transfer(tuning, asked)
    assert [len(group.masks) for group in current_transfer(tuning.state()).groups] == [2, 1, 2]
    render(tuning)
    assert all(group.masked for group in latest_transfer(tuning).groups)
