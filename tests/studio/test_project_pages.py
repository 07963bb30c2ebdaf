"""Home, the form for a new project and a project's first page: forms, uploads, and that text stays text."""

from __future__ import annotations

import html
import io
import re
import shutil

import pytest
from PIL import Image, PngImagePlugin
from starlette.testclient import TestClient
from studio_server import HOST, OWN

from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door
from blockweight.studio.guard import LARGER
from blockweight.studio.projects import Desk, identity_of
from blockweight.workflow.places import lost_files
from blockweight.workflow.recent_projects import recent_projects
from blockweight.workflow.render_process import RenderProcess
from blockweight.workflow.settings import Settings, load_settings, save_settings
from blockweight.workflow.tuning_project import open_project
from infotexts import TUTORIAL
from workshop import tree

SCRIPT = "<script>alert(1)</script>"


def shown(answer) -> str:
    return html.unescape(answer.text)


@pytest.fixture
def typed(config, tmp_path, locon, model):
    """The form of a project in two scenes, of files in the folders of the settings."""
    save_settings(Settings((tmp_path,), (tmp_path,), projects=tmp_path / "projects"))
    form = {"name": "ゴブ姫", "lora": str(locon), "model": str(model), "prompts": "1girl"}
    return {**form, "seeds": "1,2", "size": "32x24"}


@pytest.fixture
def place(client, typed, tmp_path):
    """The address of a new project in two scenes."""
    answer = client.post("/projects/new", data=typed)
    assert answer.status_code == 303
    return answer.headers["location"]


@pytest.fixture
def folder(place, tmp_path):
    return tmp_path / "projects" / "ゴブ姫"


def scenes(folder):
    with open_project(folder) as tuning:
        return [(scene.prompt, scene.seed) for scene in tuning.state().scenes]


def scene_form(page, at=0, **changed):
    """A scene's form as the page has it, with other fields."""
    key = re.findall(r'name="scene" value="(\w+)"', page)[2 * at]
    fields = {"prompts": "1girl", "negative": "", "seeds": "1", "size": "32x24", "steps": "20", "cfg": "7"}
    return {"do": "change", "scene": key, "id": "", **fields, "sampler": "Euler", **changed}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_pages_are_whole_in_every_language(client, place, language):
    for path in ("/", "/projects/new", place):
        answer = client.get(path, headers={"accept-language": language})
        assert (answer.status_code, answer.text.rstrip().endswith("</html>")) == (200, True)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text)


def test_at_first_home_says_where_to_begin(client):
    text = client.get("/").text
    assert "Begin here" in text
    assert "Your projects" not in text


def test_a_new_project_is_made_from_the_form_and_is_the_first_on_home(client, place, folder):
    assert folder.is_dir()
    assert client.get(place).status_code == 200
    home = client.get("/").text
    assert (f'href="{place}"' in home, "princess.safetensors" in home) == (True, True)


def test_a_wrong_field_is_said_there_and_nothing_typed_is_lost(client, typed, tmp_path):
    wrong = {"seeds": "one", "prompts": "1girl\n<b>2girls", "weights": "1,2"}
    answer = client.post("/projects/new", data=typed | wrong)
    assert answer.status_code == 422
    assert 'id="seeds-error">&#39;one&#39; is not a seed' in answer.text
    assert ">\n1girl\n<b>2girls</textarea>" in shown(answer)
    assert ">\n1,2</textarea>" in answer.text
    assert not (tmp_path / "projects").exists()


def test_an_infotext_fills_the_form_without_scripts_and_names_what_is_not_taken(client, typed):
    answer = client.post("/projects/new", data=typed | {"fill_in": "1", "infotext": TUTORIAL})
    assert answer.status_code == 200
    for words in (
        ">\n1girl, gobuhime, longhair, hairornament, choker</textarea>",
        'name="steps" value="25"',
        'name="name" value="ゴブ姫"',
        'name="clip_skip" value="2"',
        "<option selected>Latent (nearest-exact)</option>",
        "XYZ stands for weights that a plot puts in",
    ):
        assert words in shown(answer)


