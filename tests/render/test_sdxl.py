"""SDXL from prompts to latents, with a tiny model, against diffusers' own pipeline and the WebUI's rules."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_originals
import tiny_sdxl
import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.numpy import load_file, save_file
from tiny_scenes import Tiny, different, same, use

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake
from blockweight.plan import SAMPLERS, Hires, Job, read_sampler
from blockweight.render import find_embeddings, identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.sampling import SDXL_ALIGNED, trained_levels
from blockweight.render.local.text_encoders import encoders_of
from blockweight.render.local.texts import TextEmbeddings
from blockweight.weights import BlockWeights

CPU = torch.device("cpu")
EULER = {"sampler": "Euler", "scheduler": "Uniform", "steps": 3}
FULL = tiny_sdxl.SDXL.layout


def weights(seed: int | None = None, rest: float = 1.0) -> BlockWeights:
    rng = np.random.default_rng(seed)
    values = [1.0] * len(FULL) if seed is None else [float(v) for v in rng.uniform(-1, 1.5, len(FULL)).round(3)]
    return BlockWeights("w", FULL, tuple(values), rest)


@pytest.fixture(scope="module")
def model() -> StableDiffusionXLPipeline:
    """In memory, with embeddings whose mean is not 0: that of a real one is not, and emphasis restores it."""
    model = tiny_sdxl.pipeline()
    model.set_progress_bar_config(disable=True)
    with torch.no_grad():
        for part in (model.text_encoder, model.text_encoder_2):
            getattr(part, "text_model", part).embeddings.position_embedding.weight += 0.5
    return model


@pytest.fixture(scope="module")
def xl(tmp_path_factory: pytest.TempPathFactory, model) -> Tiny:
    folder = tmp_path_factory.mktemp("xl")
    model.save_pretrained(folder / "model", safe_serialization=True)
    lora = use(tiny_sdxl.write_locon(folder / "lora.safetensors", model))
    return Tiny(folder / "model", identify_checkpoint(folder / "model"), lora, lora)


@pytest.fixture(scope="module")
def renderer() -> LocalRenderer:
    return LocalRenderer(CPU)


@pytest.fixture
def read(xl, model):
    """read(prompt, steps, …) → the conditioning of one job without guidance, or of its negative prompt with it."""

    def read(prompt: str, steps: int = 3, *, guided: bool = False, **changes):
        job = xl.job(None, prompt=prompt, **changes)
        with torch.inference_mode():
            return TextEmbeddings().conditioning(model, [job], LiveLoras(), steps, guided=guided)

    return read


def encoded(model, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A text's states and pooled vector as diffusers makes them."""
    with torch.inference_mode():
        states, _, pooled, _ = model.encode_prompt(text, device=CPU, do_classifier_free_guidance=False)
    return states[0], pooled[0]


@pytest.mark.parametrize("text", ["", "1girl, red dress", "ゴブ姫、森の中", "red " * 25])
def test_letters_alone_are_read_as_diffusers_reads_them(read, model, text):
    made, (states, pooled) = read(text), encoded(model, text)
    assert torch.allclose(made.at(0)[0][0], states, atol=1e-6)
    assert torch.allclose(made.pooled(0)[0], pooled, atol=1e-6)
    assert states.shape == (77, tiny_sdxl.WIDTH + tiny_sdxl.WIDE)


def test_an_exclamation_mark_is_one_although_it_fills_openclips_chunks(xl, renderer):
    first, second = encoders_of(renderer._engine(xl.checkpoint).pipeline, xl.scene())
    assert second.tokens("Red! dress!!") == first.tokens("Red! dress!!")
    pad = second.tokenizer.pad_token_id
    assert pad == 0
    assert second.tokenizer("red!", add_special_tokens=False).input_ids[-1] == pad != second.tokens("red!")[-1]
    ids = second.ids(*second.chunks([], {}))
    assert ids == [second.tokenizer.bos_token_id, second.tokenizer.eos_token_id, *[0] * 75]


