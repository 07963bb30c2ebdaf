from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_files import file_bytes, locon, raw

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.lora.header import MAX_HEADER, TensorInfo, encode_header, placed


def header_of(tmp_path, content: bytes):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    return read_header(path)


def refusal(tmp_path, content: bytes) -> str:
    with pytest.raises(BlockweightError) as caught:
        header_of(tmp_path, content)
    return str(caught.value)


def entry(name="t", dtype="F16", shape=(2,), offsets=(0, 4)) -> str:
    return f'"{name}":{{"dtype":"{dtype}","shape":{list(shape)},"data_offsets":{list(offsets)}}}'


def test_a_header_says_what_the_safetensors_package_says(tmp_path):
    content = file_bytes(locon(), {"ss_v2": "False", "name": "ゴブ姫"})
    header = header_of(tmp_path, content)
    theirs = dict(safetensors.deserialize(content))
    assert {i.name: (i.dtype, list(i.shape)) for i in header.tensors} == {
        name: (tensor["dtype"], tensor["shape"]) for name, tensor in theirs.items()
    }
    for info in header.tensors:
        start = header.data_start + info.start
        assert content[start : start + info.size] == bytes(theirs[info.name]["data"])
    assert header.metadata == {"ss_v2": "False", "name": "ゴブ姫"}
    assert header.file_size == len(content)


