"""YOLO detectors in ONNX files, as Ultralytics exports them: `face_yolov8n` and its like."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure.detections import Box, Detections, boxes_found, check_confidence, known_label
from blockweight.measure.pictures import Picture

_SIDE = 640
"""What such a model sees, where neither its input nor its metadata say."""

_GREY = 114
"""What fills the square beside a picture that is none, in levels."""

_OVERLAP = 0.7
"""Of two boxes of one label that share more than this (area of both over area of either), the surer one stays."""

_LEAST = 0.05
"""Boxes below this confidence are dropped before overlaps are looked for; there are thousands."""


@dataclass(frozen=True)
class _Fit:
    """How a picture was put into the square: made `scale` times as large, `left` and `top` pixels from its corner."""

    scale: float
    left: int
    top: int


class _Yolo:
    def __init__(self, path: Path, session: Any) -> None:
        self._path, self._session = path, session
        metadata: Mapping[str, str] = session.get_modelmeta().custom_metadata_map
        task = metadata.get("task", "detect")
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if task != "detect" or len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
            raise BlockweightError(
                f"'{path}' is no YOLO that finds boxes (its task is {task}, with {len(outputs)} outputs); give a model "
                "for detection, such as face_yolov8n.onnx."
            )
        self._input = inputs[0].name
        self._half = "float16" in inputs[0].type
        self._labels = _labels(metadata.get("names", ""))
        self._height, self._width = _size(inputs[0].shape, metadata.get("imgsz", ""))

    def detect(self, picture: Picture, find: str, confidence: float) -> Detections:
        check_confidence(confidence)
        values, fit = _fitted(picture, self._height, self._width)
        try:
            (out,) = self._session.run(None, {self._input: values.astype(np.float16 if self._half else np.float32)})
        except Exception as error:  # of onnxruntime's own types
            raise BlockweightError(
                f"'{self._path}' cannot be run ({type(error).__name__}); export the model again."
            ) from error
        rows = self._rows(np.asarray(out, np.float64))
        labels = self._labels or {number: str(number) for number in sorted({int(row[5]) for row in rows})}
        label = known_label(find, tuple(labels.values())) if find.strip() else ""
        boxes = [
            Box(
                labels.get(int(number), str(int(number))),
                float(score),
                (left - fit.left) / fit.scale,
                (top - fit.top) / fit.scale,
                (right - fit.left) / fit.scale,
                (bottom - fit.top) / fit.scale,
            )
            for left, top, right, bottom, score, number in rows
        ]
        return boxes_found(boxes, label, confidence, picture)

    def _rows(self, out: NDArray[np.float64]) -> NDArray[np.float64]:
        """Left, top, right, bottom (pixels of the square), score, number of the label: (n, 6).

        Three forms are known: (1, n, 6) of an export with the overlaps dropped; (1, 4 + labels, n) of YOLOv8 and later;
        (1, n, 5 + labels) of YOLOv5, whose fifth value is how likely there is anything. The last two give middles and
        sizes.
        """
        if out.ndim != 3 or out.shape[0] != 1:
            raise self._strange(out)
        table = out[0]
        rows, columns = table.shape
        count = len(self._labels)
        if 4 < rows < columns and count in {0, rows - 4}:
            middles, scores = table[:4].T, table[4:].T
        elif columns == 6 and np.array_equal(table[:, 5], np.rint(table[:, 5])):
            # With one label YOLOv5's rows have six values too, but the last is a probability.
            sure: NDArray[np.float64] = table[table[:, 4] >= _LEAST]
            return sure
        elif columns > 5 and count in {0, columns - 5}:
            middles, scores = table[:, :4], table[:, 4:5] * table[:, 5:]
        else:
            raise self._strange(out)
        numbers, best = scores.argmax(axis=1), scores.max(axis=1)
        half = middles[:, 2:] / 2
        boxes = np.column_stack([middles[:, :2] - half, middles[:, :2] + half, best, numbers])
        return _without_overlaps(boxes[best >= _LEAST])

    def _strange(self, out: NDArray[np.float64]) -> BlockweightError:
        return BlockweightError(
            f"'{self._path}' gives {'×'.join(map(str, out.shape))} numbers, which is no YOLO's form; export the model "
            "again for detection."
        )


def load_yolo(path: Path) -> _Yolo:
    """A YOLO for detection from an `.onnx` file. BlockweightError for what is none, and without the extra `detect`."""
    if not path.is_file():
        raise BlockweightError(f"There is no file '{path}'; check the path.")
    try:
        import onnxruntime  # noqa: PLC0415 - takes half a second
    except ImportError as error:
        raise BlockweightError(
            "Detectors in ONNX files need the extra 'detect'; install it: pip install 'blockweight[detect]'."
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its warnings are for who made the file
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own types
        raise BlockweightError(
            f"'{path}' is no ONNX model that can be run here ({type(error).__name__}); export it again."
        ) from error
    return _Yolo(path, session)


def _labels(text: str) -> dict[int, str]:
    """Ultralytics writes Python's own notation: {0: 'face'}."""
    try:
        return {int(number): str(label) for number, label in dict(ast.literal_eval(text)).items()}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return {}


def _size(shape: list[Any], text: str) -> tuple[int, int]:
    """Height and width of the input: fixed in the model, else in its metadata, else _SIDE."""
    told = [int(part) for part in text.strip("[] ").replace(" ", "").split(",") if part.isdecimal()]
    sizes = told if len(told) == 2 else [_SIDE, _SIDE]
    height, width = (
        given if isinstance(given, int) and given > 0 else size for given, size in zip(shape[2:], sizes, strict=True)
    )
    return height, width


def _fitted(picture: Picture, height: int, width: int) -> tuple[NDArray[np.float64], _Fit]:
    """The picture in the middle of the model's rectangle, as large as it fits, (1, 3, height, width), 0…1."""
    scale = min(height / picture.shape[0], width / picture.shape[1])
    inner = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = Image.new("RGB", (width, height), (_GREY,) * 3)
    canvas.paste(Image.fromarray(picture).resize(inner, Image.Resampling.BILINEAR), (left, top))
    return np.asarray(canvas).transpose(2, 0, 1)[None] / 255, _Fit(scale, left, top)


def _without_overlaps(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-maximum suppression: the surest boxes, and those of a label that share little with a surer one."""
    left = rows[np.argsort(-rows[:, 4])]
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        ends = np.minimum(first[2:4], left[:, 2:4]) - np.maximum(first[:2], left[:, :2])
        shared = np.clip(ends, 0, None).prod(axis=1)
        either = (first[2:4] - first[:2]).prod() + (left[:, 2:4] - left[:, :2]).prod(axis=1) - shared
        left = left[(left[:, 5] != first[5]) | (shared <= _OVERLAP * either)]
    return np.array(kept).reshape(-1, 6)