def test_an_infotext_that_cannot_be_read_is_said_there(client, typed):
    answer = client.post("/projects/new", data=typed | {"fill_in": "1", "infotext": '{"a": 1}'})
    assert (answer.status_code, 'id="infotext-error"' in answer.text) == (422, True)


def png(text):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text)
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PNG", pnginfo=info)
    return data.getvalue()


def test_a_picture_gives_the_fields_and_what_is_not_taken(client):
    answer = client.post("/projects/new/picture", content=png(TUTORIAL)).json()
    assert answer["fields"]["prompts"] == "1girl, gobuhime, longhair, hairornament, choker"
    assert "seeds" not in answer["fields"]
    assert (answer["fields"]["clip_skip"], answer["fields"]["hires_steps"]) == ("2", "15")
    assert answer["infotext"].startswith("1girl, gobuhime")
    assert any("XYZ" in note["text"] for note in answer["notes"])


def test_what_is_not_taken_of_an_infotext_stays_in_sight_when_the_project_cannot_be_made(client, typed):
    form = typed | {"infotext": TUTORIAL, "taken": "1", "seeds": "x", "variation_seed": "77"}
    answer = client.post("/projects/new", data=form)
    assert answer.status_code == 422
    assert "XYZ stands for weights that a plot puts in" in answer.text
    assert ('name="taken" value="1"' in answer.text, 'name="variation_seed" value="77"' in answer.text) == (True, True)
    untaken = client.post("/projects/new", data=form | {"taken": ""})
    assert "XYZ stands for" not in untaken.text


def test_a_project_is_made_with_a_clip_skip_and_a_hires_pass(client, typed, tmp_path):
    further = {"clip_skip": "2", "hires_upscaler": "Latent", "hires_scale": "1.5"}
    place = client.post("/projects/new", data=typed | further).headers["location"]
    with open_project(tmp_path / "projects" / "ゴブ姫") as tuning:
        scene = tuning.state().scenes[0]
    assert (scene.clip_skip, scene.hires.scale) == (2, 1.5)
    assert "clip skip 2 · hires pass to 48×32 (Latent)" in client.get(place).text
    change = scene_form(client.get(place).text, sampler="Euler a", **further, hires_denoise="9")
    assert 'id="scene-1-hires_denoise-error"' in client.post(place, data=change).text


@pytest.mark.parametrize("data", [b"", b"no picture", png("")[:60], png("x")[:50]])
def test_what_is_no_picture_with_parameters_is_refused_in_a_sentence(client, data):
    answer = client.post("/projects/new/picture", content=data, headers={"accept": "*/*"})
    assert (answer.status_code, list(answer.json())) == (422, ["error", "lang"])


@pytest.mark.parametrize("path", LARGER)
def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(client, path):
    headers = {"content-length": str(LARGER[path][0] + 1), "accept": "text/html"}
    assert client.post(path, content=iter([b"x"]), headers=headers).status_code == 413


def test_a_picture_that_comes_to_too_much_is_refused(client, monkeypatch):
    monkeypatch.setitem(LARGER, "/projects/new/picture", (1000, "Too large."))
    answer = client.post("/projects/new/picture", content=(b"x" * 600 for _ in range(2)), headers={"accept": "*/*"})
    assert (answer.status_code, answer.json()) == (413, {"error": "Too large.", "lang": "en"})


def test_the_demo_is_opened_in_one_click_and_again_the_second_time(client):
    answer = client.post("/projects/demo", data={"": ""})
    assert (answer.status_code, answer.headers["location"].endswith("/analyse")) == (303, True)
    page = client.get(answer.headers["location"])
    assert (page.status_code, '"region": "her face and hair"' in page.text) == (200, True)
    assert client.post("/projects/demo", data={"": ""}).headers["location"] == answer.headers["location"]


