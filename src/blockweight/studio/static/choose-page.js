// The page of choices: a round of pictures, judged by key or click; what all choices have come to; a plane to pick from.

import { costForm, put } from "./cost-form.js";
import { act, news, place, queue } from "./project.js";
import { typedWeights, wireWeights } from "./search-weights.js";
import { post, sayIn } from "./server.js";
import { follow } from "./view.js";
import { scripted } from "./scripted.js";
import "./job-progress.js";

const by = (id) => document.getElementById(id);
const form = by("plan");
const words = by("words").dataset;

let view = JSON.parse(by("view").textContent);
let rendering = false;
let said = { best: "", worst: "" }; // of the round that is shown, before it is sent
let sending = false;

const say = (sentence, lang) => sayIn(by("problem"), sentence, lang);

const { refresh, reach } = follow({
  address: () => `${place}/search/choose/view`,
  version: () => view.version,
  take: (answer) => {
    if (answer.round?.number !== view.round?.number || answer.round?.kind !== view.round?.kind) said = { best: "", worst: "" };
    view = answer;
    show();
  },
  refused: say,
});

news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open) && detail.work === "choices";
  show();
});
queue.addEventListener("refused", ({ detail }) => {
  say(detail.message, detail.lang);
  by("new").open = true;
  refresh();
});

const ready = () => view.round.ready.every((row) => row.every(Boolean));
const render = () => post(`${place}/render`, { work: "choices" });

function show() {
  const { round } = view;
  by("choices").hidden = !round;
  by("new-title").textContent = round ? words.anew : words.begin;
  put(by("stands"), view.stands);
  by("left").textContent = round && !rendering && !ready() ? view.left : "";
  if (!round) return;
  const plane = round.kind === "plane";
  by("round").textContent = words.round.replace("{number}", round.number);
  by("kind").textContent = plane ? words.four : words.plane;
  by("go-on").hidden = rendering || ready();
  by("undo").disabled = !view.undo;
  by("same").disabled = !ready() || sending;
  by("next").hidden = plane;
  by("next").disabled = !said.best || !ready() || sending;
  by("keys").hidden = plane;
  showAsks(plane);
  showPictures(round, plane);
}

function showAsks(plane) {
  const { best, worst } = said;
  const told = !best ? (plane ? words.asksPlane : words.asks) : worst ? words.saidBoth : words.said;
  by("asks").textContent = ready() ? told.replace("{best}", best).replace("{worst}", worst) : words.wait;
}

let drawn = ""; // the round whose pictures stand on the page

function showPictures(round, plane) {
  const all = by("pictures");
  const key = JSON.stringify([round.choosing, round.number, round.kind, round.keys, round.ready]);
  if (key !== drawn) {
    const focus = document.activeElement?.closest?.(".choice")?.dataset.name;
    drawn = key;
    all.classList.toggle("plane", plane);
    all.replaceChildren(...round.names.map((name, at) => choice(round, name, at, plane)));
    if (focus) all.querySelector(`[data-name="${focus}"] .choice-pick`)?.focus({ preventScroll: true });
  }
  for (const each of all.children) {
    const { name } = each.dataset;
    each.dataset.said = name === said.best ? "best" : name === said.worst ? "worst" : "";
    each.querySelector(".choice-pick").setAttribute("aria-pressed", String(name === said.best));
    each.querySelector(".choice-worst")?.setAttribute("aria-pressed", String(name === said.worst));
    for (const button of each.querySelectorAll("button")) button.disabled = !ready() || sending;
  }
}

/** A picture of the round, one below the other in several scenes, with what is said of it. */
function choice(round, name, at, plane) {
  const made = document.createElement("div");
  made.className = "choice";
  made.dataset.name = name;
  const pick = made.appendChild(button("choice-pick", words.pick.replace("{name}", name)));
  for (const [row, keys] of round.keys.entries()) {
    if (!round.ready[row][at]) {
      const wait = pick.appendChild(document.createElement("span"));
      wait.className = "choice-wait";
      wait.style.aspectRatio = `${round.width} / ${round.height}`;
      wait.textContent = "…";
      continue;
    }
    const picture = pick.appendChild(document.createElement("img"));
    picture.src = `${place}/thumbnails/${plane ? 384 : 768}/${keys[at]}.jpg`;
    picture.width = round.width;
    picture.height = round.height;
    picture.style.height = "auto";
    picture.alt = "";
  }
  pick.addEventListener("click", ({ shiftKey }) => (shiftKey && !plane ? worst(name) : best(name)));
  if (!plane) {
    const label = document.createElement("span");
    label.className = "choice-name";
    label.textContent = `${at + 1} · ${name}`;
    pick.append(label);
    const least = made.appendChild(button("button small choice-worst", words.worst.replace("{name}", name)));
    least.textContent = words.worstShort;
    least.addEventListener("click", () => worst(name));
  }
  return made;
}