def test_what_is_pooled_is_of_the_first_chunk(read, model):
    made = read("red dress BREAK pink hair")
    states = [encoded(model, text)[0] for text in ("red dress", "pink hair")]
    assert torch.allclose(made.at(0)[0][0], torch.cat(states), atol=1e-6)
    assert torch.allclose(made.pooled(0)[0], encoded(model, "red dress")[1], atol=1e-6)
    assert made.at(0)[0].shape[1] == 2 * 77


def test_emphasis_restores_the_mean_of_each_encoder_by_itself_and_leaves_what_is_pooled(read, model):
    states, pooled = encoded(model, "1girl, red dress")
    ids = model.tokenizer("1girl, red dress").input_ids
    red = ids.index(model.tokenizer("red").input_ids[1])
    wanted = states.clone()
    wanted[red : len(ids) - 1] *= 1.5
    for part in (slice(None, tiny_sdxl.WIDTH), slice(tiny_sdxl.WIDTH, None)):
        wanted[:, part] *= states[:, part].mean() / wanted[:, part].mean()
    made = read("1girl, (red dress:1.5)")
    assert torch.allclose(made.at(0)[0][0], wanted, atol=1e-5)
    assert torch.allclose(made.pooled(0)[0], pooled, atol=1e-6)


def test_an_edited_prompt_changes_what_is_pooled_in_its_step(read, model):
    made = read("[red:pink:1] dress", 4)
    red, pink = (encoded(model, f"{colour} dress")[1] for colour in ("red", "pink"))
    wanted = [red, red, pink, pink]
    assert all(torch.allclose(made.pooled(step)[0], one, atol=1e-6) for step, one in enumerate(wanted))
    assert not torch.allclose(red, pink, atol=1e-3)


def test_only_an_empty_negative_prompt_is_zeros(read, model):
    empty, blank = (read("red", guided=True, negative_prompt=text) for text in ("", " "))
    assert not empty.at(0)[0][0].any()
    assert not empty.pooled(0)[0].any()
    assert torch.allclose(blank.at(0)[0][0], encoded(model, " ")[0], atol=1e-6)


@pytest.mark.parametrize("skip", [1, 2, 3])
def test_clip_skip_changes_nothing_as_in_the_webui(read, model, skip):
    assert torch.allclose(read("red dress", clip_skip=skip).at(0)[0][0], encoded(model, "red dress")[0], atol=1e-6)


@pytest.mark.parametrize(
    ("prompt", "negative"), [("1girl, red dress", "hood"), ("1girl", ""), ("a hat", "red, blue, (sad)")]
)
def test_a_picture_is_that_of_diffusers_own_pipeline(xl, model, renderer, draw, prompt, negative):
    plain = negative.replace("(", r"\(").replace(")", r"\)")
    found = draw(renderer, [xl.job(None, prompt=prompt, negative_prompt=plain, **EULER)])[1]
    with torch.inference_mode():
        wanted = model(
            prompt,
            negative_prompt=negative or None,
            num_inference_steps=EULER["steps"],
            guidance_scale=5.0,
            width=16,
            height=16,
            latents=torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(3)),
            output_type="latent",
        ).images
    assert float((found - wanted).norm() / wanted.norm()) < 1e-4


def test_the_unet_is_told_the_size_of_each_pass(xl, renderer, draw):
    told = []
    unet = renderer._engine(xl.checkpoint).pipeline.unet
    handle = unet.register_forward_pre_hook(
        lambda _, args, kwargs: told.append(kwargs["added_cond_kwargs"]["time_ids"]), with_kwargs=True
    )
    hires = Hires("Latent", width=32, height=32, denoising=0.5, steps=2)
    try:
        draw(renderer, [xl.job(None, **EULER | {"steps": 2}, width=24, height=16, hires=hires)])
    finally:
        handle.remove()
    assert told[0].tolist() == [[16, 24, 0, 0, 16, 24]] * 2
    # It is enlarged to 48×32 first and cropped then.
    assert told[-1].tolist() == [[32, 48, 0, 0, 32, 48]] * 2


