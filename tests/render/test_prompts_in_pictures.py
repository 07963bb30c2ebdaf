"""Prompts in the WebUI's language, from text to latents, with the tiny model."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from tiny_loras import weights
from tiny_scenes import same

from blockweight.demo import embedded
from blockweight.errors import BlockweightError
from blockweight.plan import Hires, Job, LoraUse, Variant
from blockweight.plan.prompt_emphasis import Piece, read_emphasis
from blockweight.plan.prompts import read_prompt
from blockweight.render import identify_checkpoint
from blockweight.render.embeddings import find_embeddings
from blockweight.render.local import LocalRenderer
from blockweight.render.local.conditioning import Conditioning, Direction, directions
from blockweight.render.local.encoder import Encoder, weighed
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.texts import TextEmbeddings


@pytest.fixture(scope="module")
def model(fresh):
    """The tiny model, with embeddings whose mean is not 0: that of a real one is not, and emphasis restores it."""
    model = copy.deepcopy(fresh)
    with torch.no_grad():
        getattr(model.text_encoder, "text_model", model.text_encoder).final_layer_norm.bias += 0.5
    return model


@pytest.fixture(scope="module")
def encoder(model):
    return Encoder(model.tokenizer, model.text_encoder)


@pytest.fixture
def states(tiny, model):
    """states(prompt, steps, …) → what stands for a scene's only prompt in each step."""

    def states(prompt: str, steps: int = 3, **changes) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            made = TextEmbeddings().conditioning(
                model, [tiny.job(None, prompt=prompt, **changes)], LiveLoras(), steps, guided=False
            )
        return tuple(made.at(step)[0][0] for step in range(steps))

    return states


def plain(pipeline, text: str) -> torch.Tensor:
    """A text's embedding as diffusers makes it."""
    ids = pipeline.tokenizer(
        [text], padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    ).input_ids
    with torch.inference_mode():
        return pipeline.text_encoder(ids).last_hidden_state[0]


@pytest.mark.parametrize(
    "text", ["", "1girl, red dress", " ゴブ姫、森の中 ", "a | b", "red " * 25, "long, hair\n, smile"]
)
def test_letters_alone_have_the_embedding_of_the_plain_tokenizer_to_the_last_bit(states, model, text):
    assert torch.equal(states(text)[0], plain(model, text))


def test_chunks_are_encoded_by_themselves_and_joined(states, model):
    joined = states("red dress BREAK pink hair")[0]
    assert torch.equal(joined, torch.cat([plain(model, "red dress"), plain(model, "pink hair")]))
    assert len(states("red " * 76)[0]) == 2 * 77


def test_emphasis_multiplies_tokens_and_restores_the_mean(states, model):
    read = plain(model, "1girl, red dress")
    ids = model.tokenizer("1girl, red dress").input_ids
    red = ids.index(model.tokenizer("red").input_ids[1])
    wanted = read.clone()
    wanted[red : len(ids) - 1] *= 1.5
    wanted *= read.mean() / wanted.mean()
    found = states("1girl, (red dress:1.5)")[0]
    assert torch.allclose(found, wanted, atol=1e-6)
    assert not torch.allclose(found, read, atol=1e-3)


def test_the_mean_is_that_of_all_the_texts_of_a_schedule(states, model):
    one, two = plain(model, "red dress"), plain(model, "pink dress")
    wanted = torch.stack([one, two]).clone()
    wanted[0, 1] *= 2
    wanted *= torch.stack([one, two]).mean() / wanted.mean()
    found = states("[(red:2):pink:1] dress")
    assert torch.allclose(found[0], wanted[0], atol=1e-6)
    assert torch.allclose(found[2], wanted[1], atol=1e-6)


def test_weights_whose_mean_cannot_be_restored_are_taken_without():
    state = torch.tensor([[1.0, 1.0], [-1.0, 3.0]])
    (found,) = weighed([state], [[-1.0]], [1])
    assert torch.equal(found, torch.tensor([[1.0, 1.0], [1.0, -3.0]]))


