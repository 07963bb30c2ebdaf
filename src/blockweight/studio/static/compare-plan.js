// The form that plans a comparison: a list of variants, the scenes, and what it all costs.

import { place } from "./project.js";
import { post, Refused, sayIn } from "./server.js";

const form = document.getElementById("plan");
const list = document.getElementById("variants");
const typed = document.getElementById("typed");
const problem = document.getElementById("problem");
const cost = document.getElementById("cost");
const begin = document.getElementById("begin");
const words = document.getElementById("words").dataset;
const KEPT = `blockweight:compare:${place}`;

let texts = recalled();

/** What is asked for, as the server takes it. */
export const asked = () => ({
  variants: texts,
  scenes: [...form.querySelectorAll("[name=scene]:checked")].map((box) => Number(box.value)),
  fill: form.elements.fill.value,
  blind: form.elements.blind.checked,
});

/** Call `begun` with what is asked for, once the person wants it rendered. */
export function onBegin(begun) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!begin.disabled) begun(asked());
  });
}

export function complain(sentence, lang) {
  sayIn(problem, sentence, lang);
}

function recalled() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT));
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string") : [];
  } catch {
    return [];
  }
}

function add(lines) {
  const wanted = lines.map((line) => line.trim()).filter((line) => line && !texts.includes(line));
  if (wanted.length) change([...texts, ...wanted]);
}

function change(next) {
  texts = next;
  sessionStorage.setItem(KEPT, JSON.stringify(texts));
  ask();
}

let asks = 0;

/** Show the list as the server reads it. */
async function ask() {
  const mine = ++asks;
  document.getElementById("no-variants").hidden = texts.length > 0;
  begin.disabled = true;
  if (!texts.length) {
    list.replaceChildren();
    cost.textContent = "";
    complain("");
    return;
  }
  const data = asked();
  let answer;
  try {
    answer = await post(`${place}/compare/preview`, data, () => mine === asks);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    complain(error.message, error.lang);
    return;
  }
  if (answer === null || mine !== asks) return;
  list.replaceChildren(...answer.variants.map(line));
  cost.textContent = data.scenes.length ? answer.text : "";
  const waits = texts.length < 2;
  complain(waits || answer.variants.some((each) => each.error) ? "" : answer.error, answer.lang);
  begin.disabled = answer.cost === null || !data.scenes.length;
}

function line(variant, index) {
  const item = document.createElement("li");
  const name = item.appendChild(document.createElement("span"));
  name.className = "variant-name";
  name.textContent = shown(texts[index], variant.label);
  if (variant.error) {
    const why = item.appendChild(document.createElement("span"));
    why.className = "error";
    sayIn(why, variant.error, variant.lang);
  } else {
    item.append(strip(variant.cells));
  }
  const remove = item.appendChild(document.createElement("button"));
  remove.type = "button";
  remove.className = "button small";
  remove.textContent = "×";
  remove.setAttribute("aria-label", words.remove.replace("{name}", name.textContent));
  remove.addEventListener("click", () => {
    change(texts.filter((_, at) => at !== index));
    (list.querySelectorAll("button")[index] ?? document.getElementById("add")).focus();
  });
  return item;
}

function shown(text, label) {
  if (text === "no LoRA") return words.without;
  return text === "current" ? `${words.current} (${label})` : label || text;
}

/** The weights as a strip of heat, one field a block. */
function strip(cells) {
  const made = document.createElement("span");
  made.className = "heat-strip";
  made.setAttribute("aria-hidden", "true");
  for (const cell of cells ?? []) {
    const field = made.appendChild(document.createElement("i"));
    const value = Number(cell);
    field.dataset.heat = value < 0 ? "below" : value > 1 ? "beyond" : "between";
    const share = value < 0 ? -value : value > 1 ? value - 1 : value;
    field.style.setProperty("--heat", `${Math.min(100, Math.round(share * 100))}%`);
    field.title = cell;
  }
  return made;
}

document.getElementById("add").addEventListener("change", ({ target }) => {
  if (target.value) add([target.value]);
  target.value = "";
});
document.getElementById("usual").addEventListener("click", ({ target }) => {
  add(target.dataset.variants.split("\n"));
  document.getElementById("add").focus();
});
const addTyped = () => {
  add(typed.value.split("\n"));
  typed.value = "";
};
document.getElementById("add-typed").addEventListener("click", addTyped);
typed.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  addTyped();
});
form.addEventListener("change", ({ target }) => target.id !== "add" && target.id !== "typed" && ask());
for (const button of document.querySelectorAll("[data-scenes]")) {
  button.addEventListener("click", () => {
    for (const box of form.querySelectorAll("[name=scene]")) box.checked = Boolean(button.dataset.scenes);
    ask();
  });
}

ask();
