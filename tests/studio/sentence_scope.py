"""Which of the rooms below speak to a page, and which of their texts do beside errors and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path

UNSEEN: tuple[str, ...] = (
    "cli/",
    "demo/",
    "lora/checkpoint_merge.py",
    "lora/checkpoint_names.py",
    "lora/conflicts.py",
    "lora/convert.py",
    "lora/create.py",
    "lora/dialects.py",
    "lora/extract.py",
    "lora/merge.py",
    "lora/merge_check.py",
    "lora/merge_plan.py",
    "lora/metadata/sidecars.py",
    "lora/products.py",
    "lora/provenance.py",
    "lora/shrink.py",
    "lora/split.py",
    "lora/terms.py",
    "lora/unbake.py",
    "measure/detections.py",
    "measure/detector.py",
    "measure/transfer.py",
    "measure/transformers_folder.py",
    "measure/yolo.py",
    "plan/comfyui_prompt.py",
    "project/job_facts.py",
    "project/picture_files.py",
    "report/",
    "studio/__init__.py",
    "studio/serve.py",
    "train/read_back.py",
    "train/selectors.py",
    "weights/arithmetic.py",
    "workflow/again.py",
    "workflow/analyse.py",
    "workflow/analysis/own_lora.py",
    "workflow/analysis_steps.py",
    "workflow/comparison_steps.py",
    "workflow/file_search.py",
    "workflow/inspection.py",
    "workflow/lora_algebra.py",
    "workflow/lora_checkpoints.py",
    "workflow/lora_conflicts.py",
    "workflow/lora_specs.py",
    "workflow/mask_files.py",
    "workflow/mixing.py",
    "workflow/new_project.py",
    "workflow/picture_info.py",
    "workflow/plots/named.py",
    "workflow/plots/steps.py",
    "workflow/plots/typed.py",
    "workflow/round_steps.py",
    "workflow/search/steps.py",
    "workflow/suggested_weights_page.py",
    "workflow/transfer_steps.py",
    "workflow/tutorial.py",
)
"""Where nothing is said to a page: what only commands call."""

PARTS: Mapping[str, Mapping[str, str]] = {
    "lora/bake.py": {"scaled_bytes": ""},
    "lora/bake_plan.py": {"_ONLY_WHOLE": "why", "ALPHA_READERS": "", "_alpha": "why"},
    "lora/file.py": {"read_modules": "why", "_family": "why"},
    "lora/header.py": {
        "_header_length": "why",
        "_parse": "why",
        "_check_structure": "why",
        "_unique": "why",
        "_natural": "why",
        "_no_constant": "why",
        "_metadata": "why",
        "_tensor": "why",
        "_sound": "why",
    },
    "lora/metadata/block_weights.py": {"read_stamp": "why"},
    "lora/metadata/covers.py": {"_why": "why"},
    "lora/metadata/fields.py": {
        "_line": "why",
        "_rating": "why",
        "_choice": "why",
        "_pattern": "why",
        "_date": "why",
        "_data_url": "why",
        "_covers": "why",
    },
    "lora/verify.py": {"check_bake": "why", "_Baked": "why", "_check_module": "why"},
    "plan/infotext_parts.py": {"_left_out": "why"},
    "plan/infotext_sampling.py": {"_hires": ""},
    "plan/infotext_scene.py": {"_RULES": "", "_AS_BEFORE": "", "_setting_notes": ""},
    "project/rendering_lock.py": {"_refusal": ""},
    "render/local/renderer.py": {"LocalRenderer": ""},
    "render/pool/renderer.py": {"_left_out": "worker", "_lost": "worker", "_gone": "worker", "_unlike": "worker"},
    "render/protocol.py": {"RenderingError": ""},
    "render/remote/http.py": {"_sentence": ""},
    "render/webui/lora_tags.py": {"why_not_live": "why"},
    "render/webui/loras.py": {"NO_LBW": "why"},
    "render/webui/trial.py": {"LbwTrial": "why"},
    "render/local/single_file.py": {"_OTHER_MODELS": "why", "read_checkpoint": ""},
    "train/ai_toolkit.py": {"network_kwargs": ""},
    "train/lycoris.py": {"preset": ""},
    "train/musubi.py": {"_NETWORKS": "", "exclude_patterns": ""},
    "train/sd_scripts.py": {
        "_transformer_notes": "",
        "_with_t5": "",
        "_anima": "",
        "_sd3": "",
    },
    "train/training.py": {"rate_notes": ""},
    "weights/block_weights.py": {"unknown_block": "why", "layout_of_length": "or"},
    "weights/hint_formats.py": {"book_hints": ""},
    "weights/hints.py": {"HintTable": "why"},
    "weights/notations/block_lr.py": {"block_rates": "", "_fitted": ""},
    "weights/notations/by_name.py": {"nearest_of": "why"},
    "weights/notations/inspire.py": {"inspire_vector": "", "one_per_block": ""},
    "weights/notations/recipe.py": {"_reason": "why"},
    "weights/notations/tag.py": {"_OLD_FORM": ""},
    "weights/preset_book.py": {"PresetBook": "why"},
    "weights/preset_rules.py": {
        "TITLES": "why",
        "skip_reason": "why",
        "problem_in_use": "why",
        "_problem_for_inspire": "why",
        "_wrong_values": "why",
    },
    "weights/reading.py": {"_read_rates": "", "_read_json": "", "_other_layouts": ""},
    "workflow/analysis/budget.py": {"_SLOPES": "", "_RANKS": "", "_UNSAID": "", "_settled": ""},
    "workflow/search/asking.py": {"ask_search": "why"},
    "workflow/search/grouping.py": {"segments_for": "why"},
    "workflow/conversions.py": {
        "_sd_scripts": "",
        "_diffusers": "",
        "_inspire": "",
        "_tag": "",
        "lost_tag": "",
    },
    "workflow/lora_metadata.py": {"_hints": ""},
    "workflow/metadata_texts.py": {"covers_text": "cover"},
    "workflow/named_loras.py": {
        "lora_called": "",
        "beside_project": "",
        "lora_weights": "",
        "missing": "",
        "several": "",
        "others_of": "",
    },
    "workflow/named_parts.py": {"_vae": "", "_called": ""},
    "workflow/plots/builder.py": {"BuiltPlot": "", "_misfit": ""},
    "workflow/project_form.py": {"form_notes": ""},
    "workflow/render_process.py": {"_CRASHED": ""},
    "workflow/render_worker.py": {"work": ""},
    "workflow/train_arguments.py": {"TrainArguments": ""},
    "workflow/tuning_text.py": {"_weights": "step", "_fixed": "step", "_TEXT": "step"},
    "workflow/weight_sheet.py": {"Sheet": "", "_written": ""},
}
"""Names of a file's functions, classes and constants whose texts are said too, and to which kind of saying they belong:
`step` of the history, `cover` of a LoRA, what is said of a `worker`, `why` and `or`, which are only parts of sentences,
or, where a text is a whole sentence, none. A text of one word is none."""


def _spelled() -> Iterator[tuple[str, tuple[str, ...]]]:
    text = (Path(__file__).parent / "spelled_sentences.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for number, line in enumerate(lines):
        if not line.startswith(" "):
            yield line, tuple(map(str.strip, takewhile(lambda each: each.startswith(" "), lines[number + 1 :])))


SPELLED: Mapping[str, tuple[str, ...]] = dict(_spelled())
"""What `spelled_sentences.txt` says."""

SYSTEM: tuple[str, ...] = (
    "Device or resource busy",
    "File exists",
    "File name too long",
    "Input/output error",
    "Is a directory",
    "No space left on device",
    "No such file or directory",
    "Not a directory",
    "Permission denied",
    "Read-only file system",
)
"""Reasons that the system gives, which stand in sentences as `why`."""
