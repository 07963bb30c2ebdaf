// The Compare page: the grid, the wipe, and blind votes, in step with the project whoever changes it.

import { act, news, pending, place, queue } from "./project.js";
import { post } from "./server.js";
import { follow } from "./view.js";
import { complain, onBegin } from "./compare-plan.js";
import { openWipe } from "./compare-wipe.js";
import { showResults } from "./compare-results.js";
import { scripted } from "./scripted.js";
import "./job-progress.js";
import "./picture-grid.js";

const grid = document.querySelector("picture-grid");
const words = document.getElementById("words").dataset;
const part = (id) => document.getElementById(id);

let view = JSON.parse(part("view").textContent);
let wanted = Number(new URLSearchParams(location.search).get("number")) || null;
let rendering = false;
let first = null; // the place that was called best while the worst is asked for

// What the project says.

const { refresh } = follow({
  address: () => `${place}/compare/view${wanted ? `?number=${wanted}` : ""}`,
  version: () => view.version,
  take: (answer) => {
    view = answer;
    show();
  },
});

news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open);
  showButtons();
});
queue.addEventListener("pending", () => view.comparison && showVotes());
queue.addEventListener("refused", ({ detail }) => {
  complain(detail.message, detail.lang);
  part("new").open = true;
  refresh();
});

function show() {
  const { comparison } = view;
  part("none").hidden = comparison !== null;
  part("comparison").hidden = comparison === null;
  part("results").hidden = !comparison?.blind || comparison.hidden;
  if (comparison === null) return;
  const { variants, scenes } = { variants: comparison.variants.length, scenes: comparison.grid.scenes.length };
  const text = comparison.hidden ? words.blind : words.open;
  part("title").textContent = text.replace("{variants}", variants).replace("{scenes}", scenes);
  showOthers();
  showReference();
  grid.show(comparison.grid);
  showButtons();
  showVotes();
  if (comparison.tally?.counts) {
    const names = new Map(comparison.grid.columns.map((column) => [column.label, grid.title(column)]));
    showResults(comparison.tally, names, words);
  }
  showChosen();
}

function showButtons() {
  if (!view.comparison) return;
  const { pictures, finished } = view.comparison.cost;
  const latest = view.comparisons[0]?.number === view.comparison.number;
  part("go-on").hidden = !latest || rendering || finished === pictures;
  part("vote-blind").hidden = view.comparison.hidden || view.comparison.variants.length > 9;
}

function showOthers() {
  part("others-line").hidden = view.comparisons.length < 2;
  part("others").replaceChildren(
    ...view.comparisons.map((each) => {
      const time = new Date(each.time).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
      const option = new Option(`${time} · ${each.labels.map((label) => (label === "no LoRA" ? words.without : label)).join(", ")}`, each.number);
      option.selected = each.number === view.comparison.number;
      return option;
    }),
  );
}

part("others").addEventListener("change", ({ target }) => {
  wanted = Number(target.value);
  first = null;
  history.replaceState(null, "", `?number=${wanted}`);
  refresh();
});

/** The column that the others are compared with: the person's choice, else the current weights, else the first. */
function showReference() {
  const { number, hidden, grid: shown } = view.comparison;
  const select = part("reference");
  part("reference-line").hidden = hidden;
  const shape = `${number} ${hidden}`;
  if (select.dataset.of !== shape) {
    select.dataset.of = shape;
    select.replaceChildren(...shown.columns.map((column, at) => new Option(grid.title(column), at)));
    const current = shown.columns.findIndex((column) => column.kind === "current");
    select.value = String(hidden ? 0 : Math.max(0, current));
  }
  grid.reference = Number(select.value);
}

part("reference").addEventListener("change", () => {
  showReference();
  grid.compare(grid.difference);
});

function showChosen() {
  const { chosen } = grid;
  const label = view.comparison.hidden ? words.place.replace("{number}", chosen.label) : grid.title(chosen);
  const variant = view.comparison.hidden ? null : view.comparison.variants[grid.column];
  part("chosen").textContent = [label, variant?.text].filter(Boolean).join(" · ");
  part("chosen").title = variant?.text ?? "";
  showAsks();
}

grid.addEventListener("moved", () => {
  if (first && first.row !== grid.row + 1) first = null;
  showChosen();
});

// Planning and rendering.

const render = () => post(`${place}/render`, { work: "comparison" });

async function begin(data) {
  complain("");
  try {
    await act(data);
  } catch {
    return;
  }
  wanted = null;
  history.replaceState(null, "", location.pathname);
  await refresh();
  part("new").open = false;
  if (view.comparison.cost.finished < view.comparison.cost.pictures) await render();
  grid.go(0, 0);
}

onBegin((asked) => begin({ act: "compare", ...asked }));
part("go-on").addEventListener("click", render);
part("vote-blind").addEventListener("click", () => begin({ act: "compare again", comparison: view.comparison.number, blind: true }));

// Votes.

/** The votes that stand, by row from 1, with what the server has not answered yet. */
function votes() {
  const { number } = view.comparison;
  const made = new Map(view.comparison.votes.map((vote) => [vote.row, vote]));
  for (const each of pending()) if (each.act === "vote" && each.comparison === number) made.set(each.row, each);
  return made;
}

