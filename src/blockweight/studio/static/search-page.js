// The page of the automatic search: ask for one, say what it costs, run it, show what it found, take a choice.

import { costForm, put } from "./cost-form.js";
import { act, news, place, queue } from "./project.js";
import { typedWeights, wireWeights } from "./search-weights.js";
import { post, Refused, refusalIn, sayIn } from "./server.js";
import { follow } from "./view.js";
import { scripted } from "./scripted.js";
import "./job-progress.js";

const by = (id) => document.getElementById(id);
const form = by("plan");

let view = JSON.parse(by("view").textContent);
let rendering = false;

const say = (sentence, lang) => sayIn(by("problem"), sentence, lang);

const { refresh, reach } = follow({
  address: () => `${place}/search/view`,
  version: () => view.version,
  take: (answer) => {
    view = answer;
    show();
  },
  refused: say,
});

news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open) && detail.work === "search";
  show();
});
queue.addEventListener("refused", ({ detail }) => {
  say(detail.message, detail.lang);
  refresh();
});

function show() {
  by("begun").hidden = !view.begun;
  put(by("begun-text"), view.begun);
  by("go-on").hidden = rendering;
  by("left").textContent = rendering ? "" : view.left;
  put(by("found"), view.found);
}

const PLAIN = ["objectives", "budget", "segments", "hold_out", "seeds", "mask", "model", "also", "also_segments", "sampler", "seed"];
const kept = { mask_file: [], target: [], examples: [] }; // names of the files that the server has, by their fields

const typed = () => {
  const texts = PLAIN.map((name) => [name, form.elements[name]?.value ?? ""]);
  const [mask = ""] = kept.mask_file;
  const [target = ""] = kept.target;
  return { ...Object.fromEntries(texts), ...typedWeights(form), mask_file: mask, target, examples: kept.examples };
};

const render = () => post(`${place}/render`, { work: "search" });

const askCost = costForm({
  address: `${place}/search/cost`,
  typed,
  say,
  slow: ({ model }) => Boolean(model),
  begun: async (asked) => {
    await reach((await act({ act: "begin search", ...asked })).version);
    await render();
  },
});

/** Have the server keep what was chosen in a field for files, before anything is asked with it. */
async function keep(field) {
  by("begin").disabled = true;
  say("");
  try {
    kept[field.name] = await Promise.all([...field.files].map((file) => upload(file, field.name === "mask_file" ? "masks" : "targets")));
  } catch (error) {
    field.value = "";
    kept[field.name] = [];
    say(error instanceof Refused ? error.message : form.dataset.unknown, error.lang);
  }
  askCost();
}

async function upload(file, where) {
  const response = await fetch(`${place}/search/${where}`, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
  const text = await response.text();
  if (!response.ok) throw new Refused(refusalIn(text), response.status);
  return JSON.parse(text).name;
}

form.addEventListener(
  "change",
  (event) => {
    if (event.target.name === "mask") by("mask-field").hidden = event.target.value !== "file";
    if (event.target.type !== "file") return;
    event.stopPropagation();
    keep(event.target);
  },
  { capture: true },
);
form.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-wish]");
  if (!button) return;
  const { objectives } = form.elements;
  const there = objectives.value.split(",").map((each) => each.trim()).filter(Boolean);
  if (!there.includes(button.dataset.wish)) objectives.value = [...there, button.dataset.wish].join(", ");
  askCost();
});

by("go-on").addEventListener("click", render);
by("give-up").addEventListener("click", async () => {
  say("");
  try {
    await reach((await act({ act: "cancel search" })).version);
  } catch {
    // The sentence is shown by "refused".
  }
});
by("found").addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-take]");
  if (!button) return;
  say("");
  try {
    await act({ act: "take choice", search: Number(button.dataset.search), choice: Number(button.dataset.take) });
    location.assign(`${place}/tune`);
  } catch {
    // The sentence is shown by "refused".
  }
});

wireWeights(form);
show();
askCost();
scripted();
