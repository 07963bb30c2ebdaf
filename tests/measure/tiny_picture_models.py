"""Tiny models of pictures with random weights, saved as their makers save theirs."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from transformers import CLIPImageProcessor, YolosImageProcessor

from blockweight.demo.embedded import model_folder

SIDE, PATCH = 32, 8

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": PATCH,
}
_TEXTS = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 600,
    "max_position_embeddings": 77,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}


def picture_processor() -> CLIPImageProcessor:
    return CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def write_picture_model(folder: Path, kind: str) -> Path:
    """A CLIP (`clip`; its pictures' half alone, `clip-vision`), `dinov2` or `siglip` that sees 32×32 pixels in 4×4
    patches."""
    torch.manual_seed(0)
    t = transformers
    if kind == "clip":
        model = t.CLIPModel(t.CLIPConfig(vision_config=_SIZES, text_config=_TEXTS, projection_dim=16))
    elif kind == "clip-vision":
        model = t.CLIPVisionModel(t.CLIPVisionConfig(**_SIZES))
    elif kind == "siglip":
        model = t.SiglipVisionModel(t.SiglipVisionConfig(**_SIZES))
    else:
        sizes = {name: value for name, value in _SIZES.items() if name != "intermediate_size"}
        model = t.Dinov2Model(t.Dinov2Config(**sizes))
    model.save_pretrained(folder)
    picture_processor().save_pretrained(folder)
    return folder


def write_box_finder(folder: Path) -> Path:
    """A YOLOS of two labels, `face` and `hand`."""
    torch.manual_seed(0)
    sizes = _SIZES | {"image_size": [SIDE, SIDE], "num_detection_tokens": 5}
    config = transformers.YolosConfig(**sizes, id2label={0: "face", 1: "hand"}, label2id={"face": 0, "hand": 1})
    transformers.YolosForObjectDetection(config).save_pretrained(folder)
    YolosImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def write_text_finder(folder: Path) -> Path:
    """A CLIPSeg with the embedded model's tokenizer."""
    torch.manual_seed(0)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(str(model_folder() / "tokenizer"), local_files_only=True)
    texts = _TEXTS | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    config = transformers.CLIPSegConfig(
        vision_config=_SIZES,
        text_config=texts,
        projection_dim=16,
        extract_layers=[0, 1, 2],
        reduce_dim=16,
        decoder_num_attention_heads=4,
        decoder_intermediate_size=32,
    )
    transformers.CLIPSegForImageSegmentation(config).save_pretrained(folder)
    processor = transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    transformers.CLIPSegProcessor(processor, tokenizer).save_pretrained(folder)
    return folder
