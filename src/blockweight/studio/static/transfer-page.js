// The Transfer page: ask for a transfer, say what it costs, render it, and show its table.

import { costForm, put } from "./cost-form.js";
import { act, news, place, queue } from "./project.js";
import { post, sayIn } from "./server.js";
import { follow } from "./view.js";
import { scripted } from "./scripted.js";
import "./job-progress.js";

const by = (id) => document.getElementById(id);
const form = by("plan");
const KEPT = `blockweight:transfer:${place}`;

let view = JSON.parse(by("view").textContent);
let rendering = false;

const say = (sentence, lang) => sayIn(by("problem"), sentence, lang);

// What the project says.

const { refresh, reach } = follow({
  address: () => `${place}/transfer/view`,
  version: () => view.version,
  take: (answer) => {
    view = answer;
    show();
  },
  refused: say,
});

news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open) && detail.work === "transfer";
  showBegun();
});
queue.addEventListener("refused", ({ detail }) => {
  say(detail.message, detail.lang);
  refresh();
});

function show() {
  showBegun();
  put(by("found"), view.found);
}

function showBegun() {
  by("begun").hidden = !view.begun;
  put(by("begun-text"), view.begun);
  by("go-on").hidden = rendering;
  by("left").textContent = rendering ? "" : view.left;
}

// The form.

/** All that it says, as an act takes it. */
const typed = () => {
  const { which, weights, seeds, prompts, home_mask: mask } = form.elements;
  const models = [...form.querySelectorAll("[name=model]:checked")].map((box) => box.value);
  return { which: which.value, weights: weights.value, seeds: seeds.value, prompts: prompts.value, models, home_mask: Boolean(mask?.checked) };
};

/** What was typed before the page was left, in this tab. */
function recall() {
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return;
  }
  if (!kept) return;
  const { which, weights, seeds, prompts, home_mask: mask } = form.elements;
  if (form.querySelector(`[name=which][value="${CSS.escape(kept.which)}"]`)) which.value = kept.which;
  [weights.value, seeds.value, prompts.value] = [kept.weights, kept.seeds, kept.prompts];
  for (const box of form.querySelectorAll("[name=model]")) box.checked = kept.models.includes(box.value);
  if (mask) mask.checked = kept.home_mask;
}

form.addEventListener("input", ({ target }) => {
  if (target.name === "weights") form.elements.which.value = "other";
  sessionStorage.setItem(KEPT, JSON.stringify(typed()));
});
const askCost = costForm({
  address: `${place}/transfer/cost`,
  typed,
  say,
  slow: (asked) => asked.models.length > 0, // a large model is read once
  begun: async (asked) => {
    await reach((await act({ act: "begin transfer", ...asked })).version);
    await render();
  },
});

const render = () => post(`${place}/render`, { work: "transfer" });

by("go-on").addEventListener("click", render);
by("give-up").addEventListener("click", async () => {
  say("");
  try {
    await reach((await act({ act: "cancel transfer" })).version);
  } catch {
    // The sentence is shown by "refused".
  }
});

recall();
show();
askCost();
scripted();
