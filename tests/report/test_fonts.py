"""The font of a label follows its script."""

from blockweight.report.fonts import find_cjk_font, font_path, has_cjk


def test_japanese_chinese_and_korean_are_recognised():
    assert all(has_cjk(text) for text in ("ゴブ姫", "seed 7 の絵", "中文", "한국어", "ｱ"))
    assert not any(has_cjk(text) for text in ("", "IN04 ± 0.8 – é", "Кириллица"))


def test_latin_labels_use_the_font_that_comes_with_matplotlib():
    assert font_path("IN04 ± 0.8").name == "DejaVuSans.ttf"


def test_the_best_cjk_font_is_found_whatever_its_folder(tmp_path):
    for name in ("a/wqy-zenhei.ttc", "b/c/NotoSansCJK-Regular.ttc", "b/Arial.ttf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_cjk_font([tmp_path]) == tmp_path / "b/c/NotoSansCJK-Regular.ttc"


def test_windows_names_are_found_in_any_case(tmp_path):
    (tmp_path / "MEIRYO.TTC").touch()
    assert find_cjk_font([tmp_path]) == tmp_path / "MEIRYO.TTC"


def test_without_a_cjk_font_there_is_none(tmp_path):
    assert find_cjk_font([tmp_path, tmp_path / "missing"]) is None