@pytest.fixture(scope="module")
def namings(xl, model, tmp_path_factory) -> dict[str, Path]:
    """The same LoRA in other names."""
    folder = tmp_path_factory.mktemp("namings")
    return {
        naming: tiny_sdxl.write_locon(folder / f"{naming}.safetensors", model, naming)
        for naming in ("diffusers", "peft")
    }


def test_live_weights_equal_merged_ones_in_every_naming_and_the_baked_file(xl, model, draw, namings, tmp_path):
    chosen, strength = weights(1, rest=-0.4), 0.7
    lora = replace(xl.locon, strength=strength)
    found = draw(LocalRenderer(CPU), [xl.job(chosen, lora, **EULER)])
    merged = copy.deepcopy(model)
    tiny_sdxl.merge(merged, Path(lora.path), chosen, strength)
    merged.save_pretrained(tmp_path / "merged", safe_serialization=True)
    wanted = draw(LocalRenderer(CPU), [xl.job(None, **EULER, checkpoint=identify_checkpoint(tmp_path / "merged"))])
    same(found, wanted)
    different(found, draw(LocalRenderer(CPU), [xl.job(None, **EULER)]))
    baked = bake(Path(lora.path), chosen, tmp_path / "baked.safetensors", Recipe(strength=strength)).out
    same(draw(LocalRenderer(CPU), [xl.job(weights(), use(baked), **EULER)]), found)
    for path in namings.values():
        same(draw(LocalRenderer(CPU), [xl.job(chosen, use(path, strength), **EULER)]), found, latents=1e-5)


PROMPTS = {
    "plain": {},
    "emphasis": {"prompt": "1girl, (red dress:1.4)"},
    "long": {"prompt": "red dress, " * 30},
    "no negative": {"negative_prompt": ""},
    "long negative": {"negative_prompt": "hood BREAK hat"},
    "schedule": {"prompt": "1girl, [red:pink:1] dress"},
    "turns": {"prompt": "[hood|hat]"},
}


def test_a_batch_of_all_kinds_of_prompts_equals_its_jobs_one_by_one(xl, renderer, draw):
    plain = {"negative_prompt": "hat", **EULER}
    jobs = [xl.job(weights(n), seed=n, **plain | changes) for n, changes in enumerate(PROMPTS.values())]
    assert_alike(renderer, draw, jobs)


def test_composed_prompts_and_the_second_pass_equal_their_jobs_one_by_one(xl, renderer, draw):
    hires = Hires("Latent (nearest-exact)", 1.5, steps=2, denoising=0.6)
    prompts = ("red AND pink:0.5", "red:0.5 AND pink BREAK hair")
    way = {"sampler": "DPM++ 2M", "scheduler": "Karras", "steps": 2, "hires": hires}
    assert_alike(renderer, draw, [xl.job(weights(n), prompt=prompt, seed=n, **way) for n, prompt in enumerate(prompts)])


def assert_alike(renderer: LocalRenderer, draw, jobs: list[Job]) -> None:
    together = draw(renderer, jobs)
    for number, job in enumerate(jobs):
        renderer._engine(job.scene.checkpoint)._texts = TextEmbeddings()
        same(draw(renderer, [job]), [part[number : number + 1] for part in together])
        if number:
            assert not torch.equal(together[1][number], together[1][0])


def test_a_lora_of_the_second_encoder_alone_changes_the_texts_of_each_sample(xl, renderer, draw, tmp_path):
    kept = {key: value for key, value in load_file(xl.locon.path).items() if key.startswith("lora_te2_")}
    save_file(kept, tmp_path / "second.safetensors")
    lora = use(tmp_path / "second.safetensors")
    jobs = [xl.job(weights().with_weights({"BASE": base}), lora, **EULER) for base in (1.0, -0.5, 0.0)]
    assert_alike(renderer, draw, jobs)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws(xl, renderer, draw, sampler):
    way = {"sampler": sampler, "scheduler": read_sampler(sampler)[1], "steps": 3}
    assert draw(renderer, [xl.job(weights(1), **way)])[1].isfinite().all()


