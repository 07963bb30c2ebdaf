"""How prompts fill chunks of 75 tokens; expected values are the WebUI's, of `modules/sd_hijack_clip.py`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan.prompt_emphasis import BREAK, Piece
from blockweight.render.local.chunks import Chunk, Planted, chunks_of

COMMA = 0


def tokens_of(text: str) -> list[int]:
    """Words are numbers, a comma is a token."""
    return [COMMA if word == "," else int(word) for word in text.replace(",", " , ").split()]


def words(count: int, start: int = 1) -> str:
    return " ".join(map(str, range(start, start + count)))


def chunks(*pieces: Piece | str, planted: tuple[Planted, ...] = ()) -> tuple[Chunk, ...]:
    made = [piece if isinstance(piece, Piece) else Piece(piece) for piece in pieces]
    return chunks_of(made, tokens_of, COMMA, planted)


def sizes(*pieces: Piece | str) -> list[int]:
    return [len(chunk.tokens) for chunk in chunks(*pieces)]


def test_a_prompt_without_tokens_is_an_empty_chunk():
    assert chunks("") == (Chunk(),)


def test_a_chunk_takes_75_tokens():
    assert sizes(words(75)) == [75]
    assert sizes(words(76)) == [75, 1]
    assert sizes(words(151)) == [75, 75, 1]


def test_what_follows_a_full_chunks_last_comma_goes_to_the_next_if_it_is_20_tokens_at_most():
    assert sizes(words(55) + "," + words(25)) == [56, 25]
    assert sizes(words(54) + "," + words(25)) == [75, 5]
    assert sizes(words(74) + "," + words(25)) == [75, 25]
    assert sizes(words(75) + "," + words(25)) == [75, 26]


def test_a_comma_counts_only_in_its_own_chunk():
    assert sizes(words(60) + "," + words(90)) == [61, 75, 15]


def test_break_ends_a_chunk_even_an_empty_one():
    assert sizes(words(3), BREAK, words(4)) == [3, 4]
    assert sizes("", BREAK, "", BREAK, words(2)) == [0, 0, 2]
    assert sizes(words(3), BREAK) == [3]


def test_tokens_keep_the_weights_of_their_pieces():
    (one,) = chunks(words(2), Piece("7", 1.3))
    assert (one.tokens, one.weights) == ((1, 2, 7), (1.0, 1.0, 1.3))
    first, second = chunks(words(60) + ",", Piece(words(20), 0.5))
    assert (second.tokens, second.weights) == (tuple(range(1, 21)), (0.5,) * 20)
    assert first.weights == (1.0,) * 61


NAMES = (Planted("short", (5,), 2), Planted("long", (5, 6), 3))


def test_the_longest_name_of_an_embedding_is_taken():
    (one,) = chunks(Piece("4 5 6 5 7", 1.2), planted=NAMES)
    assert one.vectors == ((1, "long"), (4, "short"))
    assert (one.tokens, one.weights) == ((4, 0, 0, 0, 0, 0, 7), (1.2,) * 7)


def test_an_embeddings_vectors_stay_in_one_chunk():
    first, second = chunks(" ".join(["9"] * 73) + " 5 6", planted=NAMES)
    assert (len(first.tokens), first.vectors) == (73, ())
    assert (second.tokens, second.vectors) == ((0, 0, 0), ((0, "long"),))


def test_an_embedding_behind_a_full_chunks_last_comma_stays_behind_as_in_the_webui():
    first, second = chunks(" ".join(["9"] * 60) + ", 5 6" + " 9" * 20, planted=NAMES)
    assert (len(first.tokens), first.vectors) == (61, ((61, "long"),))
    assert (second.tokens[:3], second.vectors) == ((0, 0, 0), ())


PIECES = st.lists(
    st.just(BREAK)
    | st.builds(
        Piece, st.lists(st.sampled_from(["1", "2", "5", "6", ","]), max_size=120).map(" ".join), st.floats(0, 2)
    ),
    max_size=5,
)


@given(PIECES)
def test_chunks_hold_every_token_once_and_in_order(pieces):
    made = chunks(*pieces)
    assert made
    assert all(len(chunk.tokens) == len(chunk.weights) <= 75 for chunk in made)
    wanted = [(token, p.weight) for p in pieces if not p.is_break for token in tokens_of(p.text)]
    assert [pair for chunk in made for pair in zip(chunk.tokens, chunk.weights, strict=True)] == wanted


@given(PIECES)
def test_with_embeddings_no_chunk_is_too_long(pieces):
    for chunk in chunks(*pieces, planted=NAMES):
        assert len(chunk.tokens) == len(chunk.weights) <= 75
        assert all(place < 75 for place, _ in chunk.vectors)
