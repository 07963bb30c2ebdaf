"""A scene's sampler, noise and hires pass from options and infotexts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blockweight.errors import BlockweightError
from blockweight.plan import Hires, SamplingSettings
from blockweight.workflow.sampling_options import SamplingOptions

PLAIN = SamplingOptions()


def test_what_was_not_asked_for_is_the_webuis_default():
    assert PLAIN.scene_fields("DPM++ 2M") == {
        "sampler": "DPM++ 2M",
        "scheduler": "Karras",
        "variation_seed": 0,
        "variation_strength": 0.0,
        "eta": None,
        "noise_source": "CPU",
        "hires": None,
        "guidance": None,
    }


@pytest.mark.parametrize(
    ("options", "field", "wanted"),
    [
        ({"scheduler": "sgm uniform"}, "scheduler", "SGM Uniform"),
        ({"noise": "nv"}, "noise_source", "NV"),
        ({"variation_seed": 4}, "variation_seed", 0),
        ({"variation_seed": 4, "variation_strength": 0.5}, "variation_seed", 4),
        ({"eta": 0.5}, "eta", 0.5),
        ({"distilled_cfg": 3}, "guidance", 3),
        ({"hires_upscaler": "latent (nearest)"}, "hires", Hires("Latent (nearest)")),
        ({"hires_scale": 1.5}, "hires", Hires(scale=1.5)),
        ({"hires_size": "1024×0"}, "hires", Hires(width=1024)),
        ({"hires_steps": 0}, "hires", Hires()),
        ({"hires_denoise": 0.4, "hires_steps": 9}, "hires", Hires(steps=9, denoising=0.4)),
    ],
)
def test_options_are_fields_of_the_scene(options, field, wanted):
    assert SamplingOptions(**options).scene_fields("Euler a")[field] == wanted


def test_an_eta_that_a_sampler_does_not_take_is_refused_and_can_be_left_out():
    options = SamplingOptions(eta=0.5)
    with pytest.raises(BlockweightError, match=r"Eta plays no part with Euler; leave it out"):
        options.scene_fields("Euler")
    assert options.for_sampler("Euler").scene_fields("Euler")["eta"] is None
    assert options.for_sampler("Euler a").scene_fields("Euler a")["eta"] == 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scheduler": "Best"}, "no schedule type 'Best'; use one of"),
        ({"noise": "dice"}, "no noise source 'dice'; use one of: CPU, GPU, NV"),
        ({"variation_strength": 1.5}, "variation strength must be .* from 0 to 1, not 1.5"),
        ({"eta": -0.5}, "eta must be"),
        ({"distilled_cfg": -1.0}, "distilled CFG scale must be 0 or more, not -1"),
        ({"hires_upscaler": "ESRGAN"}, "no upscaler 'ESRGAN'; use one of: Latent"),
        ({"hires_scale": 0.0}, "scale of the hires pass must be a number above 0, not 0"),
        ({"hires_size": "big"}, "'big' is not a size"),
        ({"hires_size": "0x0"}, "'0x0' is not a size"),
        ({"hires_size": "64x64", "hires_scale": 2.0}, "give one of the two"),
        ({"hires_denoise": 2.0}, "denoising strength of the hires pass must be"),
    ],
)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(BlockweightError, match=words):
        SamplingOptions(**options).scene_fields("Euler a")


FOUND = SamplingSettings("DPM2 a", "Beta", 7, 0.25, 0.5, "NV", Hires("Lanczos", 1.5, steps=4, denoising=0.3))


def test_an_infotext_fills_what_was_not_typed():
    assert PLAIN.filled(FOUND, ()) == SamplingOptions("Beta", "NV", 7, 0.25, 0.5, "Lanczos", 1.5, None, 4, 0.3)
    sized = replace(FOUND, hires=Hires(width=64, height=48))
    assert PLAIN.filled(sized, ()).scene_fields("DPM2 a")["hires"] == sized.hires
    assert PLAIN.filled(replace(FOUND, guidance=4.0), ()).scene_fields("DPM2 a")["guidance"] == 4
    assert PLAIN.filled(SamplingSettings(), ()) == PLAIN


def test_what_was_typed_stays():
    typed = SamplingOptions(noise="CPU", hires_size="64x64")
    found = typed.filled(FOUND, ("noise", "hires_size", "sampler"))
    assert (found.noise, found.scheduler) == ("CPU", "Automatic"), "another sampler has a schedule of its own"
    assert found.scene_fields("Euler a")["hires"] == Hires("Lanczos", 2.0, 64, 64, 4, 0.3)
