// The Transfer page: ask for a transfer, say what it costs, render it, and show its table.

import { act, news, place, queue } from "./project.js";
import { answerOf, post, Refused, sayIn } from "./server.js";
import { follow } from "./view.js";
import "./job-progress.js";

const by = (id) => document.getElementById(id);
const form = by("plan");
const begin = by("begin");
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

const written = new Map(); // a part of the page → what stands in it

/** A part of the page as the server has written it; what has not changed keeps its focus. */
function put(element, text) {
  if (written.get(element) === text) return;
  written.set(element, text);
  element.innerHTML = text; // made by the server's templates, which escape every value
}

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

let asks = 0;
let cost = null; // the latest question, a promise of what was typed, or of null where it cannot be begun
let unknown = false; // nobody answered it

/** Say what it would cost, or what is wrong with it; the button waits for it where it is pressed before. */
function askCost() {
  cost = costOf(typed(), ++asks);
  return cost;
}

async function costOf(asked, mine) {
  begin.disabled = false; // Enter in a field does nothing while it is
  if (asked.models.length) tell(form.dataset.reading); // a large model takes seconds, once
  let answer = null;
  let failure = null;
  try {
    answer = await answerOf(`${place}/transfer/cost`, asked);
  } catch (error) {
    failure = error;
  }
  if (mine !== asks) return cost;
  const refused = failure instanceof Refused && failure.status < 500;
  unknown = Boolean(failure) && !refused;
  begin.disabled = refused;
  if (refused) tell(failure.message, { lang: failure.lang, wrong: true });
  else if (unknown) tell(form.dataset.unknown, { wrong: true });
  else tell(answer.text);
  showCommand(answer?.command ?? "");
  return failure ? null : asked;
}

/** The same from a terminal; nothing where that cannot be begun. */
function showCommand(command) {
  by("terminal").hidden = !command;
  by("terminal").querySelector("pre").textContent = command;
}

function tell(text, { lang, wrong = false } = {}) {
  sayIn(by("cost"), text, lang);
  by("cost").classList.toggle("error", wrong);
}

form.addEventListener("input", ({ target }) => {
  if (target.name === "weights") form.elements.which.value = "other";
  sessionStorage.setItem(KEPT, JSON.stringify(typed()));
});
form.addEventListener("change", () => {
  say("");
  askCost();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (begin.disabled || beginning) return;
  say("");
  beginning = true;
  try {
    const asked = await (unknown ? askCost() : cost);
    if (!asked) return;
    await reach((await act({ act: "begin transfer", ...asked })).version);
    await render();
    askCost();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(error.message, error.lang);
  } finally {
    beginning = false;
  }
});

let beginning = false;

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
document.documentElement.classList.add("scripted");