def test_tensors_come_in_the_order_of_their_data_not_of_the_header(tmp_path):
    text = "{" + entry("late", offsets=(4, 8)) + "," + entry("early") + "}"
    assert [info.name for info in header_of(tmp_path, raw(text.encode(), bytes(8))).tensors] == ["early", "late"]


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        ('{"t":{"dtype":"F16"', 0, "not valid JSON"),
        ("{" + entry() + "," + entry() + "}", 4, "names 't' twice"),
        ('{"__metadata__":{"a":"1","a":"2"},' + entry() + "}", 4, "names 'a' twice"),
        ('{"__metadata__":{"a":1},' + entry() + "}", 4, "metadata 'a' is not text"),
        ('{"__metadata__":["a"],' + entry() + "}", 4, "__metadata__ is not an object"),
        ('{"__metadata__":{"a":"\\ud800"},' + entry() + "}", 4, "half a character"),
        ('{"t\\ud800":' + entry()[4:] + "}", 4, "half a character"),
        ('{"t":5}', 0, "not dtype, shape and data_offsets"),
        ('{"t":{"dtype":"F16","shape":[2]}}', 4, "not dtype, shape and data_offsets"),
        ('{"t":{"dtype":16,"shape":[2],"data_offsets":[0,4]}}', 4, "values of the wrong type"),
        ('{"t":{"dtype":"F16","shape":[2.0],"data_offsets":[0,4]}}', 4, "values of the wrong type"),
        ('{"t":{"dtype":"F16","shape":[true,2],"data_offsets":[0,4]}}', 4, "values of the wrong type"),
        ('{"t":{"dtype":"F16","shape":"2","data_offsets":[0,4]}}', 4, "values of the wrong type"),
        ('{"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4,4]}}', 4, "values of the wrong type"),
        ('{"t":{"dtype":"F16","shape":[-2],"data_offsets":[0,4]}}', 4, "no size or offset"),
        ('{"t":{"dtype":"F16","shape":[-0],"data_offsets":[0,0]}}', 0, "no size or offset"),
        ('{"t":{"dtype":"F16","shape":[NaN],"data_offsets":[0,4]}}', 4, "holds NaN"),
        ('{"t":{"dtype":"F16","shape":[' + "9" * 5000 + '],"data_offsets":[0,4]}}', 4, "no size or offset"),
        ("{" + entry(shape=(1,) * 65, offsets=(0, 2)) + "}", 2, "too large"),
        ("{" + entry(shape=(0, 2**40, 2**40), offsets=(0, 0)) + "}", 0, "too large"),
        ("{" + entry(shape=(3,)) + "}", 4, "does not fit its shape"),
        ("{" + entry(shape=(1,)) + "}", 4, "does not fit its shape"),
        ("{" + entry(dtype="f16!") + "}", 4, "does not fit its shape and the format"),
        ("{" + entry(dtype="F2", shape=(2,), offsets=(0, 400)) + "}", 400, "does not fit its shape and the format"),
        ("{" + entry(offsets=(4, 0)) + "}", 4, "does not fit its shape"),
        ("{" + entry() + "," + entry("u", offsets=(2, 6)) + "}", 6, "'u' overlaps"),
        ("{" + entry() + "," + entry("u", offsets=(6, 10)) + "}", 10, "'u' leaves a hole"),
        ("{" + entry() + "}", 3, "1 bytes are missing at its end"),
        ("{" + entry() + "}", 9, "5 bytes at its end belong to no tensor"),
        ("{" + entry() + "}\0\0", 4, "not valid JSON"),
        (" {" + entry() + "}", 4, "does not begin with '{'"),
        ("{" * 200_000, 0, "not valid JSON"),
        ('{"t":' + "[" * 200_000, 0, "not valid JSON"),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused_with_the_rule(tmp_path, header, data, words):
    message = refusal(tmp_path, raw(header.encode(), bytes(data)))
    assert words in message
    assert message.endswith("download or export it again.")
    assert "\n" not in message
    assert len(message) < 600


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\x02\0\0", "only 3 bytes"),
        (b"\x00" * 8, "only 8 bytes"),
        (raw(b"{}")[:9], "claims a header of 2 bytes, but has only 1"),
        ((MAX_HEADER + 1).to_bytes(8, "little") + b"{", "limit is 100,000,000"),
        (b"\xff" * 40, "limit is"),
        (b"<!DOCTYPE html><html>login please</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_what_it_is(tmp_path, content, words):
    assert words in refusal(tmp_path, content)


def test_a_header_over_the_limit_is_refused_unread_even_when_the_file_is_that_long(tmp_path):
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write((MAX_HEADER + 1).to_bytes(8, "little") + b"{")
        file.truncate(MAX_HEADER + 100)
    with pytest.raises(BlockweightError, match="limit is 100,000,000"):
        read_header(path)


def test_pickles_old_and_new_are_refused_and_never_opened(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("archive/data.pkl", b"\x80\x02}.")
    for content in (archive.getvalue(), b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + bytes(50)):
        assert "is a pickle, which can run code when it is opened; convert it" in refusal(tmp_path, content)


def test_a_sound_header_whose_length_looks_like_a_pickle_is_read(tmp_path):
    text = ("{" + entry() + "}").encode()
    content = raw(text + b" " * (0x0280 - len(text)), bytes(4))
    assert content[:2] == b"\x80\x02"
    assert len(header_of(tmp_path, content).tensors) == 1


def test_missing_files_folders_and_pipes_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path, words in (
        (tmp_path / "none.safetensors", "There is no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.safetensors", "not a regular file"),
        (tmp_path / "a\0b", "cannot be opened"),
        (tmp_path / ("n" * 300), "cannot be opened"),
    ):
        with pytest.raises(BlockweightError, match=words):
            read_header(path)


def test_formats_newer_than_the_program_are_listed_when_their_size_is_plausible(tmp_path):
    header = header_of(
        tmp_path, raw(("{" + entry(dtype="F5_E3M1", shape=(8,), offsets=(0, 5)) + "}").encode(), bytes(5))
    )
    assert header.tensors[0].dtype == "F5_E3M1"


def test_null_metadata_are_none_at_all(tmp_path):
    assert header_of(tmp_path, raw(('{"__metadata__":null,' + entry() + "}").encode(), bytes(4))).metadata == {}


@pytest.mark.parametrize("filler", [b"[],", b"{},", b'"ab",', b'"",', b"1,", b'"\\"",'])
def test_a_hostile_header_is_refused_before_it_takes_memory(tmp_path, filler, monkeypatch):
    monkeypatch.setattr("blockweight.lora.header._MAX_STRUCTURE", 100_000)
    size = 400_000
    content = raw(b'{"t":[' + filler * (size // len(filler)) + b"1]}")
    tracemalloc.start()
    assert "more than any LoRA holds" in refusal(tmp_path, content)
    assert tracemalloc.get_traced_memory()[1] < 3 * size
    tracemalloc.stop()


def test_an_unclosed_string_full_of_escaped_quotes_takes_linear_time(tmp_path):
    # Whoever looked back from every quote would need a day for it.
    assert refusal(tmp_path, raw(b'{"t":"' + b'\\"' * 5_000_000))


def test_a_long_cover_image_in_the_metadata_is_no_reason_to_refuse(tmp_path):
    text = '{"__metadata__":{"ssmd_cover_images":"' + "A" * 6_000_000 + '"},' + entry() + "}"
    assert len(header_of(tmp_path, raw(text.encode(), bytes(4))).metadata["ssmd_cover_images"]) == 6_000_000


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    names=st.lists(TEXT.filter(lambda name: name != "__metadata__"), max_size=5, unique=True),
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=5, max_size=5),
    metadata=st.dictionaries(TEXT, TEXT, max_size=4),
)
def test_an_encoded_header_reads_back_as_itself_here_and_in_the_safetensors_package(
    tmp_path_factory, names, shapes, metadata
):
    arrays = [np.zeros(shape, np.float16) for shape in shapes]
    infos = placed(TensorInfo(n, "F16", a.shape, 0, a.nbytes) for n, a in zip(names, arrays, strict=False))
    encoded = encode_header(infos, metadata)
    assert len(encoded) % 8 == 0
    content = encoded + bytes(sum(info.size for info in infos))
    header = header_of(tmp_path_factory.mktemp("h"), content)
    assert (header.tensors, header.metadata) == (infos, metadata)
    assert len(safetensors.deserialize(content)) == len(infos)


def test_metadata_come_first_and_tensors_in_order_in_compact_json():
    infos = placed([TensorInfo("b", "U8", (1,), 0, 1), TensorInfo("a", "U8", (2,), 0, 2)])
    text = encode_header(infos, {"z": "é", "a": "1"})[8:].decode()
    assert text.startswith('{"__metadata__":{"z":"é","a":"1"},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":')
    assert list(json.loads(text)) == ["__metadata__", "b", "a"]


def test_text_that_no_file_can_hold_is_refused():
    with pytest.raises(BlockweightError, match="half a character"):
        encode_header((), {"a": "\ud800"})
    with pytest.raises(BlockweightError, match="limit is 100,000,000"):
        encode_header((), {"a": "x" * MAX_HEADER})
