"""What axes and their places are called in the language of a plot's page: our own words, never what a person typed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_TITLES: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "Prompt": "プロンプト",
        "Negative prompt": "ネガティブプロンプト",
        "LoRA tag": "LoRAのタグ",
        "Prompt S/R": "プロンプトS/R",
        "Block weights": "階層の重み",
        "Blocks": "階層",
        "Weight of the blocks": "階層の重み",
        "LoRA": "LoRA",
        "LoRA strength": "LoRAの強度",
        "Text-encoder strength": "テキストエンコーダーでの強度",
        "UNet strength": "UNetでの強度",
        "LoRA from step": "LoRAの開始ステップ",
        "LoRA until step": "LoRAの終了ステップ",
        "Model": "モデル",
        "VAE": "VAE",
        "Renderer": "レンダラー",
        "Seed": "シード",
        "Sampler": "サンプラー",
        "Schedule type": "スケジュールタイプ",
        "Steps": "ステップ数",
        "CFG scale": "CFGスケール",
        "Distilled CFG Scale": "Distilled CFGスケール",
        "Clip skip": "Clip skip",
        "Size": "大きさ",
        "Denoising strength": "ノイズ除去強度",
        "Hires upscaler": "アップスケーラー",
        "Hires steps": "高解像度でのステップ数",
        "Variation seed strength": "バリエーションの強さ",
        "Eta": "Eta",
        "Picture drawn over": "元にする画像",
        "ControlNet weight": "ControlNetの重み",
        "ControlNet picture": "ControlNetの画像",
        "LoRA, and the model it was trained on": "LoRA（学習したモデル）",
        "Model it is used on": "使用するモデル",
    }
}
"""By language: the titles of the kinds, and of the named plots."""

_LABELS: Mapping[str, Mapping[str, str]] = {
    "ja": {"no LoRA": "LoRAなし", "the LoRA as it is": "LoRAそのまま", "(empty)": "（空）"}
}
"""By language: whole lines of labels that nobody typed."""

_SEEDS: Mapping[str, str] = {"ja": "シード"}


def axis_title(title: str, language: str) -> str:
    """An axis's title, of which several kinds may be parts; as it is where there is no other word."""
    words = _TITLES.get(language, {})
    return words.get(title) or ", ".join(words.get(part, part) for part in title.split(", "))


_TYPED = frozenset({"prompt", "negative", "sr"})
"""The kinds whose labels are words that a person typed."""


def place_label(label: str, language: str, kinds: Collection[str] = (), *, baseline: bool = False) -> str:
    """A label with our own words in its lines, and all else as it is: also what was typed on an axis of these kinds,
    but for the label of its `baseline`."""
    if _TYPED & set(kinds) and not baseline:
        return label
    words, seed = _LABELS.get(language, {}), _SEEDS.get(language, "seed")
    return "\n".join(words.get(line, re.sub(r"^seed (?=\d+$)", f"{seed} ", line)) for line in label.split("\n"))