function showVotes() {
  const { hidden, grid: shown } = view.comparison;
  part("vote-bar").hidden = !hidden;
  const made = votes();
  grid.cells.forEach((cells, y) => {
    const vote = made.get(y + 1);
    cells.forEach((cell, x) => {
      const said = vote?.best === x + 1 ? "best" : vote?.worst === x + 1 ? "worst" : "";
      cell.dataset.vote = said;
      grid.name(cell);
      if (said) cell.ariaLabel = `${cell.ariaLabel}, ${words[said]}`;
    });
    cells[0].parentElement.classList.toggle("voted", Boolean(vote));
    cells[0].parentElement.classList.toggle("same", vote?.best === null);
  });
  if (!hidden) return;
  part("voted").textContent = words.voted.replace("{voted}", made.size).replace("{rows}", shown.scenes.length);
  part("undo-vote").disabled = !view.comparison.undo && !made.size;
  part("reveal").disabled = !made.size;
  part("ask-worst-line").hidden = shown.columns.length < 3;
  showAsks();
}

function showAsks() {
  if (!view.comparison?.hidden) return;
  const { columns } = view.comparison.grid;
  part("asks").textContent = (first ? words.asksWorst : words.asksBest).replace("{row}", grid.row + 1);
  if (part("places").children.length !== columns.length) {
    part("places").replaceChildren(
      ...columns.map((column, at) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "button small";
        button.appendChild(document.createElement("kbd")).textContent = column.label;
        button.setAttribute("aria-label", words.place.replace("{number}", column.label));
        button.addEventListener("click", () => pick(at + 1));
        return button;
      }),
    );
  }
  const vote = votes().get(grid.row + 1);
  const whole = view.comparison.grid.ready[grid.row].every(Boolean);
  for (const button of [...part("places").children, part("same")]) button.disabled = !whole;
  [...part("places").children].forEach((button, at) => {
    button.dataset.vote = first?.best === at + 1 || (!first && vote?.best === at + 1) ? "best" : !first && vote?.worst === at + 1 ? "worst" : "";
    button.setAttribute("aria-pressed", String(button.dataset.vote === "best"));
  });
}

/** A picture of the row was chosen by its place, or none (0). */
function pick(chosen) {
  const { number, hidden, grid: shown } = view.comparison;
  // Who has not seen all of a row cannot say which is the best.
  if (!hidden || chosen > shown.columns.length || !shown.ready[grid.row].every(Boolean)) return;
  const row = grid.row + 1;
  const worstToo = part("ask-worst").checked && shown.columns.length > 2;
  if (chosen && worstToo && !first) {
    first = { row, best: chosen };
    return showAsks();
  }
  if (first?.best === chosen) return; // the best is not the worst
  const best = first ? first.best : chosen || null;
  const worst = first ? chosen || null : null;
  first = null;
  act({ act: "vote", comparison: number, row, best, worst });
  const told = best === null ? words.same : `${words.best} ${best}${worst === null ? "" : `, ${words.worst} ${worst}`}`;
  part("said").textContent = told;
  advance();
}

/** On to the next row that nobody has voted on, below and then from above. */
function advance() {
  const made = votes();
  const rows = view.comparison.grid.scenes.length;
  for (let step = 1; step < rows; step += 1) {
    const at = (grid.row + step) % rows;
    if (!made.has(at + 1)) return grid.go(at, grid.column);
  }
  showAsks();
}

function undoVote() {
  if (first) {
    first = null;
    return showAsks();
  }
  if (view.comparison?.hidden && !part("undo-vote").disabled) act({ act: "undo vote", comparison: view.comparison.number });
}

part("same").addEventListener("click", () => pick(0));
part("undo-vote").addEventListener("click", undoVote);
part("reveal").addEventListener("click", () => act({ act: "reveal", comparison: view.comparison.number }));
part("ask-worst").checked = localStorage.getItem("blockweight:worst") === "true";
part("ask-worst").addEventListener("change", ({ target }) => {
  localStorage.setItem("blockweight:worst", String(target.checked));
  first = null;
  showAsks();
});

// Keys.

const wipe = () => openWipe(grid, view.comparison.hidden, words);
const ACTIONS = { w: wipe, Enter: wipe, u: undoVote, "?": () => part("keys").showModal() };

addEventListener("keydown", (event) => {
  if (event.altKey || event.isComposing || !view.comparison) return;
  const modified = event.ctrlKey || event.metaKey;
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select, dialog *");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (typing || document.querySelector("dialog[open]")) return;
  if (modified) {
    if (key === "z" && view.comparison.hidden) {
      event.preventDefault();
      undoVote();
    }
    return;
  }
  // Elsewhere on the page a button's own keys are the button's.
  const inside = grid.contains(event.target) || event.target === document.body || event.target.id === "main";
  if (/^[0-9]$/.test(key) && view.comparison.hidden) pick(Number(key));
  else if (key === "?" || key === "u" || (inside && key in ACTIONS)) ACTIONS[key]();
  else if (!(inside && grid.pressed(event))) return;
  event.preventDefault();
});
addEventListener("keyup", (event) => event.key === " " && grid.current && grid.flip(false));
addEventListener("blur", () => grid.current && grid.flip(false));
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => {
    const { key } = button.dataset;
    if (key in ACTIONS) ACTIONS[key]();
    else grid.pressed(new KeyboardEvent("keydown", { key }));
  });
}

const size = part("size");
size.value = localStorage.getItem("blockweight:compare-cell") ?? size.value;
const resize = () => {
  grid.width = Number(size.value);
  localStorage.setItem("blockweight:compare-cell", size.value);
};
size.addEventListener("input", resize);

resize();
show();
scripted();
if (view.comparison && document.activeElement === document.body) grid.current.focus({ preventScroll: true });
