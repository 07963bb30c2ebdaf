"""What a person types names servers and never holds a password; who logs in comes from elsewhere."""

from __future__ import annotations

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail

from blockweight.errors import BlockweightError
from blockweight.render.remote import Address, Credentials, find_credentials, read_addresses
from blockweight.workflow.renderers import check_renderer, renderer_named

HERE = "webui+http://127.0.0.1:7860"


class Kept(KeyringBackend):
    """A keyring with one entry, for http://127.0.0.1:7860."""

    priority = 1

    def __init__(self, entry: str) -> None:
        super().__init__()
        self.entry = entry

    def get_password(self, service, username):
        if self.entry == "broken":
            raise OSError("locked")
        return self.entry if (service, username) == ("blockweight", "http://127.0.0.1:7860") else None

    def set_password(self, service, username, password):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    """Sets the keyring's entry; none at first."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    monkeypatch.delenv("BLOCKWEIGHT_WEBUI_AUTH", raising=False)
    yield lambda entry: keyring.set_keyring(Kept(entry))
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (HERE, Address("webui", "http://127.0.0.1:7860")),
        ("comfyui+https://gpu.example/comfy/", Address("comfyui", "https://gpu.example/comfy")),
        ("webui+http://ann@[::1]:80", Address("webui", "http://[::1]:80", "ann")),
        (f"{HERE}?loras=/a%20b,c+d", Address("webui", "http://127.0.0.1:7860", "", (("loras", "/a b,c+d"),))),
    ],
)
def test_an_address_is_read_and_written_back(typed, address):
    assert read_addresses(typed) == (address,)
    assert read_addresses(address.name) == (address,)


@pytest.mark.parametrize("other", ["webui+http://localhost:7860/", "webui+http://[::1]:7860", HERE + "/"])
def test_one_server_by_two_names_is_one(other):
    assert read_addresses(f"{HERE},{other}") == read_addresses(HERE)


def test_a_port_that_goes_without_saying_is_no_other_server():
    assert len(read_addresses("webui+https://gpu,webui+https://gpu:443,webui+https://gpu:444")) == 2


@pytest.mark.parametrize("other", ["webui+http://ann@localhost:7860", f"{HERE}?loras=/a"])
def test_one_server_with_two_users_or_options_is_refused(other):
    with pytest.raises(BlockweightError, match=r"is named twice, as .*; name it once"):
        read_addresses(f"{HERE},{other}")


def test_several_servers_stand_between_commas_each_once():
    found = read_addresses(f"{HERE},comfyui+http://b:1?x=1,2,{HERE}")
    assert [each.name for each in found] == [HERE, "comfyui+http://b:1?x=1%2C2"]


@pytest.mark.parametrize(
    "typed",
    ["http://a", "webui+ftp://a", "webui+http://", "webui+http://a:99999", "webui+http://a#b", "webui+http://[::1"],
)
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(BlockweightError, match="That is not the address of a server; write it as in webui"):
        check_renderer(typed)
    with pytest.raises(BlockweightError, match="That is not the address"):
        renderer_named(typed)


def test_a_password_in_an_address_is_refused_and_not_shown():
    with pytest.raises(BlockweightError, match="set BLOCKWEIGHT_WEBUI_AUTH to user:password") as error:
        read_addresses("webui+http://ann:secret@host")
    assert "secret" not in str(error.value)


def test_a_name_that_no_host_has_is_refused():
    with pytest.raises(BlockweightError, match="not the address of a server"):
        read_addresses(f"webui+http://{'a' * 70}:80")


def test_an_option_that_there_is_not_is_refused():
    (address,) = read_addresses(f"{HERE}?lora=/x")
    with pytest.raises(BlockweightError, match="has no option 'lora'; there are: loras"):
        address.check_options(("loras",))


def test_the_keyrings_entry_for_a_server_counts_more_than_the_environments_for_all(monkeypatch, kept):
    monkeypatch.setenv("BLOCKWEIGHT_WEBUI_AUTH", "ann:se:cret")
    (address,) = read_addresses(HERE)
    found = find_credentials(address)
    assert found == Credentials("ann", "se:cret")
    assert "cret" not in repr(found)
    kept("bob:other")
    assert find_credentials(address) == Credentials("bob", "other")


def test_a_user_in_the_address_gets_no_others_password(monkeypatch, kept):
    monkeypatch.setenv("BLOCKWEIGHT_WEBUI_AUTH", "ann:secret")
    kept("bob:other")
    assert find_credentials(Address("webui", "http://127.0.0.1:7860", "bob")) == Credentials("bob", "other")
    assert find_credentials(Address("webui", "http://127.0.0.1:7860", "eve")) is None


def test_no_keyring_and_a_broken_one_are_as_good_as_an_empty_one(kept):
    (address,) = read_addresses(HERE)
    assert find_credentials(address) is None
    kept("broken")
    assert find_credentials(address) is None


def test_an_entry_without_a_colon_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("BLOCKWEIGHT_WEBUI_AUTH", "secret")
    with pytest.raises(BlockweightError, match="no user:password in BLOCKWEIGHT_WEBUI_AUTH") as error:
        find_credentials(read_addresses(HERE)[0])
    assert "secret" not in str(error.value)
