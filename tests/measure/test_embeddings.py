"""Distances of embeddings reckoned by hand, and models with random weights read from folders."""

import json

import numpy as np
import pytest
from aspect_pictures import left_half, noise, plain

from blockweight.errors import BlockweightError
from blockweight.measure import (
    Embedder,
    Features,
    embedding_distance,
    feature_distance,
    load_embedder,
    measure_aspects,
)
from blockweight.measure.cells import mask_cells


def features(embedding, left, right):
    """Features of a picture of two patches, one beside the other, which its only layer has too."""
    patches = np.array([[left, right]], np.float32)
    return Features(np.array(embedding, np.float32), patches, (patches,))


ONE = features([1, 0], [1, 0], [0, 2])


@pytest.mark.parametrize(("embedding", "distance"), [([5, 0], 0), ([0, 1], 1), ([-2, 0], 2), ([1, 1], 1 - 0.5**0.5)])
def test_the_distance_of_embeddings_is_1_minus_their_cosine(embedding, distance):
    assert embedding_distance(features(embedding, [1, 0], [1, 0]), ONE) == pytest.approx(distance)


def test_under_a_mask_the_masked_patches_mean_is_compared():
    other = features([1, 0], [0, 1], [0, 1])
    assert embedding_distance(other, ONE, left_half()) == pytest.approx(1)
    assert embedding_distance(other, ONE, ~left_half()) == pytest.approx(0)
    everywhere = np.ones((32, 32), bool)  # (0, 1) beside (0.5, 1)
    assert embedding_distance(other, ONE, everywhere) == pytest.approx(1 - 1 / 1.25**0.5)


def test_the_distance_of_features_is_the_squared_one_of_unit_vectors():
    other = features([1, 0], [0, 3], [0, 1])  # 2 in the left patch, 0 in the right one
    assert feature_distance(other, ONE) == pytest.approx(1)
    assert feature_distance(other, ONE, left_half()) == pytest.approx(2)
    assert feature_distance(features([1, 0], [-1, 0], [0, -1]), ONE) == pytest.approx(4)


def test_layers_count_alike():
    patches = np.ones((1, 1, 2), np.float32)
    layers = Features(patches[0, 0], patches, (patches, -patches)), Features(patches[0, 0], patches, (patches, patches))
    assert feature_distance(*layers) == pytest.approx(2)


def test_a_patch_counts_by_how_much_of_it_is_masked():
    mask = np.zeros((6, 10), bool)
    mask[:, :7] = True
    assert mask_cells(mask, (2, 2)) == pytest.approx(np.array([[1, 0.4], [1, 0.4]]))


def test_the_shares_of_patches_hold_the_whole_mask():
    mask = noise(1, 13, 29)[..., 0] > 128
    for rows, columns in ((1, 1), (4, 4), (5, 7), (16, 40)):  # more patches than pixels too
        assert mask_cells(mask, (rows, columns)).mean() == pytest.approx(mask.mean())


def test_a_picture_among_the_latest_is_read_once():
    read = []
    embedder = Embedder(lambda picture: read.append(picture) or ONE)
    for seed in (1, 2, 1, 3, 1, 4, 1):
        embedder.features(noise(seed))
    assert len(read) == 4


KINDS = ("clip", "clip-vision", "dinov2", "siglip")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    pytest.importorskip("torch")
    from tiny_picture_models import write_picture_model  # noqa: PLC0415 - needs the local extra

    return {kind: write_picture_model(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_makes_an_embedding_and_features_by_place(folders, kind):
    embedder = load_embedder(folders[kind], "cpu")
    found = embedder.features(noise(1, 40, 64))
    assert found.embedding.shape == (16 if kind == "clip" else 32,)  # CLIP's is where it compares texts
    assert found.patches.shape == (4, 4, 32)
    assert [layer.shape for layer in found.layers] == [(4, 4, 32)] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_tells_pictures_apart_and_equal_ones_not(folders, kind):
    embedder = load_embedder(folders[kind], "cpu")
    names = [f"{name}{region}" for name in ("embedding", "features") for region in ("", ":inside", ":outside")]
    assert measure_aspects(names, noise(1), noise(1), left_half(), embedder) == (0,) * 6
    assert all(value > 0 for value in measure_aspects(names, noise(1), noise(2), left_half(), embedder))


def test_patches_lie_where_the_picture_shows_them(folders):
    # The layer before any attention: a change in one corner is in one patch alone.
    embedder = load_embedder(folders["dinov2"], "cpu")
    picture = plain(90, 90, 90)
    picture[24:, :8] = 255
    moved = np.abs(embedder.features(picture).layers[0] - embedder.features(plain(90, 90, 90)).layers[0]).sum(axis=2)
    assert np.unravel_index(moved.argmax(), moved.shape) == (3, 0)


def test_clips_embedding_is_its_own_projection_of_the_picture(folders):
    import torch  # noqa: PLC0415 - needs the local extra
    from tiny_picture_models import picture_processor  # noqa: PLC0415
    from transformers import CLIPModel  # noqa: PLC0415

    picture = noise(1)  # of the size that the model sees, so that nothing is resized
    with torch.no_grad():
        model = CLIPModel.from_pretrained(folders["clip"])
        expected = model.get_image_features(**picture_processor()(picture, return_tensors="pt")).pooler_output
    found = load_embedder(folders["clip"], "cpu").features(picture).embedding
    assert found == pytest.approx(expected[0].numpy(), abs=1e-5)


def test_a_folder_without_a_model_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "missing", tmp_path / "\0"):
        with pytest.raises(BlockweightError, match=r"is no picture model: it has no config.json"):
            load_embedder(folder)


def test_a_model_with_missing_or_damaged_weights_is_refused(tmp_path, folders):
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415 - needs the local extra

    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folders["dinov2"] / name).read_bytes())
    with pytest.raises(BlockweightError, match="could not be loaded as a picture model"):
        load_embedder(tmp_path)
    tensors = load_file(folders["dinov2"] / "model.safetensors")
    tensors.pop("encoder.layer.1.attention.attention.query.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(BlockweightError, match=r"lacks 1 of its tensors, such as encoder\.layer\.1\.attention"):
        load_embedder(tmp_path)


def test_a_model_of_another_kind_is_refused(tmp_path):
    pytest.importorskip("torch")
    from tiny_picture_models import picture_processor  # noqa: PLC0415 - needs the local extra
    from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    CLIPTextModel(CLIPTextConfig(vocab_size=9, **sizes)).save_pretrained(tmp_path)
    picture_processor().save_pretrained(tmp_path)
    with pytest.raises(BlockweightError, match="has no picture model"):
        load_embedder(tmp_path, "cpu")


def test_code_in_a_folder_is_not_run(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}), "utf-8"
    )
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    with pytest.raises(BlockweightError, match="could not be loaded as a picture model"):
        load_embedder(tmp_path)
    assert not (tmp_path / "ran").exists()