def test_a_scheduled_prompt_changes_after_its_step_and_turns_step_by_step(states, model):
    red, pink = plain(model, "red dress"), plain(model, "pink dress")
    found = states("[red:pink:1] dress", 4)
    assert [torch.equal(state, red) for state in found] == [True, True, False, False]
    assert torch.equal(found[3], pink)
    turns = states("[red|pink] dress", 4)
    assert [torch.equal(state, pink) for state in turns] == [False, False, True, False]


def test_a_schedules_texts_have_as_many_chunks_as_its_longest(states, model):
    found = states("red[: BREAK pink:1]", 3)
    assert torch.equal(found[0], torch.cat([plain(model, "red"), plain(model, "")]))
    assert torch.equal(found[2], torch.cat([plain(model, "red"), plain(model, "pink")]))


@pytest.mark.parametrize("skip", [1, 2])
def test_clip_skip_reads_an_earlier_layer_through_the_final_norm(states, model, skip):
    text = getattr(model.text_encoder, "text_model", model.text_encoder)
    ended: list[torch.Tensor] = []
    layer = text.encoder.layers[-skip]
    handle = layer.register_forward_hook(lambda _, args, out: ended.append(out[0] if isinstance(out, tuple) else out))
    try:
        plain(model, "red dress")
    finally:
        handle.remove()
    with torch.inference_mode():
        wanted = text.final_layer_norm(ended[0].reshape(77, -1))
    assert torch.allclose(states("red dress", clip_skip=skip)[0], wanted, atol=1e-6)


def test_an_encoder_may_be_read_without_its_final_norm(encoder):
    bare = replace(encoder, layer=2, final_norm=False)
    (chunk,) = bare.chunks([Piece("red dress")], {})
    with torch.inference_mode():
        found = bare.encode(chunk, {}).states
        through = replace(bare, final_norm=True).encode(chunk, {}).states
        assert torch.equal(encoder.norm(found), through)


def test_no_other_text_changes_an_embedding_to_the_last_bit(tiny, model):
    texts = TextEmbeddings()
    prompts = ["red dress", "(red:1.2) dress", "[red|pink] dress", "red " * 80, "a AND b:0.5"]
    jobs = [tiny.job(None, prompt=prompt) for prompt in prompts]
    with torch.inference_mode():
        together = texts.conditioning(model, jobs, LiveLoras(), 3, guided=True)._rows
        for sample, job in enumerate(jobs):
            alone = TextEmbeddings().conditioning(model, [job], LiveLoras(), 3, guided=True)._rows
            rows = [row for row in together if row.sample == sample]
            for row, other in zip(rows, alone, strict=True):
                assert all(map(torch.equal, row.states, other.states))


def write_embedding(path, vectors, name="emb_params"):
    path.parent.mkdir(exist_ok=True)
    save_file({name: np.asarray(vectors, np.float32)}, path)
    return path


@pytest.mark.parametrize("name", ["emb_params", "clip_l", "<mine>"])
def test_an_embedding_stands_in_the_place_of_its_name(states, model, tmp_path, name):
    table = model.text_encoder.get_input_embeddings().weight.detach()
    red, pink = (int(model.tokenizer(word).input_ids[1]) for word in ("red", "pink"))
    write_embedding(tmp_path / "MyStyle.safetensors", table[[red, pink]].numpy(), name)
    embeddings = find_embeddings(tmp_path, ["1girl, (mystyle:1.0) dress"])
    assert [embedding.name for embedding in embeddings] == ["MyStyle"]
    found = states("1girl, MyStyle dress", embeddings=embeddings)[0]
    assert torch.equal(found, plain(model, "1girl, red pink dress"))
    assert not torch.equal(states("1girl, MyStyle dress")[0], found)
    assert not model.text_encoder.get_input_embeddings()._forward_hooks


def test_only_embeddings_that_the_prompts_name_are_found_the_longest_first(tmp_path):
    for name in ("bad", "bad-hands", "other", "hands"):
        write_embedding(tmp_path / "more" / f"{name}.safetensors", np.zeros((1, 16)))
    assert [e.name for e in find_embeddings(tmp_path, ["1girl", "BAD-hands, badly"])] == ["bad-hands", "hands", "bad"]


