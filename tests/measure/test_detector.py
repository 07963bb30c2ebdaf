"""Detectors of transformers with random weights: what they find is their own affair, how it is read is not."""

import numpy as np
import pytest
from aspect_pictures import noise

from blockweight.errors import BlockweightError
from blockweight.measure import load_detector
from blockweight.measure.detections import Box, boxes_found, known_label

pytest.importorskip("torch")

PICTURE = noise(1, 48, 64)


@pytest.fixture(scope="module")
def box_finder(tmp_path_factory):
    from tiny_picture_models import write_box_finder  # noqa: PLC0415 - needs the local extra

    return load_detector(write_box_finder(tmp_path_factory.mktemp("yolos")), "cpu")


@pytest.fixture(scope="module")
def text_finder(tmp_path_factory):
    from tiny_picture_models import write_text_finder  # noqa: PLC0415 - needs the local extra

    return load_detector(write_text_finder(tmp_path_factory.mktemp("clipseg")), "cpu")


def test_a_folder_for_object_detection_finds_boxes_in_the_pictures_pixels(box_finder):
    found = box_finder.detect(PICTURE, "", 0.0)
    assert len(found.boxes) == 5  # one a detection token
    assert {box.label for box in found.boxes} <= {"face", "hand"}
    assert [box.score for box in found.boxes] == sorted((box.score for box in found.boxes), reverse=True)
    assert all(0 <= box.left <= box.right <= 64 and 0 <= box.top <= box.bottom <= 48 for box in found.boxes)
    # Random boxes lie around the middle, half as wide and high as the picture.
    assert found.boxes[0].right - found.boxes[0].left == pytest.approx(32, abs=8)
    assert found.boxes[0].bottom - found.boxes[0].top == pytest.approx(24, abs=6)
    assert found.mask.shape == (48, 64)
    assert found.mask.any()


def test_only_what_is_looked_for_and_sure_enough_is_found(box_finder):
    labels = [{box.label for box in box_finder.detect(PICTURE, find, 0.0).boxes} for find in ("Face", "hand")]
    assert labels[0] <= {"face"}
    assert labels[1] <= {"hand"}
    assert not box_finder.detect(PICTURE, "", 1.0).mask.any()


def test_a_name_that_the_detector_does_not_know_is_refused(box_finder):
    with pytest.raises(BlockweightError, match=r"does not know 'horns'; it knows face, hand"):
        box_finder.detect(PICTURE, "horns", 0.3)


def test_a_folder_of_clipseg_marks_what_a_text_says(text_finder):
    marked = [text_finder.detect(PICTURE, "face", sure).mask for sure in (0.0, 0.45, 0.5, 0.55, 1.0)]
    assert marked[0].all()
    assert not marked[-1].any()
    sizes = [mask.sum() for mask in marked]
    assert sizes == sorted(sizes, reverse=True)
    assert marked[0].shape == (48, 64)


def test_clipseg_needs_a_text(text_finder):
    with pytest.raises(BlockweightError, match="say what to find"):
        text_finder.detect(PICTURE, " ", 0.3)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_is_0_to_1(box_finder, text_finder, confidence):
    for finder in (box_finder, text_finder):
        with pytest.raises(BlockweightError, match="confidence is a number from 0 to 1"):
            finder.detect(PICTURE, "face", confidence)


def test_a_pickle_is_refused_with_the_way_around(tmp_path):
    with pytest.raises(BlockweightError, match=r"is a pickle.*yolo export model=face_yolov8n\.pt format=onnx"):
        load_detector(tmp_path / "face_yolov8n.pt")


def test_what_is_no_detector_is_refused(tmp_path):
    from tiny_picture_models import write_picture_model  # noqa: PLC0415 - needs the local extra

    with pytest.raises(BlockweightError, match=r"is no detector: it has no config\.json"):
        load_detector(tmp_path / "missing")
    with pytest.raises(BlockweightError, match="could not be loaded as a detector"):
        load_detector(write_picture_model(tmp_path, "dinov2"))


def test_boxes_are_cut_at_the_pictures_edges_and_filled():
    boxes = [Box("face", 0.4, 2.6, 1.4, 5, 4), Box("hand", 0.9, -5, 40, 10, 90), Box("face", 0.2, 0, 0, 64, 48)]
    found = boxes_found(boxes, "", 0.3, PICTURE)
    expected = np.zeros((48, 64), bool)
    expected[1:4, 3:5] = True
    expected[40:, :10] = True
    assert np.array_equal(found.mask, expected)
    assert found.boxes == (Box("hand", 0.9, 0, 40, 10, 48), Box("face", 0.4, 2.6, 1.4, 5, 4))
    assert boxes_found(boxes, "face", 0.3, PICTURE).boxes == (boxes[0],)


def test_a_long_list_of_labels_is_cut():
    with pytest.raises(BlockweightError, match=r"it knows 0, 1, .*, 19 and 60 more"):
        known_label("face", [str(number) for number in range(80)])