def test_a_folder_that_is_gone_is_marked_and_can_be_forgotten(client, place, folder):
    shutil.move(folder, folder.with_name("away"))
    assert "The folder is gone" in client.get("/").text
    assert client.post("/projects/forget", data={"project": identity_of(folder)}).status_code == 303
    assert "The folder is gone" not in client.get("/").text
    assert client.post("/projects/forget", data={"project": identity_of(folder)}).status_code == 404


def test_a_project_that_lies_in_the_folder_for_projects_is_found(client, place, folder):
    other = folder.with_name("copied")
    shutil.copytree(folder, other)
    page = client.get(f"/projects/{identity_of(other)}")
    assert page.status_code == 200
    assert recent_projects()[0].folder == other


def test_scenes_are_added_changed_removed_and_brought_back(client, place, folder):
    page = client.get(place).text
    assert client.post(place, data=scene_form(page, seeds="5")).status_code == 303
    assert scenes(folder) == [("1girl", 5), ("1girl", 2)]
    client.post(place, data=scene_form(page, do="add", prompts="2girls", seeds="1"))
    assert scenes(folder) == [("1girl", 5), ("1girl", 2), ("2girls", 1)]
    client.post(place, data=scene_form(client.get(place).text, do="remove"))
    assert scenes(folder) == [("1girl", 2), ("2girls", 1)]
    client.post(place, data={"do": "undo", "id": "a"})
    client.post(place, data={"do": "undo", "id": "a"})
    assert scenes(folder) == [("1girl", 5), ("1girl", 2), ("2girls", 1)]
    client.post(place, data={"do": "redo", "id": "b"})
    assert scenes(folder) == [("1girl", 2), ("2girls", 1)]


