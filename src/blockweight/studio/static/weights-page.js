// The weights page: keeps the table, its text twin, the outputs and the address in step, with undo.

import { post, Refused, sayIn } from "./server.js";
import { scripted } from "./scripted.js";
import "./weight-table.js";

const form = document.getElementById("sheet");
const table = form.querySelector("weight-table");
const outputs = document.getElementById("outputs");
const problem = document.getElementById("problem");
const hints = document.getElementById("hints");
const { name, step, fill, lora, layout, weights: twin } = form.elements;

let latest = 0; // only the newest request's answer is shown
const past = [];
const future = [];
let now = null; // the state that undo goes back from

const state = () => ({ name: name.value, layout: table.layout, cells: table.cells, fixed: table.fixed });

/** Send what stands on the page, and show the answer if nothing newer has been asked since. */
async function ask(path, more = {}, blame = null) {
  const mine = ++latest;
  outputs.classList.add("stale");
  const data = { ...state(), lora: lora.value, step: step.value, fill: fill.value, ...more };
  try {
    const answer = await post(path, data, () => mine === latest);
    if (answer === null || mine !== latest) return null;
    show(answer);
    return answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (mine !== latest) return null;
    (blame ?? problem).setAttribute("aria-invalid", "true");
    say(error.message, error.lang);
    return null;
  } finally {
    if (mine === latest) outputs.classList.remove("stale");
  }
}

function say(sentence, lang) {
  sayIn(problem, sentence, lang);
}

function show(answer) {
  name.value = answer.name;
  if (answer.table) table.replace(answer.table);
  table.show(answer.cells, answer.bad);
  layout.value = answer.layout;
  if (document.activeElement !== twin || twin.value !== answer.text) twin.value = answer.text;
  twin.removeAttribute("aria-invalid");
  for (const field of [fill, layout, step]) field.removeAttribute("aria-invalid");
  outputs.innerHTML = answer.outputs; // made by the server's templates, which escape every value
  hints.replaceChildren(...answer.hints.map(({ text, lang }) => Object.assign(document.createElement("li"), { textContent: text, lang })));
  const [bad] = Object.entries(answer.bad);
  say(bad ? `${bad[0]}: ${bad[1]}` : "");
  if (!bad) keep();
}

/** Remember a good state for undo, and put it into the address, so that a reload or a bookmark brings it back. */
function keep() {
  const next = state();
  if (now && JSON.stringify(next) !== JSON.stringify(now)) {
    past.push(now);
    future.length = 0;
  }
  now = next;
  showHistory();
  const place = address();
  history.replaceState(null, "", place);
  document.querySelector(".switches [name=back]").value = place;
  const bake = document.getElementById("bake");
  if (bake) bake.href = `/bake?${new URLSearchParams({ lora: lora.value, weights: twin.value })}`;
}

function address() {
  const fields = { weights: twin.value, layout: table.layout, fixed: table.fixed.join(","), step: step.value };
  const said = { ...fields, fill: fill.value, lora: lora.value };
  return `/weights?${new URLSearchParams(Object.entries(said).filter(([, value]) => value))}`;
}

function showHistory() {
  document.getElementById("undo").disabled = !past.length;
  document.getElementById("redo").disabled = !future.length;
}

/** Go back or forth. The bookkeeping is done at once, so that keys may be pressed faster than the server answers. */
function travel(from, to) {
  const goal = from.pop();
  if (!goal) return;
  to.push(now);
  now = goal;
  showHistory();
  ask("/weights/cells", { ...goal, table: "anew" });
}

/** The twin follows the table at once; the server then says whether all of it are numbers. */
function tableChanged() {
  twin.value = `${name.value}:${table.cells.join(",")}`;
  ask("/weights/cells");
}

form.addEventListener("weights", tableChanged);
form.addEventListener("weights-pasted", (event) => ask("/weights/paste", event.detail));
form.addEventListener("submit", (event) => event.preventDefault());
name.addEventListener("change", tableChanged);
step.addEventListener("change", () => {
  table.stepText = step.value;
  ask("/weights/cells");
});
fill.addEventListener("change", () => twin.getAttribute("aria-invalid") && readTwin());
layout.addEventListener("change", async () => {
  const wanted = layout.value;
  if (!(await ask("/weights/layout", { to: wanted }, fill))) layout.value = table.layout;
});
lora.addEventListener("change", () => {
  const fields = { lora: lora.value, step: step.value, fill: fill.value, fixed: table.fixed.join(",") };
  if (past.length || location.search.includes("weights=")) fields.weights = twin.value;
  location.assign(`/weights?${new URLSearchParams(Object.entries(fields).filter(([, value]) => value))}`);
});

const readTwin = () => ask("/weights/read", { text: twin.value }, twin);
twin.addEventListener("change", readTwin);
twin.addEventListener("paste", () => setTimeout(readTwin));
twin.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    readTwin();
  }
});

for (const button of form.querySelectorAll("[data-all]")) {
  button.addEventListener("click", () => table.set({ cells: table.cells.map(() => button.dataset.all) }));
}
for (const button of form.querySelectorAll("[data-fix]")) {
  const all = button.dataset.fix === "true";
  button.addEventListener("click", () => table.set({ fixed: all ? table.fixes.map((box) => box.value) : [] }));
}
document.getElementById("undo").addEventListener("click", () => travel(past, future));
document.getElementById("redo").addEventListener("click", () => travel(future, past));
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const key = event.key.toLowerCase();
  const back = key === "z" && !event.shiftKey;
  if (!back && key !== "y" && key !== "z") return;
  // In a text that is being typed, undo is the browser's own.
  const field = event.target;
  const typing = field.matches("input:not([type=checkbox]), textarea") && !field.matches(".weight");
  if (typing || (field.matches(".weight") && field.value !== field.dataset.was)) return;
  event.preventDefault();
  if (back) travel(past, future);
  else travel(future, past);
});

scripted();
table.stepText = step.value;
now = state();
