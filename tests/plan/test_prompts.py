"""Prompts in the WebUI's language. Expected values without a comment are those of the WebUI's documentation and of the
examples in its parser's docstrings."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blockweight.plan import Span, read_negative, read_prompt
from blockweight.plan.prompt_emphasis import BREAK, Piece, read_emphasis
from blockweight.plan.prompt_schedule import read_schedule
from blockweight.plan.prompts import reads_as_written

SIGNS = st.sampled_from(
    [
        "(",
        ")",
        "[",
        "]",
        ":",
        "|",
        "\\",
        "0.5",
        "3",
        " ",
        "\n",
        "a",
        "ゴブ姫",
        "（a：1.3）",
        ",",
        "BREAK",
        "AND",
        ":1.3)",
        ":2]",
    ]
)
TEXTS = st.text(st.characters()) | st.lists(SIGNS, max_size=30).map("".join)
PLAIN = st.text(st.characters(exclude_characters="()[]:|\\", exclude_categories=["Cs"])).filter(
    lambda text: "BREAK" not in text and "AND" not in text
)


def weights(text: str) -> list[tuple[str, float]]:
    return [(piece.text, pytest.approx(piece.weight)) for piece in read_emphasis(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("normal text", [("normal text", 1)]),
        ("", [("", 1)]),
        ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
        ("[less] ((more))", [("less", 1 / 1.1), (" ", 1), ("more", 1.21)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [("a ", 1), ("house", 1.573), (" ", 1.1), ("on", 1), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1),
             ("sky", 1.4641), (".", 1.1)],
        ),
        ("(a: 1.3 )(b:+.5)(c:-1)", [("a", 1.3), ("b", 0.5), ("c", -1)]),
        ("(nude, nipples: 1.3)", [("nude, nipples", 1.3)]),
        ("(ゴブ姫、森:1.2)の（中：1.3）", [("ゴブ姫、森", 1.2), ("の（中：1.3）", 1)]),
    ],
)  # fmt: skip
def test_brackets_multiply_weights(text, pieces):
    assert weights(text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("a [b (c", [("a ", 1), ("b ", 1 / 1.1), ("c", 1)]),
        ("a) b]", [("a) b]", 1)]),
        ("a:1.3)", [("a:1.3)", 1)]),
        ("(a:1.3", [("a:1.3", 1.1)]),
        ("[a:1.3)]", [("a:1.3)", 1 / 1.1)]),
        ("([a)]", [("a", 1)]),
        ("[a:b]", [("a:b", 1 / 1.1)]),
    ],
)
def test_a_bracket_without_its_other_is_treated_as_the_webui_does(text, pieces):
    assert weights(text) == pieces


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"\(literal\]", "(literal]"),
        (r"a\\(b", None),
        (r"\\\\", "\\\\"),
        ("a\\b", "ab"),
        ("a\\", "a"),
        (r"\[b\)", "[b)"),
    ],
)
def test_a_backslash_takes_a_signs_meaning_away(text, read):
    if read is None:
        assert weights(text) == [("a\\", 1), ("b", 1.1)]
    else:
        assert weights(text) == [(read, 1)]


@pytest.mark.parametrize("number", ["1.2.3", ".", "..5", "9" * 400])
def test_a_weight_that_is_no_number_is_text(number):
    assert weights(f"(a:{number})b") == [(f"a:{number}", 1.1), ("b", 1)]


def test_break_divides_with_the_spaces_around_it():
    assert read_emphasis("a BREAK\n b, BREAKING") == (Piece("a"), BREAK, Piece("b, BREAKING"))
    assert read_emphasis("BREAK BREAK") == (Piece(""), BREAK, Piece(""), BREAK, Piece(""))


def test_break_in_brackets_is_a_word_as_it_is_in_the_webui():
    assert weights("(a BREAK b)") == [("a", 1.1), ("BREAK", -1.1), ("b", 1.1)]


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [b:\n3 ]", [(3, "a "), (10, "a b")]),
        ("a [:b:3]", [(3, "a "), (10, "a b")]),
        ("a [b::3]", [(3, "a b"), (10, "a ")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("(a [b:c:.3]:1.2)", [(3, "(a b:1.2)"), (10, "(a c:1.2)")]),
        ("[森:海:0.5]", [(5, "森"), (10, "海")]),
    ],
)
def test_an_edit_changes_the_prompt_after_a_step_or_a_share(text, schedule):
    assert list(read_schedule(text, 10)) == schedule


def test_several_edits_share_a_schedule():
    text = (
        "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in foreground::0.6]"
        "[: in background:0.25] [shoddy:masterful:0.5]"
    )
    assert list(read_schedule(text, 100)) == [
        (25, "fantasy landscape with a mountain and an oak in foreground shoddy"),
        (50, "fantasy landscape with a lake and an oak in foreground in background shoddy"),
        (60, "fantasy landscape with a lake and an oak in foreground in background masterful"),
        (75, "fantasy landscape with a lake and an oak in background masterful"),
        (100, "fantasy landscape with a lake and a christmas tree in background masterful"),
    ]


@pytest.mark.parametrize(
    ("number", "last"),
    [("1", 1), ("1.0", 10), ("0.55", 5), ("5.", 10), (".5", 5), ("+4", 4), ("4e0", 4), ("99", 10), ("1e999", 10)],
)
def test_a_number_with_a_point_is_a_share_of_the_steps(number, last):
    assert read_schedule(f"[a:b:{number}]", 10)[0] == (last, "a")


@pytest.mark.parametrize("number", ["0", "-3", "0.01", "-1e999"])
def test_an_edit_before_the_first_step_is_there_from_the_start(number):
    assert read_schedule(f"[a:b:{number}]", 10) == ((10, "b"),)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("a [b:.5] c", [(8, "a b c")]),
        ("a [b:1.5] c", [(4, "a  c"), (8, "a b c")]),
        ("[a:b:1.0]", [(8, "b")]),
        ("[a:b:10]", [(8, "b")]),
        ("[a:b:13] [c::2.]", [(3, "a c"), (8, "b c")]),
        ("[a:b:18]", [(8, "a")]),
        ("[a:[b:c:1.5]:11]", [(1, "a"), (4, "b"), (8, "c")]),
        ("[a|b]", [*zip(range(1, 9), "abababab", strict=True)]),
    ],
)
def test_a_second_pass_goes_on_where_the_first_ended(text, schedule):
    assert list(read_schedule(text, 8, 10)) == schedule
    spans = [(span.stop, span.pieces[0].text.strip()) for span in read_prompt(text, 8, 10)[0].spans if span.stop]
    assert [text.strip() for _, text in schedule] == [text for _, text in spans]
    assert read_negative(text, 8, 10).spans == read_prompt(text, 8, 10)[0].spans


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("[fe|]male", ["female", "male"] * 5),
        ("[a|(b:1.1)]", ["a", "(b:1.1)"] * 5),
        ("[a|b|c]", [*"abcabcabca"]),
        ("[fe|||]male", [*["female", "male", "male", "male"] * 2, "female", "male"]),
        ("[a|[b:c:5]]", [*"ababacacac"]),
    ],
)
def test_turns_change_step_by_step(text, turns):
    assert list(read_schedule(text, 10)) == list(enumerate(turns, 1))


@pytest.mark.parametrize(
    "text",
    [
        "a [unbalanced", "a [b:c]", "[a:b:５]", "[a:b:c:3]", "[a:b:1.2.3]", "[x [a:b] :3]", "(a:b:c [d) :3]",
        r"\[a:b:3]", r"[a:b:3\]", "a | b [c:d:3]", "(a|b)", "[a|b", "[a|b:3]", "[a:b:3] \\", "[a:b)3]", "[a|b) [c:d:3]",
    ],
)  # fmt: skip
def test_what_has_no_form_of_the_webuis_is_text(text):
    assert read_schedule(text, 10) == ((10, text),)


def test_an_edit_beside_brackets_without_their_others_counts():
    assert list(read_schedule("((a][:b:c [d:3]", 10)) == [(3, "((a][:b:c "), (10, "((a][:b:c d")]


def test_and_divides_into_directions_with_weights():
    parts = read_prompt("a cat :1.2 AND a dog AND a penguin :2.2", 5)
    assert [(part.weight, part.spans[0].pieces[0].text.strip()) for part in parts] == [
        (1.2, "a cat"), (1.0, "a dog"), (2.2, "a penguin"),
    ]  # fmt: skip
    assert all(part.spans[0].stop == 5 for part in parts)


@pytest.mark.parametrize(
    ("text", "read", "weight"),
    [("a:0.5", "a", 0.5), ("a:-1", "a", -1), ("a:1e5", "a:1e5", 1), ("a:b", "a:b", 1), ("a:1:2.", "a:1", 2),
     ("a:.", "a:.", 1), ("a:" + "9" * 400, "a:" + "9" * 400, 1), ("SAND:2 ", "SAND", 2)],
)  # fmt: skip
def test_a_weight_at_the_end_is_the_directions(text, read, weight):
    (part,) = read_prompt(text, 1)
    assert (part.spans[0].pieces, part.weight) == ((Piece(read),), weight)


def test_and_divides_before_brackets_do():
    assert [part.spans[0].pieces[0].text.strip() for part in read_prompt("[a AND b:c:5]", 9)] == ["a", "b:c:5]"]


def test_a_negative_prompt_has_no_directions():
    negative = read_negative("a AND [b:c:2]:0.5", 5)
    assert negative.weight == 1
    assert [piece.text for span in negative.spans for piece in span.pieces] == ["a AND b:0.5", "a AND c:0.5"]


def test_the_first_text_has_one_step_more_because_the_sampler_counts_from_0():
    (part,) = read_prompt("[a:b:2]", 5)
    assert part.spans == (Span(0, 3, (Piece("a"),)), Span(3, 5, (Piece("b"),)))
    (turns,) = read_prompt("[a|b]", 4)
    assert [span.pieces[0].text for span in turns.spans for _ in range(span.start, span.stop)] == [*"aaba"]


def test_a_text_that_comes_too_late_to_be_drawn_is_kept_for_the_mean():
    (part,) = read_prompt("[a:b:4]", 5)
    assert part.spans == (Span(0, 5, (Piece("a"),)), Span(5, 5, (Piece("b"),)))


@given(TEXTS, st.integers(1, 60))
@example("(" * 2000 + "a" + ")" * 2000, 3)
@example("[" * 2000 + "a" + ":1]" * 2000, 3)
@example("[a|" * 2000 + "b" + "]" * 2000, 3)
@example(" " * 5000 + "BREAK" + " " * 5000, 3)
@example("\\" * 2001, 3)
def test_any_text_is_a_prompt_that_covers_every_step_once(text, steps):
    for part in (*read_prompt(text, steps), read_negative(text, steps)):
        covered = [step for span in part.spans for step in range(span.start, span.stop)]
        assert covered == list(range(steps))
        assert math.isfinite(part.weight)
        assert all(span.pieces for span in part.spans)
    assert reads_as_written(text) in (True, False)


@given(st.lists(st.tuples(PLAIN, st.floats(0.1, 3).map(lambda value: round(value, 2))), min_size=1, max_size=6))
def test_written_weights_are_read_back(pieces):
    read = read_emphasis("".join(f"({text}:{weight})" for text, weight in pieces))
    assert "".join(piece.text for piece in read) == "".join(text for text, _ in pieces)
    letters = [weight for text, weight in pieces for _ in text]
    assert [piece.weight for piece in read for _ in piece.text] == pytest.approx(letters)


@given(PLAIN, PLAIN, PLAIN, st.integers(1, 20), st.integers(1, 20))
def test_written_edits_are_read_back(before, after, around, when, steps):
    texts = [text for _, text in read_schedule(f"{around}[{before}:{after}:{when}]{around}", steps)]
    assert texts == [f"{around}{text}{around}" for text in (before, after)][: 1 if when >= steps else 2]


@pytest.mark.parametrize(
    "text", ["", "1girl, red dress", "ゴブ姫、森の中（夜）\n", "a | b", "a: b, c", "a) ]", "{a}", " a "]
)
def test_letters_alone_are_read_as_written(text):
    assert reads_as_written(text)
    assert reads_as_written(text, negative=True)


@pytest.mark.parametrize(
    "text", ["(a)", "a (b:1.2)", "[a]", "(a", r"a\(b", "a BREAK b", "[a:b:3]", "[a|a]", "[a:3", "a" * 76, "森" * 26]
)
def test_signs_and_length_are_more_than_letters(text):
    assert not reads_as_written(text)
    assert not reads_as_written(text, negative=True)


@pytest.mark.parametrize("text", ["a AND b", "time: 3", "a:0.5"])
def test_and_means_nothing_in_a_negative_prompt(text):
    assert not reads_as_written(text)
    assert reads_as_written(text, negative=True)


def test_spaces_do_not_count_as_tokens():
    assert reads_as_written("red " * 25)
    assert not reads_as_written("red " * 26)