function button(classes, label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = classes;
  made.setAttribute("aria-label", label);
  return made;
}

function best(name) {
  if (!ready() || sending) return;
  if (view.round.kind === "plane") return judge(name, "");
  said = { best: said.best === name ? "" : name, worst: said.worst === name ? "" : said.worst };
  show();
}

function worst(name) {
  if (!ready() || sending) return;
  said = { best: said.best === name ? "" : said.best, worst: said.worst === name ? "" : name };
  show();
}

/** Send a judgement, and have the next round rendered. */
async function judge(chosen, least) {
  await change({ act: "judge", round: view.round.number, best: chosen, worst: least });
}

let doing = null; // the act at work, a promise of its end

/** Do an act, show what it led to, and have what that lacks rendered; nothing while another one is at work. */
function change(data) {
  if (!sending) doing = perform(data);
  return doing;
}

async function perform(data) {
  sending = true;
  say("");
  show();
  try {
    await reach((await act(data)).version);
    if (view.round && !ready()) await render();
  } catch {
    // The sentence is shown by "refused".
  } finally {
    sending = false;
    show();
  }
}

const next = () => said.best && ready() && judge(said.best, said.worst);
const same = () => ready() && judge("", "");

/** Take the latest step back, also where that is asked for before the step has ended. */
async function undo() {
  while (sending) await doing;
  if (view.undo) await change({ act: "undo" });
}

by("next").addEventListener("click", next);
by("same").addEventListener("click", same);
by("undo").addEventListener("click", undo);
by("go-on").addEventListener("click", render);
by("kind").addEventListener("click", () => change({ act: "show plane", plane: view.round.kind !== "plane" }));
by("end").addEventListener("click", async () => {
  await post(`${place}/stop`, {});
  await change({ act: "end choosing" });
  by("new").open = true;
});
by("stands").addEventListener("click", async ({ target }) => {
  if (target.id !== "take") return;
  say("");
  try {
    await act({ act: "take preferred" });
    location.assign(`${place}/tune`);
  } catch {
    // The sentence is shown by "refused".
  }
});

addEventListener("keydown", (event) => {
  if (event.altKey || event.isComposing || !view.round) return;
  if (event.target.matches("input, textarea, select, summary")) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key.toLowerCase() !== "z" || event.shiftKey) return;
    event.preventDefault();
    return undo();
  }
  const elsewhere = event.target.matches("a, button") && !event.target.closest(".choice");
  const digit = /^Digit([0-9])$/.exec(event.code)?.[1] ?? /^Numpad([0-9])$/.exec(event.code)?.[1];
  const few = view.round.kind !== "plane";
  if (digit === "0") same();
  else if (few && digit && digit <= view.round.names.length) (event.shiftKey ? worst : best)(view.round.names[digit - 1]);
  else if (few && event.key === "Enter" && !elsewhere) next();
  else if (few && event.key === " " && !elsewhere && !event.target.closest(".choice")) same();
  else return;
  event.preventDefault();
});

// The form.

const typed = () => {
  const { segments, seed } = form.elements;
  const scenes = [...form.querySelectorAll("[name=scene]:checked")].map((box) => Number(box.value));
  return { segments: segments.value, ...typedWeights(form), seed: seed.value, scenes };
};

const askCost = costForm({
  address: `${place}/search/choose/cost`,
  typed,
  say,
  begun: async (asked) => {
    await reach((await act({ act: "begin choosing", ...asked })).version);
    by("new").open = false;
    by("round").focus();
    await render();
  },
});

wireWeights(form);
show();
askCost();
scripted();