@pytest.mark.parametrize("suffix", [".pt", ".bin"])
def test_a_pickled_embedding_is_refused_if_it_is_named(tmp_path, suffix):
    (tmp_path / f"easynegative{suffix}").write_bytes(b"x")
    assert find_embeddings(tmp_path, ["1girl"]) == ()
    with pytest.raises(BlockweightError, match="pickled and not read, because opening it can run code; convert"):
        find_embeddings(tmp_path, ["EasyNegative"])


def test_folders_and_names_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(BlockweightError, match="There is no folder"):
        find_embeddings(tmp_path / "none", [])
    write_embedding(tmp_path / "a" / "x.safetensors", np.zeros((1, 16)))
    write_embedding(tmp_path / "b" / "X.safetensors", np.zeros((1, 16)))
    with pytest.raises(BlockweightError, match="are called alike; rename one"):
        find_embeddings(tmp_path, ["x"])


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"emb_params": np.zeros((1, 8))}, "an embedding of 1×8 numbers, but this model takes 1 to 75 vectors of 16"),
        ({"emb_params": np.zeros((76, 16))}, "of 76×16 numbers"),
        ({"emb_params": np.zeros((0, 16))}, "of 0×16 numbers"),
        ({"a": np.zeros(16), "b": np.zeros(16)}, "holds no embedding for this model .* 'a', 'b'|\"a\", \"b\""),
        ({"clip_g": np.zeros((1, 16))}, "holds no embedding for this model"),
        ({"emb_params": np.full((1, 16), np.nan)}, "holds something that is not a number"),
    ],
)
def test_an_embedding_for_another_model_is_refused_before_any_work(tiny, shared, tmp_path, tensors, message):
    save_file({name: value.astype(np.float32) for name, value in tensors.items()}, tmp_path / "x.safetensors")
    with pytest.raises(BlockweightError, match=message):
        shared.check([tiny.job(None, embeddings=find_embeddings(tmp_path, ["x"]))])


def test_an_embedding_that_has_changed_since_is_refused(tiny, shared, tmp_path):
    path = write_embedding(tmp_path / "x.safetensors", np.zeros((1, 16)))
    embeddings = find_embeddings(tmp_path, ["x"])
    write_embedding(path, np.ones((1, 16)))
    with pytest.raises(BlockweightError, match="has changed since this was planned"):
        shared.check([tiny.job(None, embeddings=embeddings)])


@pytest.mark.parametrize("skip", [0, 3])
def test_a_clip_skip_that_leaves_no_layer_is_refused(tiny, shared, skip):
    with pytest.raises(BlockweightError, match=rf"must be 1 to 2 for this model's text encoder, not {skip}"):
        shared.check([tiny.job(None, clip_skip=skip)])


PROMPTS = {
    "plain": {},
    "emphasis": {"prompt": "1girl, (red dress:1.4)"},
    "long": {"prompt": "red dress, " * 30},
    "long negative": {"negative_prompt": "hood BREAK hat"},
    "schedule": {"prompt": "1girl, [red:pink:1] dress"},
    "negative turns": {"negative_prompt": "[hood|hat]"},
    "clip skip": {"clip_skip": 2},
}


def test_a_batch_of_all_kinds_of_prompts_equals_its_jobs_one_by_one(tiny, shared, draw):
    jobs = [tiny.job(None, **changes) for changes in PROMPTS.values()]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        shared._engine(tiny.checkpoint)._texts = TextEmbeddings()
        same(draw(shared, [job]), [part[number : number + 1] for part in together])
        if number:
            assert not torch.equal(together[1][number], together[1][0])


def test_an_edited_prompt_draws_first_the_one_thing_and_then_the_other():
    scene = embedded.scene(identify_checkpoint(embedded.model_folder()), embedded.SHOWN[0], 1)
    prompts = [f"1girl, pink hair, long hair, smile, {dress}" for dress in ("red dress", "[red dress:blue dress:0.3]")]
    jobs = [Job(replace(scene, prompt=prompt, steps=8), LoraUse("x", "d"), Variant("", None)) for prompt in prompts]
    red, blue = (made.picture[-8:, 24:40].mean((0, 1)) for made in LocalRenderer(torch.device("cpu")).render(jobs))
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50


