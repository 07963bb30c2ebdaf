// The Tune page: the weight table, the rounds and the grid, in step with the project whoever changes it.

import { colour } from "./heat.js";
import { act, news, place, queue, unseen } from "./project.js";
import { post, Refused, sayIn } from "./server.js";
import { follow } from "./view.js";
import "./job-progress.js";
import "./picture-grid.js";
import "./weight-table.js";
import { showHistory } from "./tune-history.js";
import { scripted } from "./scripted.js";

const table = document.querySelector("weight-table");
const grid = document.querySelector("picture-grid");
const twin = document.getElementById("twin");
const problem = document.getElementById("problem");
const roundForm = document.getElementById("plan");
const said = document.getElementById("said");
const words = document.getElementById("words").dataset;

let view = JSON.parse(document.getElementById("view").textContent);
let sequence = view.sequence;

// What the project says.

const { refresh, reach } = follow({
  address: () => `${place}/tune/view`,
  version: () => view.version,
  take: (answer) => {
    view = answer;
    show();
  },
});

queue.addEventListener("pending", showMarks);
queue.addEventListener("refused", ({ detail }) => {
  say(detail.message, detail.lang);
  refresh();
});

function say(sentence, lang) {
  sayIn(problem, sentence, lang);
}

function show() {
  sequence = Math.max(sequence, view.sequence);
  if (!unseen(view.version).some((each) => each.act.startsWith("set") || each.act.endsWith("fix"))) showTable();
  const open = view.round !== null;
  document.getElementById("round").hidden = !open;
  document.getElementById("no-round").hidden = open || complete();
  document.getElementById("all-fixed").hidden = open || !complete();
  if (open) {
    grid.fixed = new Set(view.fixed);
    grid.show(view.grid, marks());
    const { pictures, finished } = view.cost;
    document.getElementById("go-on").hidden = finished === pictures || rendering;
    document.getElementById("round-title").textContent = `${view.round.kind} ${view.round.step}`;
  }
  for (const name of ["undo", "redo"]) {
    const button = document.getElementById(name);
    button.disabled = !view[name];
    button.title = view[name]?.text ?? "";
  }
  showCounts();
  showHistory(view);
  askCost();
}

const bad = new Map(); // block → the text that the server has refused there, and why

/** Whether nothing is left to decide: every block that the LoRA has is fixed. */
function complete() {
  return view.lora.blocks.every((block) => view.fixed.includes(block));
}

function showTable() {
  const reasons = {};
  const cells = view.cells.map((text, index) => {
    const block = blockAt(index);
    if (bad.get(block)?.text !== table.cells[index]) bad.delete(block);
    else reasons[block] = bad.get(block).why;
    return bad.get(block)?.text ?? text;
  });
  table.show(cells, reasons);
  const fixed = new Set(view.fixed);
  for (const box of table.fixes) box.checked = fixed.has(box.value);
  const untouched = document.activeElement !== twin || twin.value === twin.dataset.was;
  if (untouched && !twin.hasAttribute("aria-invalid")) twin.value = twin.dataset.was = view.weights.text;
}

function blockAt(index) {
  return table.fixes[index].value;
}

/** What was decided, with what the view cannot tell of yet. */
function marks() {
  const made = {};
  for (const each of view.round.variants) made[each.label] = each.choice;
  for (const each of unseen(view.version)) if (each.act === "decide" && each.round === view.round.number) made[each.variant] = each.choice;
  for (const label of Object.keys(made)) if (made[label] === "undecided") delete made[label];
  return made;
}

function showMarks() {
  if (!view.round) return;
  grid.mark(marks());
  showCounts();
}

function showCounts() {
  const next = document.getElementById("render").classList; // while a round is open, to decide it comes first
  next.toggle("primary", !view.round);
  if (!view.round) return;
  const made = Object.values(marks());
  const count = (choice) => made.filter((each) => each === choice).length;
  const left = view.round.variants.length - made.length;
  const text = words.counts.replace("{accepted}", count("accept")).replace("{rejected}", count("reject")).replace("{left}", left);
  document.getElementById("counts").textContent = text;
  const over = left === 0 || complete();
  document.getElementById("all-decided").hidden = !over;
  document.getElementById("all-decided").textContent = complete() ? words.allFixed : words.allDecided;
  document.getElementById("finish").classList.toggle("primary", over);
  next.toggle("primary", over);
  showChosen();
}

