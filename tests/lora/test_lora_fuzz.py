"""Damaged files: refused in one sentence, or read exactly as by the safetensors package; never a hang, and never more
memory than a small multiple of the file."""

from __future__ import annotations

import faulthandler
import json
import random
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_files import file_bytes, raw

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.lora.tensors import read_chunks

DATA = Path(__file__).parents[1] / "data" / "lora"
SAMPLES = sorted(DATA.glob("*.safetensors"))

KNOWN = {"BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ"}
KNOWN |= {"F8_E5M2FNUZ", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64"}

MOST_SECONDS = 1800
"""After this the process is taken for hanging and ended, with a traceback."""


class Bench:
    """One file, written over and over without being closed, which is a hundred times faster than new ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle = path.open("w+b")

    def put(self, content: bytes) -> Path:
        self.handle.seek(0)
        self.handle.write(content)
        self.handle.truncate()
        self.handle.flush()
        return self.path


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("fuzz") / "mutant.safetensors")
    # Damage inside json or a regular expression cannot be interrupted from Python, so a signal would wait for ever.
    faulthandler.dump_traceback_later(MOST_SECONDS, exit=True, file=sys.__stderr__)
    yield bench
    faulthandler.cancel_dump_traceback_later()
    bench.handle.close()


def theirs_of(content: bytes):
    """What the safetensors package reads, or None if it refuses."""
    try:
        return sorted(
            (name, t["dtype"], tuple(t["shape"]), bytes(t["data"])) for name, t in safetensors.deserialize(content)
        )
    except safetensors.SafetensorError:
        return None


def ours_of(path: Path):
    try:
        header = read_header(path)
    except BlockweightError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 700
        return None
    return sorted(
        (i.name, i.dtype, i.shape, b"".join(read_chunks(path, header, i.start, i.end))) for i in header.tensors
    )


def agree(bench: Bench, content: bytes) -> bool:
    """Whether we read the file, having compared what we read with the safetensors package."""
    path = bench.put(content)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    ours = ours_of(path)
    assert tracemalloc.get_traced_memory()[1] - before < 1_000_000 + 100 * len(content)
    if ours is None:
        return False
    theirs = theirs_of(content)
    # A format that the package does not know is refused there, and carried as bytes here.
    assert ours == theirs or (theirs is None and not {dtype for _, dtype, *_ in ours} <= KNOWN)
    return True


PIECES = (
    *(b" ", b",", b":", b"{", b"}", b"[", b"]", b'"', b"-", b"0", b"\\", b"\xff", b"\0", b"\n", b"\xef\xbb\xbf"),
    *(
        b"null",
        b"true",
        b"NaN",
        b"1e3",
        b"1.0",
        b"-0",
        b"18446744073709551616",
        b"\\u0000",
        b"\\ud800",
        b"\xed\xa0\x80",
    ),
    *(b'"a":1,', b'"__metadata__":{},', b'"dtype":"F16",', b'"shape":[],', b"[" * 2000, b'{"a":' * 500, b"9" * 5000),
)
WORDS = (
    *((b"F16", b"BF16"), (b"F16", b"I16"), (b"F32", b"U8"), (b"F16", b"F4"), (b"F16", b"F9_E9M9"), (b"F32", b"f32")),
    *((b"dtype", b"shape"), (b"data_offsets", b"data_offset"), (b"[", b"{"), (b"]", b""), (b'"', b"'"), (b",", b",,")),
    *((b"__metadata__", b"__metadata_"), (b":", b"="), (b"{", b'{"":0,')),
)


def mutate(dice: random.Random, content: bytes) -> bytes:  # noqa: C901 - one return a kind of damage
    length = int.from_bytes(content[:8], "little")
    text, data = content[8 : 8 + length], content[8 + length :]
    at = dice.randrange(len(text))
    match dice.randrange(13):
        case 0:  # the body cut short
            return content[: dice.randrange(len(content))]
        case 1:  # another length
            wrong = dice.choice([0, 1, length - 9, length - 1, length + 1, length + 8, 2**20, 10**8, 2**62, 2**64 - 1])
            return max(wrong, 0).to_bytes(8, "little") + content[8:]
        case 2:  # bits flipped anywhere
            changed = bytearray(content)
            for _ in range(dice.randint(1, 4)):
                changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            return bytes(changed)
        case 3:  # a digit exchanged
            place = dice.choice([number for number, sign in enumerate(text) if chr(sign).isdigit()] or [at])
            text = text[:place] + dice.choice(b"0123456789").to_bytes(1, "little") + text[place + 1 :]
        case 4:  # something after the end
            return content + dice.randbytes(dice.randint(1, 9))
        case 5 | 6:  # a piece put in
            text = text[:at] + dice.choice(PIECES) + text[at:]
        case 7:  # a piece taken out
            text = text[:at] + text[at + dice.randint(1, 12) :]
        case 8:  # a word exchanged
            old, new = dice.choice(WORDS)
            text = text.replace(old, new, dice.randint(1, 3))
        case 9:  # a piece repeated, names among them
            end = at + dice.randint(1, 200)
            text = text[:end] + text[at:end] + text[end:]
        case 10:  # entries exchanged
            text = shuffled(dice, text)
        case 11:  # a hole or an overlap, with as many bytes as it takes
            return moved(dice, text, data)
        case 12:  # spaces, which are allowed before the data and nowhere else
            text = text + b" " * dice.randint(1, 20) if dice.random() < 0.5 else b" " + text
    return raw(text, data)


def shuffled(dice: random.Random, text: bytes) -> bytes:
    """The header with its tensors in another order, or with the value of one field taken from another tensor."""
    try:
        fields = list(json.loads(text).items())
        first, second = dice.choice(fields)[1], dice.choice(fields)[1]
        if dice.random() < 0.5:
            field = dice.choice(["dtype", "shape", "data_offsets"])
            first[field] = second[field]
        dice.shuffle(fields)
        return json.dumps(dict(fields)).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text[::-1]


def moved(dice: random.Random, text: bytes, data: bytes) -> bytes:
    """The file with all tensors from some place on moved by a few bytes, and their data with them."""
    try:
        fields = json.loads(text)
        places = [entry["data_offsets"] for name, entry in fields.items() if name != "__metadata__"]
        start, by = dice.choice(places)[0], dice.choice([-2, -1, 1, 4])
        for place in places:
            if place[0] >= start:
                place[:] = [place[0] + by, place[1] + by]
        data = data[:start] + bytes(by) + data[start:] if by > 0 else data[: start + by] + data[start:]
        return raw(json.dumps(fields).encode(), data)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return raw(text, data[::-1])


def test_20000_mutated_files_are_refused_or_read_exactly_as_by_the_safetensors_package(bench):
    dice = random.Random(20261101)
    good = [path.read_bytes() for path in SAMPLES]
    good.append(file_bytes({"a": np.ones((2, 3), np.float32), "b": np.zeros((0, 4), np.float16)}, {"k": "v"}))
    good.append(file_bytes({"ゴブ姫": np.ones((), np.float16)}))
    read = 0
    tracemalloc.start()
    for number in range(20_000):
        content = good[number % len(good)]
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            if int.from_bytes(content[:8], "little") in range(1, len(content) - 7):
                content = mutate(dice, content)
        read += agree(bench, content)
    tracemalloc.stop()
    assert read > 1500
    assert read < 10_000


NUMBERS = st.integers(-2, 12) | st.sampled_from([2**31, 2**58, 2**63, 2**64, 10**30]) | st.floats() | st.booleans()
SHAPES = st.lists(st.integers(0, 4), max_size=3)
NAMES = st.sampled_from(["a", "b", "", "é", "\0", "__metadata__"]) | st.text(max_size=3)
VALUES = st.recursive(st.none() | NUMBERS | st.text(max_size=3), lambda some: st.lists(some, max_size=2), max_leaves=4)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*sorted(KNOWN), "F5", "f16", ""]) | VALUES,
        "shape": SHAPES | st.lists(NUMBERS, max_size=3) | VALUES,
        "data_offsets": st.tuples(st.integers(0, 24), st.integers(0, 24)) | st.lists(NUMBERS, max_size=3) | VALUES,
    },
    optional={"extra": VALUES},
)
HEADERS = st.lists(st.tuples(NAMES, ENTRIES | VALUES), max_size=3)


@settings(max_examples=1500, deadline=None)
@given(HEADERS, st.integers(0, 24), st.booleans(), st.sampled_from(["", " ", "\n", "\0"]))
def test_headers_of_any_values_are_refused_or_read_exactly_as_by_the_safetensors_package(
    bench, entries, data, escaped, end
):
    # Written by hand, so that a name can stand there twice.
    fields = [f"{json.dumps(name, ensure_ascii=escaped)}:{json.dumps(value)}" for name, value in entries]
    text = ("{" + ",".join(fields) + "}" + end).encode("utf-8", "surrogatepass")
    tracemalloc.start()
    agree(bench, raw(text, bytes(data)))
    tracemalloc.stop()


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["F16", "U8", "F32", "BOOL"]), SHAPES), max_size=4), st.randoms())
def test_sound_headers_in_any_order_are_read_exactly_as_by_the_safetensors_package(bench, tensors, dice):
    sizes = {"F16": 2, "U8": 1, "F32": 4, "BOOL": 1}
    fields, end = [], 0
    for number, (dtype, shape) in enumerate(tensors):
        start, end = end, end + sizes[dtype] * int(np.prod(shape))
        fields.append((f"t{number}", {"shape": shape, "data_offsets": [start, end], "dtype": dtype}))
    dice.shuffle(fields)
    tracemalloc.start()
    assert agree(bench, raw(json.dumps(dict(fields)).encode(), dice.randbytes(end).replace(b"\2", b"\1")))
    tracemalloc.stop()


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused_or_read_exactly_as_by_the_safetensors_package(bench, content):
    tracemalloc.start()
    agree(bench, content)
    tracemalloc.stop()


def test_a_file_cut_short_at_any_byte_is_refused(bench):
    whole = file_bytes({"a": np.ones((2, 3), np.float32), "b": np.ones((3,), np.float16)}, {"k": "v"})
    tracemalloc.start()
    assert agree(bench, whole)
    assert not any(agree(bench, whole[:end]) for end in range(len(whole)))
    tracemalloc.stop()


def test_every_sound_sample_is_read_exactly_as_by_the_safetensors_package(bench):
    assert len(SAMPLES) == 3
    for sample in SAMPLES:
        content = sample.read_bytes()
        assert ours_of(bench.put(content)) == theirs_of(content) is not None
