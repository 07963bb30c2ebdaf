"""The own few words of the pages, by language."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.errors import BlockweightError

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "block": "Block",
        "close": "Close",
        "contents": "Contents",
        "copied": "Copied",
        "copy": "Copy",
        "drop": "drop",
        "effect": "Effect",
        "empty": "no picture",
        "fixed": "Fixed",
        "inside": "inside",
        "keep": "keep",
        "levels": "levels",
        "nothing": "Nothing to show here.",
        "outside": "outside",
        "reasons": "Why",
        "selected": "Selected: press Ctrl+C",
        "suggestion": "Suggestion",
        "unknown": "unknown",
        "zoom": "Click a picture to enlarge it; ← → flip through its row, Esc closes.",
    },
    "ja": {
        "block": "階層",
        "close": "閉じる",
        "contents": "目次",
        "copied": "コピーしました",
        "copy": "コピー",
        "drop": "不要",
        "effect": "影響",
        "empty": "画像なし",
        "fixed": "Fix",
        "inside": "内側",
        "keep": "重要",
        "levels": "階調",
        "nothing": "表示するものはありません。",
        "outside": "外側",
        "reasons": "理由",
        "selected": "選択しました。Ctrl+Cでコピーできます",
        "suggestion": "提案",
        "unknown": "不明",
        "zoom": "画像をクリックすると拡大します。← → で同じ行の画像を切り替え、Escで閉じます。",
    },
}


def words_of(language: str) -> Mapping[str, str]:
    """The words of a language; BlockweightError for one that is not there."""
    if language not in WORDS:
        raise BlockweightError(f"There is no report in the language '{language}'; use one of: {', '.join(WORDS)}.")
    return WORDS[language]


PLOT_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "axes": "Axes",
        "brightness": "Brightness of differences",
        "choose_reference": "Reference",
        "choose_reference_long": "Make the entered cell the reference",
        "close": "Close",
        "columns_of": "columns {first}–{last} of {count}",
        "compare_with": "Compare with",
        "compared_with": "compared with",
        "copied": "Copied",
        "copy": "Copy",
        "difference": "Difference",
        "gone": "The picture is not where it was.",
        "help_brightness": "Brightness of differences: ×1, ×3, ×8",
        "help_close": "Close what lies over the grid",
        "help_difference": "Show how every cell differs from what it is compared with",
        "help_flip": "Hold: see the reference in the cell's place",
        "help_loupe": "Open the cell large, with its settings (or click it)",
        "help_move": "Go to another cell; Home and End: ends of the row",
        "help_reference": "Make this cell the reference",
        "help_size": "Smaller or larger cells; zoom in the large view",
        "help_swap": "Swap rows and columns",
        "help_tabs": "The tab before or after",
        "help_zoom": "In the large view: zoom in or out (the wheel too; drag to move)",
        "infotext": "Settings",
        "keys": "Keys",
        "larger": "Larger",
        "loupe": "Large view",
        "loupe_hint": "Wheel: zoom · drag: move · hold Space: reference · D: difference · arrows: next cell",
        "missing": "not rendered yet",
        "no_infotext": "No settings are known for this cell.",
        "no_reference": "no reference to compare with",
        "noscript": "This page needs JavaScript; the pictures themselves lie beside it.",
        "page_of": "page {page} of {pages}",
        "reference": "reference",
        "reference_axis": "the reference's {axis}",
        "reference_itself": "the reference cell",
        "rows_of": "rows {first}–{last} of {count}",
        "selected": "Selected: press Ctrl+C",
        "size": "Size",
        "smaller": "Smaller",
        "tools": "View",
    },
    "ja": {
        "axes": "軸",
        "brightness": "差分の明るさ",
        "choose_reference": "基準にする",
        "choose_reference_long": "選択中のセルを比較の基準にします",
        "close": "閉じる",
        "columns_of": "列 {first}–{last} / {count}",
        "compare_with": "比較対象",
        "compared_with": "比較対象",
        "copied": "コピーしました",
        "copy": "コピー",
        "difference": "差分",
        "gone": "画像が元の場所にありません。",
        "help_brightness": "差分の明るさ：×1、×3、×8",
        "help_close": "グリッドの上に開いたものを閉じる",
        "help_difference": "各セルと比較対象との差分を表示",
        "help_flip": "押している間、同じ位置に基準の画像を表示",
        "help_loupe": "セルを拡大し、生成情報も表示（クリックでも可）",
        "help_move": "セルを移動。Home と End は行の端へ",
        "help_reference": "このセルを基準にする",
        "help_size": "セルを小さく・大きく。拡大表示ではズーム",
        "help_swap": "行と列を入れ替え",
        "help_tabs": "前・次のタブ",
        "help_zoom": "拡大表示でズームの切り替え（ホイールでも可、ドラッグで移動）",
        "infotext": "生成情報",
        "keys": "キー操作",
        "larger": "大きく",
        "loupe": "拡大表示",
        "loupe_hint": "ホイール：ズーム · ドラッグ：移動 · Space を押す間：基準 · D：差分 · 矢印：隣のセル",
        "missing": "未生成",
        "no_infotext": "このセルの生成情報はありません。",
        "no_reference": "比較対象がありません",
        "noscript": "このページには JavaScript が必要です。画像はこのファイルの隣のフォルダーにあります。",
        "page_of": "{page} / {pages} ページ",
        "reference": "基準",
        "reference_axis": "基準の{axis}",
        "reference_itself": "基準のセル",
        "rows_of": "行 {first}–{last} / {count}",
        "selected": "選択しました。Ctrl+Cでコピーできます",
        "size": "大きさ",
        "smaller": "小さく",
        "tools": "表示",
    },
}
"""The words of a plot's page and sheets."""


def plot_words(language: str) -> Mapping[str, str]:
    """The words of a plot in a language; BlockweightError for one that is not there."""
    if language not in PLOT_WORDS:
        raise BlockweightError(f"There is no plot in the language '{language}'; use one of: {', '.join(PLOT_WORDS)}.")
    return PLOT_WORDS[language]