def test_align_your_steps_has_levels_of_its_own_for_sdxl(xl, renderer, draw):
    asked: list[float] = []
    pipeline = renderer._engine(xl.checkpoint).pipeline
    handle = pipeline.unet.register_forward_pre_hook(lambda _, args: asked.append(float(args[1])))
    try:
        draw(renderer, [xl.job(None, sampler="Euler", scheduler="Align Your Steps", steps=11)])
    finally:
        handle.remove()
    levels = trained_levels(pipeline.scheduler.config)
    assert asked == pytest.approx([levels.step_of(sigma) for sigma in SDXL_ALIGNED], abs=1e-3)
    assert SDXL_ALIGNED[3] == 2.181


def write_embedding(path: Path, **tensors) -> Path:
    save_file({name: np.asarray(value, np.float32) for name, value in tensors.items()}, path)
    return path


def test_an_embedding_stands_for_its_name_in_both_encoders(read, model, tmp_path):
    red, pink = (int(model.tokenizer(word).input_ids[1]) for word in ("red", "pink"))
    one, two = (
        part.get_input_embeddings().weight.detach()[[red, pink]].numpy()
        for part in (model.text_encoder, model.text_encoder_2)
    )
    write_embedding(tmp_path / "MyStyle.safetensors", clip_l=one, clip_g=two)
    made = read("1girl, MyStyle dress", embeddings=find_embeddings(tmp_path, ["mystyle"]))
    states, pooled = encoded(model, "1girl, red pink dress")
    assert torch.allclose(made.at(0)[0][0], states, atol=1e-6)
    assert torch.allclose(made.pooled(0)[0], pooled, atol=1e-6)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"emb_params": np.zeros((1, tiny_sdxl.WIDTH))}, f"takes 1 to 75 vectors of {tiny_sdxl.WIDE}"),
        ({"clip_l": np.zeros((1, tiny_sdxl.WIDTH))}, "holds no embedding for this model"),
        (
            {"clip_l": np.zeros((1, tiny_sdxl.WIDTH)), "clip_g": np.zeros((2, tiny_sdxl.WIDE))},
            "1 vectors for one text encoder and 2 for the other",
        ),
    ],
)
def test_an_embedding_for_another_model_is_refused(xl, renderer, tmp_path, tensors, message):
    write_embedding(tmp_path / "x.safetensors", **tensors)
    with pytest.raises(BlockweightError, match=message):
        renderer.check([xl.job(None, embeddings=find_embeddings(tmp_path, ["x"]))])


def test_weights_of_another_family_than_the_models_are_refused(xl, tiny, shared):
    job = tiny.job(weights(), xl.locon)
    with pytest.raises(BlockweightError, match=r"family sdxl, but '.*' is a model of sd1; give a model of the LoRA's"):
        shared.check([job])


def test_sizes_are_whole_latents(xl, renderer):
    renderer.check([xl.job(None, width=22, height=40)])
    with pytest.raises(BlockweightError, match="multiples of 2"):
        renderer.check([xl.job(None, width=21)])


@pytest.fixture(scope="module")
def config(model, tmp_path_factory) -> Path:
    """The folder without weights and tokenizers: what stands beside a single file."""
    folder = tmp_path_factory.mktemp("xl-config")
    model.save_pretrained(folder, safe_serialization=True)
    for file in folder.rglob("*.safetensors"):
        file.unlink()
    return folder


def test_a_single_file_draws_what_its_folder_draws(xl, model, renderer, draw, config, tmp_path):
    single = identify_checkpoint(tiny_originals.save(model, "sdxl", tmp_path / "xl.safetensors"))
    jobs = [xl.job(chosen, negative_prompt="hood", **EULER) for chosen in (None, weights(1))]
    ones = [replace(job, scene=replace(job.scene, checkpoint=single)) for job in jobs]
    same(draw(LocalRenderer(CPU, config=config), ones), draw(renderer, jobs), latents=1e-5)
