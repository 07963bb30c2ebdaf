"""The page's own few words, by language."""

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
