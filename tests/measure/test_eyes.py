"""What a model of pictures says of a picture beside a prompt and examples, reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest
from aspect_pictures import left_half, plain

from blockweight.errors import BlockweightError
from blockweight.measure import Embedder, Eye, Features, WishScene, parse_wishes

SHOWN = plain(10, 20, 30)


def features(embedding, left, right):
    patches = np.array([[left, right]], np.float32)
    return Features(np.array(embedding, np.float32), patches, (patches,))


def eye(*examples, prompt=None):
    return Eye(Embedder(lambda _: features([1, 0], [1, 0], [0, 2])), prompt, examples)


@pytest.mark.parametrize(("prompt", "cosine"), [([3, 0], 1), ([0, 1], 0), ([-1, 0], -1), ([1, 1], 0.5**0.5)])
def test_a_prompt_is_followed_by_the_cosine(prompt, cosine):
    assert eye(prompt=np.array(prompt, np.float32)).follows(SHOWN) == pytest.approx(cosine)


def test_the_distance_is_the_mean_over_the_examples():
    same, other = features([2, 0], [1, 0], [1, 0]), features([0, 1], [1, 0], [1, 0])
    assert eye(same, other).distance(SHOWN) == pytest.approx(0.5)


def test_a_region_is_compared_with_all_of_an_example():
    example = features([0, 1], [1, 0], [3, 0])
    assert eye(example).distance(SHOWN, left_half()) == pytest.approx(0)
    assert eye(example).distance(SHOWN, ~left_half()) == pytest.approx(1)


def value(text, **given):
    (wish,) = parse_wishes(text)
    return wish.value(SHOWN, WishScene(SHOWN, SHOWN, **given))


def test_objectives_read_what_the_model_says():
    example = features([0, 1], [1, 0], [3, 0])
    seen = eye(example, prompt=np.array([1, 0], np.float32))
    assert value("prompt", eye=seen) == pytest.approx(1)
    assert value("embedding", eye=seen) == pytest.approx(1)
    assert value("embedding:inside", eye=seen, inside=left_half()) == pytest.approx(0)
    assert value("embedding:outside", eye=seen, inside=left_half()) == pytest.approx(1)
    with pytest.raises(BlockweightError, match="needs a mask"):
        value("embedding:inside", eye=seen)


def test_they_go_the_way_that_is_meant_and_may_be_bounds():
    prompt, near, least = parse_wishes("prompt, embedding:inside*2, prompt>=0.25")
    assert (prompt.text, near.text, least.text) == ("raise prompt", "lower embedding:inside*2", "prompt>=0.25")
    assert prompt.needs_model and near.needs_model and near.needs_mask and not prompt.needs_mask
    assert not near.needs_target
    for text in ("prompt:inside", "embedding:left", "prompt>=25%, kept"):
        with pytest.raises(BlockweightError):
            parse_wishes(text)


def test_a_model_without_texts_follows_no_prompt():
    with pytest.raises(BlockweightError, match="give a CLIP"):
        eye().embedder.text("a red dress")
