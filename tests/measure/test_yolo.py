"""YOLO detectors in ONNX files: models whose answer is written into them."""

import numpy as np
import pytest
from aspect_pictures import noise

from blockweight.errors import BlockweightError
from blockweight.measure import load_detector

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def write_yolo(path, answer, names="{0: 'face', 1: 'hand'}", task="detect", shape=(1, 3, 64, 64), **metadata):
    """A model that answers `answer` whatever it is shown; its input is multiplied by 0 so that it is used."""
    h = onnx.helper
    answer = np.asarray(answer, np.float32)
    nodes = [
        h.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        h.make_node("Mul", ["mean", "zero"], ["nothing"]),
        h.make_node("Add", ["answer", "nothing"], ["output0"]),
    ]
    constants = [
        onnx.numpy_helper.from_array(answer, "answer"),
        onnx.numpy_helper.from_array(np.float32(0), "zero"),
    ]
    kind = onnx.TensorProto.FLOAT
    inputs = [h.make_tensor_value_info("images", kind, shape)]
    outputs = [h.make_tensor_value_info("output0", kind, answer.shape)]
    graph = h.make_graph(nodes, "yolo", inputs, outputs, constants)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    h.set_model_props(model, {"names": names, "task": task, **metadata})
    onnx.save(model, path)
    return path


def v8(*rows, labels=2):
    """YOLOv8's form: middle, size and a score a label, in columns; a model has thousands, most of them nothing."""
    table = np.zeros((1, 4 + labels, 40), np.float32)
    table[0, :, : len(rows)] = np.transpose(rows)
    return table


SQUARE = noise(1, 64, 64)


def boxes(detector, picture=SQUARE, find="", confidence=0.3):
    return [
        (box.label, round(box.score, 3), box.left, box.top, box.right, box.bottom)
        for box in detector.detect(picture, find, confidence).boxes
    ]


def test_yolov8s_middles_and_sizes_are_read(tmp_path):
    detector = load_detector(write_yolo(tmp_path / "m.onnx", v8((20, 30, 10, 20, 0.9, 0.1), (50, 50, 4, 4, 0.2, 0.6))))
    assert boxes(detector) == [("face", 0.9, 15, 20, 25, 40), ("hand", 0.6, 48, 48, 52, 52)]
    assert boxes(detector, find="hand") == [("hand", 0.6, 48, 48, 52, 52)]
    assert boxes(detector, confidence=0.7) == [("face", 0.9, 15, 20, 25, 40)]
    assert detector.detect(SQUARE, "hand", 0.3).mask.sum() == 16


def test_one_label_is_enough(tmp_path):
    answer = v8((20, 30, 10, 20, 0.9), labels=1)
    assert boxes(load_detector(write_yolo(tmp_path / "m.onnx", answer, "{0: 'face'}"))) == [
        ("face", 0.9, 15, 20, 25, 40)
    ]


@pytest.mark.parametrize("names", ["{0: 'face'}", ""], ids=["named", "unnamed"])
def test_yolov5s_rows_count_by_how_likely_there_is_anything(tmp_path, names):
    answer = np.zeros((1, 40, 6), np.float32)
    answer[0, 0] = (20, 30, 10, 20, 0.8, 0.75)
    ((_, score, *edges),) = boxes(load_detector(write_yolo(tmp_path / "m.onnx", answer, names)))
    assert (score, edges) == (0.6, [15, 20, 25, 40])


def test_an_export_without_overlaps_gives_edges(tmp_path):
    answer = np.zeros((1, 40, 6), np.float32)
    answer[0, :2] = (15, 20, 25, 40, 0.9, 0), (48, 48, 52, 52, 0.5, 1)
    detector = load_detector(write_yolo(tmp_path / "m.onnx", answer))
    assert boxes(detector) == [("face", 0.9, 15, 20, 25, 40), ("hand", 0.5, 48, 48, 52, 52)]


def test_of_boxes_over_one_another_the_surest_of_each_label_stays(tmp_path):
    rows = (20, 30, 10, 20, 0.7, 0), (21, 30, 10, 20, 0.9, 0), (20, 30, 10, 20, 0, 0.5), (29, 30, 10, 20, 0.4, 0)
    found = boxes(load_detector(write_yolo(tmp_path / "m.onnx", v8(*rows))))
    assert [(label, score) for label, score, *_ in found] == [("face", 0.9), ("hand", 0.5), ("face", 0.4)]


def test_boxes_are_in_the_pixels_of_a_picture_of_another_shape(tmp_path):
    # 128×96 is shown as 64×48 in the middle of the square, 8 pixels of grey above and below.
    detector = load_detector(write_yolo(tmp_path / "m.onnx", v8((20, 30, 10, 20, 0.9, 0.1))))
    assert boxes(detector, noise(1, 96, 128)) == [("face", 0.9, 30, 24, 50, 64)]


def test_a_model_of_any_size_is_shown_what_its_metadata_says(tmp_path):
    shape = (1, 3, "height", "width")
    answer = v8((20, 30, 10, 20, 0.9, 0.1))
    detector = load_detector(write_yolo(tmp_path / "m.onnx", answer, shape=shape, imgsz="[64, 128]"))
    assert boxes(detector, noise(1, 64, 128)) == [("face", 0.9, 15, 20, 25, 40)]


def test_a_name_that_the_detector_does_not_know_is_refused(tmp_path):
    detector = load_detector(write_yolo(tmp_path / "m.onnx", v8((20, 30, 10, 20, 0.9, 0.1))))
    with pytest.raises(BlockweightError, match="does not know 'horns'; it knows face, hand"):
        detector.detect(SQUARE, "horns", 0.3)


def test_a_model_for_something_else_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="its task is segment"):
        load_detector(write_yolo(tmp_path / "m.onnx", v8((1, 1, 1, 1, 0, 0)), task="segment"))
    detector = load_detector(write_yolo(tmp_path / "n.onnx", np.zeros((1, 3, 40))))
    with pytest.raises(BlockweightError, match=r"gives 1×3×40 numbers, which is no YOLO's form"):
        detector.detect(SQUARE, "", 0.3)


def test_a_file_that_is_no_onnx_or_missing_is_refused(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(BlockweightError, match="is no ONNX model that can be run here"):
        load_detector(tmp_path / "broken.onnx")
    with pytest.raises(BlockweightError, match="There is no file"):
        load_detector(tmp_path / "missing.onnx")