def test_a_renamed_project_has_its_new_name_on_home_and_its_old_folder(client, place, folder):
    assert client.post(place, data={"do": "rename", "id": "a", "name": SCRIPT}).headers["location"] == place
    for page in (place, "/"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in client.get(page).text
        assert SCRIPT not in client.get(page).text
    assert folder.is_dir()


def test_a_name_that_cannot_be_is_said_at_its_field(client, place):
    answer = client.post(place, data={"do": "rename", "id": "a", "name": " "})
    assert (answer.status_code, 'id="name-error" lang="en">A project needs a name' in answer.text) == (422, True)


def test_a_scene_that_cannot_be_is_refused_with_its_form_open_as_it_was_sent(client, place, folder):
    answer = client.post(place, data=scene_form(client.get(place).text, at=1, seeds="<b>"))
    assert answer.status_code == 422
    assert 'id="scene-2-seeds-error"' in answer.text
    assert 'name="seeds" value="&lt;b&gt;"' in answer.text
    assert answer.text.count("<details open>") == 1
    assert scenes(folder) == [("1girl", 1), ("1girl", 2)]


@pytest.mark.parametrize(
    "form", [{"do": "remove", "scene": "0"}, {"do": "eat", "id": "a"}, {"do": "redo", "id": "a"}, {}]
)
def test_an_act_that_does_not_fit_is_said_on_the_page(client, place, form):
    answer = client.post(place, data=form or {"": ""})
    assert (answer.status_code, 'class="notice bad" role="alert">' in answer.text) == (422, True)


def test_an_exported_project_is_imported_again_under_another_name(client, place, folder):
    archive = client.get(f"{place}/export.zip")
    assert archive.headers["content-disposition"].startswith("attachment; filename*=utf-8''%E3%82%B4")
    assert list(folder.glob(".export*")) == []
    headers = {"content-type": "application/zip", "accept": "*/*"}
    answer = client.post("/projects/import?name=ゴブ姫.zip", content=archive.content, headers=headers)
    assert client.get(answer.json()["place"]).status_code == 200
    assert scenes(folder.with_name("ゴブ姫 2")) == scenes(folder)
    assert list(folder.parent.glob(".*")) == []


@pytest.mark.parametrize(
    ("data", "kind"), [(b"no zip", "application/zip"), (b"", "application/zip"), (b"x", "text/plain")]
)
def test_what_is_no_project_is_not_imported(client, place, folder, data, kind):
    before = tree(folder.parent)
    answer = client.post("/projects/import?name=x.zip", content=data, headers={"content-type": kind, "accept": "*/*"})
    assert (answer.status_code, ".upload" in answer.text) == (422, False)
    assert tree(folder.parent) == before


def test_a_zip_that_comes_to_too_much_leaves_nothing(client, place, folder, monkeypatch):
    monkeypatch.setitem(LARGER, "/projects/import", (1000, "Too large."))
    headers = {"content-type": "application/zip", "accept": "*/*"}
    answer = client.post("/projects/import", content=(b"x" * 600 for _ in range(2)), headers=headers)
    assert answer.status_code == 413
    assert list(folder.parent.glob(".*")) == []


def test_what_is_missing_is_said_and_found_in_the_folders(client, place, folder, locon, tmp_path):
    new = tmp_path / "loras" / "deep"
    new.mkdir(parents=True)
    locon.rename(new / locon.name)
    save_settings(Settings(load_settings().models, (tmp_path / "loras",), projects=folder.parent))
    assert "Not found on this machine" in client.get(place).text
    assert client.post(place, data={"do": "look"}).status_code == 303
    assert "Not found on this machine" not in client.get(place).text
    with open_project(folder) as tuning:
        assert lost_files(tuning.state()) == {}


def test_a_place_outside_the_folders_or_of_another_file_is_refused(client, place, folder, locon, lora):
    locon.unlink()
    for path, words in (("/etc/a.safetensors", "none of the folders"), (lora, "is not the project's")):
        answer = client.post(place, data={"do": "locate", "lora": str(path)})
        assert (answer.status_code, words in shown(answer)) == (422, True)


def test_names_and_prompts_are_text(client, typed):
    form = typed | {"name": SCRIPT, "prompts": SCRIPT, "negative": "<b>", "weights": ""}
    place = client.post("/projects/new", data=form).headers["location"]
    for path in (place, "/", f"{place}/tune"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "<b>" not in text
    answer = client.post("/projects/new", data=form | {"seeds": SCRIPT, "infotext": SCRIPT, "model_path": SCRIPT})
    assert "<script>alert" not in answer.text


def test_the_folder_for_projects_is_set_on_the_settings_page(client, config, tmp_path):
    form = {"models": "", "loras": "", "language": "", "theme": "", "projects": f"{tmp_path}/new"}
    assert client.post("/settings", data=form).status_code == 303
    assert load_settings().projects == tmp_path / "new"
    assert client.post("/settings", data=form | {"projects": "relative"}).status_code == 422
    assert f'value="{tmp_path}/new"' in client.get("/settings").text


def test_the_settings_choose_the_device_that_renders(client, config):
    form = {"models": "", "loras": "", "language": "", "theme": "", "projects": "", "device": "cuda"}
    assert client.post("/settings", data=form).status_code == 303
    assert load_settings().device == "cuda"
    assert '<option value="cuda" selected>' in client.get("/settings").text
    assert client.post("/settings", data=form | {"device": "tpu"}).status_code == 422


@pytest.mark.parametrize(
    ("renderer", "words"),
    [("", None), ("local:cpu", "started with --renderer local:cpu, which counts"), ("fake", "Stripes stand for")],
)
def test_the_settings_say_where_the_command_line_counts_more(config, renderer, words):
    app = make_app(Door(Address()), Desk(renders=RenderProcess(renderer)))
    page = TestClient(app, base_url=f"http://{HOST}", headers={**OWN, "accept": "text/html"}).get("/settings").text
    assert ('id="device-now"' in page) is (words is not None)
    assert words is None or words in page