def test_a_hires_pass_goes_on_with_a_prompts_schedule(tiny, shared, draw):
    def latents(**changes):
        texts = ("hat", "[hat:hood:1.0]", "[hat:hood:2.0]", "[hat:hood:3]")
        changes |= {"sampler": "Euler", "scheduler": "Karras"}
        return draw(shared, [tiny.job(None, prompt=text, **changes) for text in texts])[1]

    alone = latents()
    assert all(torch.allclose(found, alone[0], atol=1e-4) for found in alone)
    plain, shares, late, steps = latents(hires=Hires("Latent", 2, steps=4, denoising=0.7))
    assert torch.allclose(late, plain, atol=1e-4)
    assert torch.allclose(steps, shares, atol=1e-4)
    assert (shares - plain).norm() > 0.005 * plain.norm()


def test_composed_prompts_equal_the_weighted_sum_of_their_directions(tiny, shared, draw):
    one, two, both = draw(
        shared,
        [tiny.job(None, prompt=p, steps=1) for p in ("red dress", "pink hair", "red dress:0.75 AND pink hair:-0.5")],
    )[1]
    # One step is linear in what the UNet predicts: without a prompt, and the ways from there.
    nothing = draw(shared, [tiny.job(None, prompt="red dress:0", steps=1)])[1][0]
    wanted = nothing + 0.75 * (one - nothing) - 0.5 * (two - nothing)
    assert float((both - wanted).norm() / wanted.norm()) < 1e-4
    assert float((both - one).norm() / one.norm()) > 0.01


def test_a_composed_batch_equals_its_jobs_one_by_one(tiny, shared, draw):
    prompts = ("red AND pink", "red:0.5 AND pink BREAK hair", "[red|pink] AND (hair:1.2)")
    jobs = [tiny.job(weights(n), prompt=prompt, seed=n, steps=2) for n, prompt in enumerate(prompts)]
    together = draw(shared, jobs)
    for number, job in enumerate(jobs):
        shared._engine(tiny.checkpoint)._texts = TextEmbeddings()
        same(draw(shared, [job]), [part[number : number + 1] for part in together])


def test_a_weight_needs_the_negative_prompt_even_without_guidance(tiny, shared, draw):
    one, half, none = draw(
        shared, [tiny.job(None, prompt=f"red{w}", cfg_scale=1.0, steps=1) for w in ("", ":0.5", ":0")]
    )[1]
    assert float((half - (one + none) / 2).norm() / one.norm()) < 1e-4
    assert directions(tiny.scene(prompt="red", cfg_scale=1.0)) == 1
    assert directions(tiny.scene(prompt="red:0.5", cfg_scale=1.0)) == 2
    assert directions(tiny.scene(prompt="a AND b", cfg_scale=7.0)) == 3


def test_composed_parts_of_different_lengths_repeat_their_last_token(tiny, model):
    job = tiny.job(None, prompt="red AND pink BREAK hair", cfg_scale=7.0)
    with torch.inference_mode():
        made = TextEmbeddings().conditioning(model, [job], LiveLoras(), 2, guided=True)
    context, there = made.at(0)
    assert context.shape[:2] == (3, 154)
    assert torch.equal(context[1, 77:], context[1, 76].expand(77, -1))
    assert there.sum(1).tolist() == [77, 154, 154]
    assert made.at(1)[0] is context, "nothing is put together again while nothing changes"


def test_a_prompt_of_one_length_with_the_negative_one_is_not_masked():
    rows = [Direction(0, None, (torch.ones(2, 1),)), Direction(0, 1.0, (torch.ones(2, 1),))]
    assert Conditioning(rows, 1).at(0)[1] is None


def test_emphasis_and_schedules_work_in_the_negative_prompt_but_not_and(tiny, shared, draw):
    found = draw(shared, [tiny.job(None, negative_prompt=text) for text in ("hood", "(hood:1.5)", "hood AND hat:2")])[1]
    assert float((found[0] - found[1]).norm()) > 0.01
    assert read_prompt("hood AND hat:2", 1)[1].weight == 2
    assert read_emphasis("hood AND hat:2") == (Piece("hood AND hat:2"),)