/** What the cell that is entered shows, below the grid. The measured effect is told after the decision, or always. */
function showChosen() {
  const column = grid.chosen;
  const decided = Boolean(marks()[column.label]) || effects.checked;
  const samples = column.block && decided ? view.effects[column.block]?.diff : null;
  const parts = [grid.title(column)];
  if (samples?.length) {
    const mean = samples.reduce((sum, each) => sum + each, 0) / samples.length;
    parts.push(words.effect.replace("{number}", mean.toFixed(1)).replace("{count}", samples.length));
  }
  const suggested = column.block && decided ? view.suggestions[column.block]?.[0] : null;
  if (suggested) parts.push(words.suggested.replace("{verdict}", words[suggested]));
  document.getElementById("chosen").textContent = parts.join(" · ");
}

// The weight table.

table.addEventListener("weights", () => {
  say("");
  const cells = {};
  table.cells.forEach((text, index) => {
    if (text !== view.cells[index] && text !== bad.get(blockAt(index))?.text) cells[blockAt(index)] = text;
  });
  if (Object.keys(cells).length) act({ act: "set cells", cells }).catch((error) => blame(cells, error.message));
  const [now, before] = [table.fixed, view.fixed];
  const fix = now.filter((block) => !before.includes(block));
  const unfix = before.filter((block) => !now.includes(block));
  if (fix.length) act({ act: "fix", blocks: fix.join(",") });
  if (unfix.length) act({ act: "unfix", blocks: unfix.join(",") });
});

function blame(cells, why) {
  for (const [block, text] of Object.entries(cells)) bad.set(block, { text, why });
  showTable();
}

table.addEventListener("weights-pasted", async ({ detail }) => {
  say("");
  const data = { text: detail.text, at: detail.at, cells: table.cells };
  try {
    const { weights } = await post(`${place}/tune/paste`, data);
    act({ act: "set weights", weights, fill: "" });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(error.message, error.lang);
  }
});

const readTwin = () => {
  if (twin.value === twin.dataset.was) return;
  say("");
  twin.removeAttribute("aria-invalid");
  twin.dataset.was = twin.value;
  act({ act: "set weights", weights: twin.value, fill: "" }).catch(() => twin.setAttribute("aria-invalid", "true"));
};
twin.addEventListener("change", readTwin);
twin.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), readTwin()));
for (const cell of document.querySelectorAll(".hint-row .heat")) colour(cell, cell.textContent);
for (const button of document.querySelectorAll("[data-hint]")) {
  button.addEventListener("click", () => act({ act: "set weights", weights: `${view.name}:${button.dataset.hint}`, fill: "" }));
}

// Rounds.

let rendering = false;

const asked = () => ({ kind: roundForm.elements.kind.value, step: roundForm.elements.step.value });

let costs = 0;
async function askCost() {
  const mine = ++costs;
  const { step } = roundForm.elements;
  const cost = document.getElementById("cost");
  document.getElementById("render").disabled = complete();
  if (complete()) {
    table.stepText = step.value;
    cost.textContent = "";
    return;
  }
  const response = await fetch(`${place}/tune/cost?${new URLSearchParams(asked())}`).catch(() => null);
  if (!response || mine !== costs) return;
  const answer = await response.json();
  table.stepText = step.value;
  cost.textContent = response.ok ? answer.text : answer.error;
  cost.lang = answer.lang ?? document.documentElement.lang;
  cost.classList.toggle("error", !response.ok);
  document.getElementById("render").disabled = !response.ok;
}

const render = () => post(`${place}/render`, { work: "round" });

roundForm.addEventListener("change", askCost);
roundForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  say("");
  try {
    await act({ act: "plan round", ...asked() });
  } catch {
    return;
  }
  await refresh();
  await render();
  // The pictures and the keys beside them, of which a low window shows one row only.
  document.getElementById("round").scrollIntoView({ block: "nearest" });
  grid.go(0, Math.min(2, view.grid.columns.length - 1));
});
document.getElementById("go-on").addEventListener("click", render);
document.getElementById("finish").addEventListener("click", () => act({ act: "finish round" }));
news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open);
  if (view.round) document.getElementById("go-on").hidden = rendering || view.cost.finished === view.cost.pictures;
});

