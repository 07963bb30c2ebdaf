"""Searches by what a model of pictures on the disk says: a tiny CLIP with random weights, as transformers saves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from projects import make, scenes

from blockweight.demo.embedded import model_folder
from blockweight.errors import BlockweightError
from blockweight.render import FakeRenderer
from blockweight.workflow import tuning as acts
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.search.asking import SearchAsked, ask_search
from blockweight.workflow.search.picture_model import plain_words
from blockweight.workflow.search.running import begin_search, current_search, run_search

ASKED = {"segments": "a=IN01;b=IN02", "grid": "0,1", "sampler": "tpe", "budget": "60pictures"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(str(model_folder() / "tokenizer"), local_files_only=True)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    texts = {"vocab_size": len(tokenizer), "max_position_embeddings": 20, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        vision_config={**sizes, "image_size": 32, "patch_size": 8}, text_config={**sizes, **texts}, projection_dim=16
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_scenes(tuning, scenes(model, "1-4"))
        yield tuning


@pytest.fixture
def example(tmp_path):
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 40, 3), np.uint8)).save(tmp_path / "example.png")
    return tmp_path / "example.png"


def search(tuning, **asked):
    begin_search(tuning, ask_search(tuning, SearchAsked(**{**ASKED, **asked})))
    run_search(tuning, FakeRenderer, SilentProgress())
    return current_search(tuning.state())


def test_how_well_a_prompt_is_followed_and_the_distance_to_examples_are_searched_for(tuning, clip, example):
    plan = search(tuning, objectives=("prompt, lower embedding",), picture_model=clip, examples=(example,))
    assert len(plan.examples) == 1
    for each in (*plan.choices, *plan.references):
        for prompt, distance in (each.searched, each.held):
            assert -1 < prompt.mean < 1
            assert 0 < distance.mean < 2
    assert len({each.searched[0].mean for each in plan.references}) == len(plan.references)


def test_clip_compares_a_picture_with_the_prompt_as_transformers_does(clip):
    import torch  # noqa: PLC0415
    from transformers import CLIPModel, CLIPTokenizer  # noqa: PLC0415

    from blockweight.measure import Eye, load_embedder  # noqa: PLC0415

    picture = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    words = "1girl, red dress, " * 20  # more than it reads
    embedder = load_embedder(clip, "cpu")
    model, tokenizer = CLIPModel.from_pretrained(clip), CLIPTokenizer.from_pretrained(clip)
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    pixels = torch.tensor(((picture / 255 - mean) / std).transpose(2, 0, 1)[None], dtype=torch.float32)
    tokens = tokenizer(words, truncation=True, max_length=20, return_tensors="pt")
    with torch.no_grad():
        out = model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, pixel_values=pixels)
    expected = float((out.image_embeds * out.text_embeds).sum())
    assert Eye(embedder, embedder.text(words)).follows(picture) == pytest.approx(expected, abs=1e-4)


def test_a_prompt_is_read_without_the_webuis_signs(tuning):
    scene = replace(tuning.state().scenes[0], prompt="a (red:1.3) dress AND [blue:green:0.5] sky :0.5")
    assert plain_words(scene) == "a red dress green sky"


def test_a_changed_model_is_refused(tuning, clip, tmp_path):
    import shutil  # noqa: PLC0415

    copy = shutil.copytree(clip, tmp_path / "copy")
    begin_search(tuning, ask_search(tuning, SearchAsked(**ASKED, objectives=("prompt",), picture_model=copy)))
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    with pytest.raises(BlockweightError, match="not where it was, or was changed"):
        run_search(tuning, FakeRenderer, SilentProgress())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"objectives": ("prompt",)}, "none is downloaded; name the folder of a CLIP"),
        ({"objectives": ("embedding",), "picture_model": True}, "--example FILE"),
        ({"objectives": ("prompt",), "picture_model": True, "examples": True}, "No objective compares with --example"),
        ({"objectives": ("kept",), "picture_model": True}, "No objective needs --picture-model"),
        ({"objectives": ("embedding:inside",), "picture_model": True, "examples": True}, "needs a mask"),
    ],
)
def test_what_is_missing_is_one_sentence(tuning, clip, example, asked, words):
    made = {**ASKED, **asked}
    if "picture_model" in asked:
        made["picture_model"] = clip
    if "examples" in asked:
        made["examples"] = (example,)
    with pytest.raises(BlockweightError, match=words):
        ask_search(tuning, SearchAsked(**made))
