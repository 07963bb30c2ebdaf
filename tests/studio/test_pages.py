"""The pages' answers: forms, files, what is refused, and that text stays text."""

from __future__ import annotations

import html
import json
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient
from studio_server import HOST, OWN

from blockweight.demo.embedded import lora_file
from blockweight.lora import open_lora, verify_baked
from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door
from blockweight.studio.projects import Desk
from blockweight.studio.routes import home
from blockweight.workflow.renderers import chosen_renderer
from blockweight.workflow.settings import Settings, load_settings, save_settings
from workshop import FULL, WEIGHTS, module_in, tree, weights_of, write_lora_file

SCRIPT = "<script>alert(1)</script>"


def shown(answer) -> str:
    return html.unescape(answer.text)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("path", ["/", "/projects/new", "/weights", "/bake", "/presets", "/settings", "/nothing"])
def test_every_page_is_whole_in_every_language(client, path, language):
    answer = client.get(path, headers={"accept-language": language})
    assert answer.status_code == (404 if path == "/nothing" else 200)
    assert f'<html lang="{language}"' in answer.text
    assert answer.text.rstrip().endswith("</html>")
    assert ("ホーム" in answer.text) == (language == "ja")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/bake/reports/none", 404), ("DELETE", "/bake", 405),
     ("GET", "/weights/cells", 405), ("GET", "/static/../app.py", 404), ("GET", "/static/%2e%2e/app.py", 404),
     ("GET", "/docs", 404), ("GET", "/openapi.json", 404)],
)  # fmt: skip
def test_what_there_is_not_has_a_page_that_says_so(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_a_page_that_breaks_says_so_without_a_traceback(config, monkeypatch):
    def broken(request, template, **values):
        raise RuntimeError("a secret")

    monkeypatch.setattr(home, "render", broken)
    app = make_app(Door(Address()), Desk())
    client = TestClient(app, base_url=f"http://{HOST}", headers={"accept": "text/html"}, raise_server_exceptions=False)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "<h1>Something went wrong</h1>" in answer.text


def test_settings_that_cannot_be_read_are_said_on_a_page(client, config):
    config.mkdir()
    (config / "settings.toml").write_text("loras = 5")
    answer = client.get("/")
    assert (answer.status_code, "loras is a list of folders" in shown(answer)) == (422, True)


def test_settings_are_kept(client, config, tmp_path):
    (tmp_path / "ゴブ姫").mkdir()
    answer = client.post(
        "/settings",
        data={"loras": f"{tmp_path}\n{tmp_path}/ゴブ姫\n\n{tmp_path}", "models": "", "language": "", "theme": ""},
    )
    assert answer.status_code == 303
    assert load_settings() == Settings(loras=(tmp_path, tmp_path / "ゴブ姫"))


def test_a_server_is_kept_and_chosen(client, config):
    assert client.post("/settings", data={"renderer": " webui+http://gpu:7860 "}).status_code == 303
    assert chosen_renderer() == load_settings().renderer == "webui+http://gpu:7860"
    assert 'value="webui+http://gpu:7860"' in client.get("/settings").text


@pytest.mark.parametrize("typed", ["gpu:7860", "local:cpu", "webui+http://ann:secret@gpu:7860"])
def test_a_server_that_is_none_is_refused_and_no_password_sent_back(client, config, typed):
    answer = client.post("/settings", data={"renderer": typed})
    assert answer.status_code == 422
    assert "secret" not in answer.text
    assert not config.exists()


def test_a_wrong_folder_is_refused_with_the_form_as_it_was_sent(client, config, tmp_path):
    typed = f"{tmp_path}\n/no/such/folder"
    answer = client.post("/settings", data={"loras": typed, "models": "relative", "language": "ja", "theme": "dark"})
    assert answer.status_code == 422
    assert "There is no folder '/no/such/folder'" in shown(answer)
    assert "'relative' is not a whole path" in shown(answer)
    assert typed in shown(answer)
    assert not config.exists()


def test_a_bake_writes_the_file_and_shows_its_verification(client, shelf):
    source = shelf / "princess.safetensors"
    text = f"Gobuhime:{WEIGHTS}"
    form = {"lora": str(source), "weights": text, "folder": str(shelf), "file": "new.safetensors"}
    answer = client.post("/bake", data=form)
    assert answer.status_code == 303
    report = client.get(answer.headers["location"])
    assert (report.status_code, "Baked and verified" in report.text, text in report.text) == (200, True, True)
    assert verify_baked(source, weights_of(text), shelf / "new.safetensors").max_error < 1e-3


def test_the_preview_says_what_becomes_of_every_block(client, shelf):
    answer = client.get("/bake", params={"lora": str(shelf / "standard.safetensors"), "weights": f"a:{WEIGHTS}"})
    for words in (
        '<tr class="absent"><th scope="row">IN00</th>',
        "scaled",
        "copied",
        "left out",
        "standard_1.0_a.safetensors",
    ):
        assert words in answer.text


def test_a_bake_that_is_refused_shows_the_form_with_the_reason_and_writes_nothing(client, shelf):
    before = tree(shelf)
    form = {
        "lora": str(shelf / "princess.safetensors"),
        "weights": "1,2,3",
        "folder": str(shelf),
        "file": "new.safetensors",
    }
    answer = client.post("/bake", data=form)
    assert answer.status_code == 422
    assert "A vector of length 3 was given" in shown(answer)
    assert ">\n1,2,3</textarea>" in answer.text
    assert tree(shelf) == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"lora": ""}, "No LoRA is chosen"),
        ({"weights": ""}, "no block weights to bake"),
        ({"file": "../new.safetensors"}, "is not a file's name"),
        ({"file": "new.txt"}, "does not end in .safetensors"),
        ({"file": "princess.safetensors"}, "is the source itself"),
        ({"file": "standard.safetensors"}, "exists already"),
        ({"folder": "/tmp"}, "none of the folders"),
        ({"folder": ""}, "none of the folders"),
        ({"strength": "nan"}, "is not a number"),
        ({"zeros": "eat"}, "is no choice for zeros"),
        ({"lora": "/etc/passwd"}, "does not end in"),
        ({"lora": "/etc/a.safetensors"}, "in none of the folders"),
        ({"lora": "\x00.safetensors"}, "in none of the folders"),
    ],
)
def test_a_bake_of_something_else_or_to_somewhere_else_is_refused(client, shelf, changed, words):
    before = tree(shelf)
    form = {
        "lora": str(shelf / "princess.safetensors"),
        "weights": WEIGHTS,
        "folder": str(shelf),
        "file": "new.safetensors",
    }
    answer = client.post("/bake", data=form | changed)
    assert answer.status_code == 422
    assert words in shown(answer)
    assert tree(shelf) == before


