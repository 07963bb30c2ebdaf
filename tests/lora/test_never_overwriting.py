"""Without --overwrite no file is replaced, whenever it appears."""

from __future__ import annotations

import errno
import os
import threading
from functools import partial

import pytest
from lora_files import leftovers

from blockweight.errors import BlockweightError
from blockweight.lora.atomic import write_atomically


def written(target, content):
    write_atomically(target, lambda handle: handle.write(content), lambda _: None, overwrite=False)


def without_links(monkeypatch, number=errno.EPERM):
    def refuse(*_):
        raise OSError(number, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)


def test_of_two_writers_that_meet_at_the_name_one_gets_it_and_the_other_is_told(tmp_path, monkeypatch):
    target, meet = tmp_path / "out.safetensors", threading.Barrier(2, timeout=20)

    def met(real, *names):
        meet.wait()
        real(*names)

    for step in ("link", "replace", "rename"):
        monkeypatch.setattr(os, step, partial(met, getattr(os, step)))
    ended = {}

    def writer(content):
        try:
            written(target, content)
            ended[content] = "written"
        except BlockweightError as error:
            ended[content] = str(error)

    threads = [threading.Thread(target=writer, args=(content,)) for content in (b"one", b"other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended.values()) == [f"'{target}' has appeared in the meantime; choose another name.", "written"]
    assert ended[target.read_bytes()] == "written"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES])
def test_a_file_system_without_hard_links_gets_the_file_all_the_same(tmp_path, monkeypatch, number):
    without_links(monkeypatch, number)
    written(tmp_path / "out.safetensors", b"new")
    assert (tmp_path / "out.safetensors").read_bytes() == b"new"
    assert leftovers(tmp_path) == []


def test_without_hard_links_a_file_that_has_appeared_is_kept(tmp_path, monkeypatch):
    without_links(monkeypatch)
    target = tmp_path / "out.safetensors"
    with pytest.raises(BlockweightError, match="has appeared in the meantime"):
        write_atomically(
            target, lambda _: None, lambda _: target.write_bytes(b"someone else's") and None, overwrite=False
        )
    assert target.read_bytes() == b"someone else's"
    assert leftovers(tmp_path) == []


def test_another_refusal_of_the_link_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    without_links(monkeypatch, errno.EIO)
    with pytest.raises(BlockweightError, match=r"could not be written \(no hard links here\)"):
        written(tmp_path / "out.safetensors", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_a_link_to_nowhere_is_followed_and_stays_one(tmp_path):
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "real.safetensors")
    written(tmp_path / "link.safetensors", b"new")
    assert (tmp_path / "link.safetensors").is_symlink()
    assert (tmp_path / "real.safetensors").read_bytes() == b"new"
