"""What a trained file says of its training: sd-scripts' `ss_*` keys, and ModelSpec's that a LoRA must have.

No clock and no chance is in it, so that the same training gives the same file: `ss_training_started_at`,
`ss_training_finished_at`, `ss_session_id` and `modelspec.date` are left out. Source: sd-scripts `train_network.py` at
48d368fa.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.train.buckets import Buckets, Size
from blockweight.train.dataset import Dataset
from blockweight.train.loop_settings import LoopSettings
from blockweight.train.network import Network, network_metadata

_OPTIMIZERS = {
    "adamw": "torch.optim.adamw.AdamW",
    "adamw8bit": "bitsandbytes.optim.adamw.AdamW8bit",
    "prodigy": "prodigyopt.prodigy.Prodigy",
}
_PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


@dataclass(frozen=True)
class Course:
    """How long the training goes: all its steps, those of an epoch, and those that are done."""

    steps: int
    epoch_length: int
    done: int

    @property
    def epochs(self) -> int:
        """How many epochs all steps are; the last may be cut short."""
        return -(-self.steps // self.epoch_length)


def file_metadata(
    name: str,
    model: str,
    network: Network,
    dataset: Dataset,
    sizes: Sequence[Size],
    buckets: Buckets,
    settings: LoopSettings,
    course: Course,
    *,
    v_prediction: bool,
) -> dict[str, str]:
    """All texts. `name` is the file's and `model` the base model's, without their endings; `sizes` are the buckets that
    the dataset's pictures went to."""
    side = buckets.resolution
    images = sum(picture.repeats for picture in dataset.pictures)
    counts = Counter(dict.fromkeys(sorted(set(sizes)), 0))
    for size, picture in zip(sizes, dataset.pictures, strict=True):
        counts[size] += picture.repeats
    listed = {
        str(number): {"resolution": list(size), "count": count} for number, (size, count) in enumerate(counts.items())
    }
    several = buckets.several
    folders = {name: {"n_repeats": repeats, "img_count": count} for name, (count, repeats) in dataset.folders().items()}
    weighted = {} if settings.norm is None else {"ss_weighted_captions_norm": settings.norm}
    kind = {"sd1": "stable-diffusion-v1"}.get(
        network.training.family, "stable-diffusion-v2-768-v" if v_prediction else "stable-diffusion-v2-512"
    )
    return {
        **network_metadata(network, v_prediction=v_prediction),
        "ss_output_name": name,
        "ss_sd_model_name": model,
        "ss_optimizer": _OPTIMIZERS[settings.optimizer],
        "ss_lr_scheduler": settings.scheduler,
        "ss_lr_warmup_steps": str(settings.warmup),
        "ss_max_train_steps": str(course.steps),
        "ss_num_epochs": str(course.epochs),
        "ss_epoch": str(-(-course.done // course.epoch_length)),
        "ss_steps": str(course.done),
        "ss_num_train_images": str(images),
        "ss_num_reg_images": "0",
        "ss_num_batches_per_epoch": str(course.epoch_length * settings.accumulate),
        "ss_batch_size_per_device": str(settings.batch),
        "ss_total_batch_size": str(settings.batch * settings.accumulate),
        "ss_gradient_accumulation_steps": str(settings.accumulate),
        "ss_gradient_checkpointing": str(settings.checkpointing),
        "ss_seed": str(settings.seed),
        "ss_mixed_precision": _PRECISIONS[settings.precision],
        "ss_clip_skip": str(settings.clip_skip),
        "ss_max_token_length": str(settings.max_tokens),
        "ss_noise_offset": str(settings.noise_offset or None),
        "ss_min_snr_gamma": str(settings.min_snr_gamma),
        "ss_max_grad_norm": "1.0",
        "ss_cache_latents": "True",
        "ss_resolution": f"({side}, {side})",
        "ss_enable_bucket": str(several),
        "ss_min_bucket_reso": str(buckets.least if several else None),
        "ss_max_bucket_reso": str(buckets.most if several else None),
        "ss_bucket_no_upscale": str(several and buckets.no_upscale),
        "ss_bucket_info": json.dumps({"buckets": listed}),
        "ss_shuffle_caption": str(settings.shuffle),
        "ss_keep_tokens": str(settings.keep_tokens),
        "ss_weighted_captions": str(settings.norm is not None),
        **weighted,
        "ss_dataset_dirs": json.dumps(folders, ensure_ascii=False),
        "ss_tag_frequency": json.dumps(dataset.tags(), ensure_ascii=False),
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{kind}/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": name,
        "modelspec.resolution": f"{side}x{side}",
    }
