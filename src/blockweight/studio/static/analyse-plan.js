// The form of the Analyse page: which blocks, which weights, and what it would cost.

import { place } from "./project.js";
import { fill, words } from "./analyse-words.js";

const by = (id) => document.getElementById(id);

/** Make the form work: `run(asked)` asks for an analysis. Returns the function that asks for the cost anew. */
export function wirePlan({ view, run }) {
  const form = by("plan");
  const boxes = [...form.querySelectorAll("[name=block]")];
  const free = boxes.filter((box) => !box.disabled);
  const typed = () => ({ blocks: free.filter((box) => box.checked).map((box) => box.value).join(","), range: `${form.elements.value.value},${form.elements.base.value}` });

  function showChosenBlocks() {
    const some = free.filter((box) => box.checked).length;
    by("chosen-count").textContent = some === free.length ? fill(words.all, { count: some }) : some ? fill(words.some, { some, count: free.length }) : words.none;
  }

  let costs = 0;
  async function askCost() {
    const mine = ++costs;
    const { blocks, range } = typed();
    const cost = by("cost");
    by("run").disabled = !blocks;
    if (!blocks) return (cost.textContent = "");
    const response = await fetch(`${place}/analyse/cost?${new URLSearchParams({ blocks, weights: range })}`).catch(() => null);
    if (!response || mine !== costs) return;
    const answer = await response.json();
    if (mine !== costs) return;
    cost.textContent = response.ok ? answer.text : answer.error;
    cost.lang = answer.lang ?? document.documentElement.lang;
    cost.classList.toggle("error", !response.ok);
    by("run").disabled = !response.ok;
  }

  form.addEventListener("change", () => {
    showChosenBlocks();
    askCost();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { threshold } = form.elements;
    if (!threshold.reportValidity()) return;
    by("choose").open = false;
    const kept = view().analysis?.stale ? null : view().analysis; // masks fit the scenes that they were painted in
    run({ ...typed(), threshold: threshold.valueAsNumber, masks: kept?.masks ?? [], region: kept?.region ?? "" });
  });
  for (const button of form.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => {
      for (const box of free) box.checked = { all: true, none: false, free: !view().fixed.includes(box.value) }[button.dataset.choose];
      form.dispatchEvent(new Event("change"));
    });
  }
  addEventListener("pointerdown", (event) => {
    if (!by("choose").contains(event.target)) by("choose").open = false;
  });
  by("choose").addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    by("choose").open = false;
    by("choose").querySelector("summary").focus();
  });
  showChosenBlocks();
  return askCost;
}
