// The page of the automatic search: ask for one, say what it costs, run it, show what it found, take a choice.

import { costForm, put } from "./cost-form.js";
import { act, news, place, queue } from "./project.js";
import { post, sayIn } from "./server.js";
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

const typed = () => {
  const { objectives, budget, segments, grid, seeds, home_mask: mask } = form.elements;
  return { objectives: objectives.value, budget: budget.value, segments: segments.value, grid: grid.value, seeds: seeds.value, home_mask: mask.checked };
};

const render = () => post(`${place}/render`, { work: "search" });

const askCost = costForm({
  address: `${place}/search/cost`,
  typed,
  say,
  begun: async (asked) => {
    await reach((await act({ act: "begin search", ...asked })).version);
    await render();
  },
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

show();
askCost();
scripted();
