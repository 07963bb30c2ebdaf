"""Detectors from the person's disk: folders of transformers (boxes of named things, or whatever a text says) and YOLO
models in ONNX files. Nothing is ever downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure.detections import Box, Detections, Detector, boxes_found, check_confidence, known_label
from blockweight.measure.pictures import Picture
from blockweight.measure.transformers_folder import Parts, load_parts
from blockweight.measure.yolo import load_yolo

_BY_TEXT = "clipseg"
"""The `model_type` of models that mark what a text says."""


class _BoxFinder:
    """DETR, YOLOS, RT-DETR and other models of transformers that find things of a fixed list."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._labels = {int(number): str(label) for number, label in parts.model.config.id2label.items()}

    def detect(self, picture: Picture, find: str, confidence: float) -> Detections:
        import torch  # noqa: PLC0415 - two seconds

        check_confidence(confidence)
        label = known_label(find, tuple(self._labels.values()))
        parts = self._parts
        given = parts.processor(images=Image.fromarray(picture), return_tensors="pt").to(parts.device)
        with torch.inference_mode():
            out = parts.model(**given)
        (found,) = parts.processor.post_process_object_detection(
            out, threshold=confidence, target_sizes=[picture.shape[:2]]
        )
        rows = zip(found["labels"].tolist(), found["scores"].tolist(), found["boxes"].tolist(), strict=True)
        boxes = [Box(self._labels.get(number, str(number)), score, *edges) for number, score, edges in rows]
        return boxes_found(boxes, label, confidence, picture)


class _TextFinder:
    """CLIPSeg: marks what a text says, pixel by pixel."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def detect(self, picture: Picture, find: str, confidence: float) -> Detections:
        import torch  # noqa: PLC0415 - two seconds

        check_confidence(confidence)
        if not find.strip():
            raise BlockweightError("This detector marks what a text says; say what to find, as in --find face.")
        parts = self._parts
        given = parts.processor(text=[find], images=[Image.fromarray(picture)], padding=True, return_tensors="pt")
        with torch.inference_mode():
            logits = parts.model(**given.to(parts.device)).logits
        height, width = picture.shape[:2]
        # One text gives (h, w), or (1, h, w) in some versions.
        shares = torch.sigmoid(logits.float()).reshape(1, 1, *logits.shape[-2:])
        shares = torch.nn.functional.interpolate(shares, (height, width), mode="bilinear", align_corners=False)
        return Detections((), shares[0, 0].cpu().numpy() >= confidence)


def load_detector(path: Path, device: str | None = None) -> Detector:
    """The detector at `path`: a folder that transformers reads, of a model for object detection or CLIPSeg, or an
    `.onnx` file of a YOLO. BlockweightError for anything else, pickled `.pt` files too, which can run code."""
    if path.suffix.lower() in {".pt", ".pth"}:
        raise BlockweightError(
            f"'{path.name}' is a pickle, which can run code when it is opened, and is not read; export it once where "
            f"you trust it (yolo export model={path.name} format=onnx) and give the .onnx file."
        )
    if path.suffix.lower() == ".onnx":
        return load_yolo(path)
    finder: Detector
    if _model_type(path) == _BY_TEXT:
        names = "CLIPSegForImageSegmentation", "CLIPSegProcessor"
        parts = load_parts(path, "detector", *names, device=device)
        finder, word = _TextFinder(parts), "anything"
    else:
        parts = load_parts(path, "detector", "AutoModelForObjectDetection", "AutoImageProcessor", device=device)
        finder, word = _BoxFinder(parts), ""
    with parts.checking():
        finder.detect(np.zeros((64, 64, 3), np.uint8), word, 1.0)
    return finder


def _model_type(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):  # said when it is loaded
        return ""
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""
