"""Every character of a label has a font, or the person is told which one is missing."""

import pytest

from blockweight.report import fonts
from blockweight.report.fonts import default_font, find_cjk_fonts, font_of, has_cjk, main_font, missing_fonts
from blockweight.report.label_text import laid_out, runs_of

NO_SYSTEM_FONTS = ((), ())
A_KANJI, A_HANGUL, AN_EMOJI = "姫", "한", "🙂"


@pytest.fixture
def bare(monkeypatch):
    """A system without any font of its own."""
    cached = (fonts._main_font, fonts.font_of)
    for each in cached:
        each.cache_clear()
    monkeypatch.setattr(fonts, "_system_fonts", lambda: NO_SYSTEM_FONTS)
    yield
    for each in cached:
        each.cache_clear()


def test_japanese_chinese_and_korean_are_recognised():
    assert all(has_cjk(text) for text in ("ゴブ姫", "seed 7 の絵", "中文", "한국어", "ｱ"))
    assert not any(has_cjk(text) for text in ("", "IN04 ± 0.8 – é", "Кириллица"))


def test_latin_labels_use_the_font_that_comes_with_matplotlib():
    assert main_font("IN04 ± 0.8").name == "DejaVuSans.ttf"


def test_the_best_cjk_font_is_found_whatever_its_folder(tmp_path):
    for name in ("a/wqy-zenhei.ttc", "b/c/NotoSansCJK-Regular.ttc", "b/Arial.ttf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_cjk_fonts([tmp_path]) == (tmp_path / "b/c/NotoSansCJK-Regular.ttc", tmp_path / "a/wqy-zenhei.ttc")


def test_windows_names_are_found_in_any_case(tmp_path):
    (tmp_path / "MEIRYO.TTC").touch()
    assert find_cjk_fonts([tmp_path]) == (tmp_path / "MEIRYO.TTC",)


def test_without_a_cjk_font_there_is_none(tmp_path):
    assert find_cjk_fonts([tmp_path, tmp_path / "missing"]) == ()


def test_a_font_file_that_cannot_be_read_has_no_characters(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert not fonts._covers(tmp_path / "broken.ttf", "a")


def test_what_one_font_lacks_is_written_with_another():
    main = main_font(A_KANJI)
    if main == default_font():
        pytest.skip("there is no CJK font on this system")
    assert font_of("Ђ", main) is not None
    assert [run.text for run in runs_of(f"Ђ{A_KANJI}", default_font())] == ["Ђ", A_KANJI]


@pytest.mark.parametrize(
    ("text", "said"), [(A_KANJI, "Noto Sans CJK"), (A_HANGUL, "Korean"), (AN_EMOJI, "Noto Emoji"), ("ภ", "Noto font")]
)
def test_one_sentence_says_which_font_is_missing(bare, text, said):
    sentence = missing_fonts(["IN04", text])
    assert said in sentence and text in sentence and sentence.count(". ") == 0


def test_nothing_is_said_where_every_character_has_a_font(bare):
    assert missing_fonts(["IN04 ± 0.8", "heart \N{VARIATION SELECTOR-16}"]) is None


def test_a_character_without_a_font_is_its_code_and_no_box(bare):
    assert laid_out(f"a {A_KANJI}", 300, 14).lines == ("a [U+59EB]",)


def test_a_character_that_is_not_to_be_seen_leaves_no_code(bare):
    assert laid_out("a\N{VARIATION SELECTOR-16}b\N{ZERO WIDTH JOINER}", 300, 14).lines == ("ab",)