@pytest.mark.parametrize("path", ["/weights", "/bake"])
def test_a_lora_outside_the_folders_is_not_opened(client, shelf, tmp_path, path):
    write_lora_file(tmp_path / "outside.safetensors", FULL.blocks)
    for lora in (tmp_path / "outside.safetensors", shelf / ".." / "outside.safetensors"):
        assert "in none of the folders" in shown(client.get(path, params={"lora": str(lora)}))


def test_a_link_does_not_lead_out_of_the_folders(client, shelf, tmp_path):
    write_lora_file(tmp_path / "outside.safetensors", FULL.blocks)
    (shelf / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    assert "link.safetensors" not in client.get("/bake").text
    assert "in none of the folders" in shown(client.get("/bake", params={"lora": str(shelf / "link.safetensors")}))


def test_a_projects_folder_is_a_shelf_too(config, tmp_path):
    write_lora_file(tmp_path / "mine.safetensors", FULL.blocks)
    client = TestClient(make_app(Door(Address()), Desk(tmp_path)), base_url=f"http://{HOST}", headers=OWN)
    assert str(tmp_path / "mine.safetensors") in client.get("/bake").text


def test_the_programs_own_loras_are_never_written_beside(client, config):
    own = lora_file("gobuhime")
    form = {"lora": str(own), "weights": WEIGHTS, "folder": str(own.parent), "file": "new.safetensors"}
    assert "none of the folders" in shown(client.post("/bake", data=form))
    assert not (own.parent / "new.safetensors").exists()


def test_names_and_metadata_are_text(client, shelf, tmp_path):
    odd = "<img src=x onerror=alert(1)>.safetensors"
    made = write_lora_file(shelf / odd, FULL.blocks, [f"lora_unet_{SCRIPT.replace('/', '_')}"])
    data = made.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = {"ss_output_name": SCRIPT, "modelspec.title": SCRIPT, SCRIPT: SCRIPT}
    anew = json.dumps(header).encode()
    made.write_bytes(len(anew).to_bytes(8, "little") + anew + data[8 + length :])
    assert open_lora(made).header.metadata["ss_output_name"] == SCRIPT
    weights = f"{SCRIPT}:{WEIGHTS}"
    for path in ("/weights", "/bake"):
        text = client.get(path, params={"lora": str(made), "weights": weights, "fill": SCRIPT, "step": SCRIPT}).text
        assert "<img src=x" not in text
        assert "<script>alert" not in text
    form = {"lora": str(made), "weights": weights, "folder": str(shelf), "file": "<b>.safetensors"}
    report = client.get(client.post("/bake", data=form).headers["location"])
    assert "&lt;script&gt;" in report.text
    assert "<script>alert" not in report.text
    assert "<b>" not in report.text


def test_what_a_script_inserts_is_escaped_too(client):
    answer = client.post(
        "/weights/read", json={"text": f'<b a="">:{WEIGHTS}', "layout": "sd1-26", "step": "0.5"}
    ).json()
    assert "&lt;b a=&#34;&#34;&gt;" in answer["outputs"]
    assert "<b a" not in answer["outputs"] + answer["table"]


@pytest.mark.parametrize("path", ["/settings", "/look", "/bake"])
@pytest.mark.parametrize("body", [b"a=%ff&b", b"\xff\xfe", b"&".join([b"a=1"] * 3000), b""])
def test_a_form_of_nonsense_is_refused_or_means_nothing(client, config, path, body):
    answer = client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (303, 422)


def test_a_form_in_another_encoding_is_refused(client):
    assert client.post("/settings", json={"loras": ""}).status_code == 422


@pytest.mark.parametrize("path", ["/weights/cells", "/weights/read", "/weights/paste", "/weights/layout"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"layout": 5}', b'{"layout": "sd1-26", "cells": [1]}', b"[" * 100_000]
)
def test_json_of_nonsense_is_refused_in_one_sentence(client, path, body):
    answer = client.post(path, content=body, headers={"content-type": "application/json", "accept": "*/*"})
    assert answer.status_code == 422
    assert list(answer.json()) == ["error", "lang"]


def test_the_address_brings_the_table_back(client):
    text = client.get("/weights", params={"weights": f"Gobuhime:{WEIGHTS}", "fixed": "BASE,IN00", "step": "0.25"}).text
    assert text.count(" checked ") == 2
    assert "SubIN01_0.25" in text


def test_the_form_works_without_scripts(client):
    fields = {
        "name": "Girl",
        "layout": "sdxl-12",
        "cell": ["0.5"] * 12,
        "fixed": ["BASE"],
        "from": "cells",
        "weights": "x",
    }
    assert "Girl:0.5,0.5," in client.get("/weights", params=fields).text
    bad = client.get("/weights", params=fields | {"cell": ["half", *["1"] * 11]}).text
    assert 'value="half"' in bad
    assert "&#39;half&#39; is not a number" in bad


def test_a_text_that_cannot_be_read_stays_as_it_was(client):
    text = client.get("/weights", params={"weights": "1,2,three"}).text
    assert ">\n1,2,three</textarea>" in text
    assert 'aria-invalid="true"' in text


@pytest.mark.parametrize(
    "query", ["lora=%00", "layout=nonsense", "fixed=NOPE", "step=x", "fill=x&weights=1,2", "cell=1", "weights=%25"]
)
def test_any_address_has_a_page(client, query):
    assert client.get(f"/weights?{query}").status_code == 200


def test_a_lora_tells_which_blocks_it_lacks(client, shelf):
    page = client.get("/weights", params={"lora": str(shelf / "princess.safetensors")}).text
    assert 'class="column absent"' not in page
    page = client.get("/weights", params={"lora": str(shelf / "standard.safetensors")}).text
    assert page.count('class="column absent"') == 9


def test_every_layout_has_a_table(client):
    page = client.get("/weights")
    for name, count in (("sd1-26", 26), ("sd1-17", 17), ("sdxl-20", 20), ("sdxl-12", 12), ("flux1-61", 61)):
        assert f'value="{name}"' in page.text
        assert client.get(f"/weights?layout={name}").text.count('class="weight"') == count


def test_a_lora_of_an_unknown_model_has_a_table(client, shelf):
    made = write_lora_file(shelf / "odd.safetensors", [], [f"lora_unet_strange_blocks_{n}_proj" for n in range(3)])
    assert module_in("BASE") not in made.name
    answer = client.get("/weights", params={"lora": str(made)})
    assert "STRANGE_BLOCKS02" in answer.text


def test_the_settings_form_shows_what_is_set(client, config, tmp_path):
    save_settings(Settings(models=(tmp_path,), theme="dark"))
    page = client.get("/settings").text
    assert f">\n{tmp_path}\n</textarea>" in page
    assert unquote(str(config / "settings.toml")) in page
    assert 'data-theme="dark"' in page