// Decisions.

function decide(choice) {
  const { block, label } = grid.chosen;
  if (!block) return;
  const now = marks()[label];
  const next = now === choice ? "undecided" : choice;
  act({ act: "decide", round: view.round.number, variant: label, choice: next, sequence: ++sequence });
  said.textContent = `${grid.title(grid.chosen)}: ${words[next]}`;
  if (next !== "undecided") advance();
}

/** On to the next variant that nobody has decided, to the right and then from the left. */
function advance() {
  const made = marks();
  const { columns } = view.grid;
  for (let step = 1; step <= columns.length; step += 1) {
    const at = (grid.column + step) % columns.length;
    if (columns[at].block && !made[columns[at].label]) return grid.go(grid.row, at);
  }
  showChosen();
}

/** Take back the last step, or take it again, and go to the variant whose decision it was. */
async function turn(name) {
  const [before, { number } = {}] = [view.round ? marks() : {}, view.round ?? {}];
  try {
    await reach((await act({ act: name })).version);
  } catch {
    return; // the sentence is shown by "refused"
  }
  if (view.round?.number !== number || !grid.contains(document.activeElement)) return;
  const after = marks();
  const changed = view.grid.columns.filter(({ block, label }) => block && after[label] !== before[label]);
  // To accept a variant may take back what was accepted of its block before; that one comes back with the undo.
  const its = changed.find(({ label }) => Boolean(after[label]) === (name === "redo")) ?? changed[0];
  if (its) grid.go(grid.row, view.grid.columns.indexOf(its));
}

grid.addEventListener("moved", showChosen);

const ACTIONS = {
  Enter: () => decide("accept"),
  x: () => decide("reject"),
  u: () => turn("undo"),
  r: () => turn("redo"),
  "?": () => document.getElementById("keys").showModal(),
};

addEventListener("keydown", (event) => {
  if (event.altKey || event.isComposing) return;
  const modified = event.ctrlKey || event.metaKey;
  const typing = event.target.matches("input, textarea, select, dialog *");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (modified && !typing && (key === "z" || key === "y")) {
    event.preventDefault();
    turn(key === "y" || event.shiftKey ? "redo" : "undo");
    return;
  }
  if (modified || typing || document.querySelector("dialog[open]")) return;
  // Elsewhere on the page a button's own keys are the button's.
  const inside = grid.contains(event.target) || event.target === document.body || event.target.id === "main";
  if (key === "?" || key === "u" || (inside && view.round && key in ACTIONS)) {
    event.preventDefault();
    ACTIONS[key]();
  } else if (inside && view.round && grid.pressed(event)) {
    event.preventDefault();
  }
});
addEventListener("keyup", (event) => event.key === " " && grid.current && grid.flip(false));
addEventListener("blur", () => grid.current && grid.flip(false));

for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => act({ act: button.dataset.act }));
}
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => {
    const { key } = button.dataset;
    if (key in ACTIONS) ACTIONS[key]();
    else grid.pressed(new KeyboardEvent("keydown", { key }));
  });
}

for (const hold of document.querySelectorAll("[data-hold]")) { // for fingers
  hold.addEventListener("pointerdown", () => grid.flip(true));
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) hold.addEventListener(name, () => grid.flip(false));
}

const size = document.getElementById("size");
size.value = localStorage.getItem("blockweight:cell") ?? size.value;
const resize = () => {
  grid.width = Number(size.value);
  localStorage.setItem("blockweight:cell", size.value);
};
size.addEventListener("input", resize);
const effects = document.getElementById("effects");
effects.checked = localStorage.getItem("blockweight:effects") === "true";
effects.addEventListener("change", () => {
  localStorage.setItem("blockweight:effects", effects.checked);
  showChosen();
});

resize();
show();
scripted();
if (view.round && document.activeElement === document.body) grid.current.focus({ preventScroll: true });
