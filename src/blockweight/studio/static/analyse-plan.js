// The form of the Analyse page: by which method, of which blocks, between which weights, and what it would cost and tell.

import { place } from "./project.js";
import { answerOf, Refused, sayIn } from "./server.js";
import { fill, words } from "./analyse-words.js";

const by = (id) => document.getElementById(id);

// What a method has no use for; an empty one is for the budget to choose.
const USELESS = {
  eba: ["levels"],
  probe: ["adaptive", "threshold", "aims"],
  sketch: ["adaptive", "threshold", "aspect", "aims", "pairs", "levels"],
  bisect: ["adaptive", "threshold", "pairs", "levels"],
  screen: ["adaptive", "threshold", "aspect", "pairs", "levels"],
  gradient: ["adaptive", "threshold", "aspect", "pairs", "levels"],
  "": [],
};

/** Make the form work: `run(asked)` asks for an analysis. Returns the function that asks for the cost anew. */
export function wirePlan({ view, run }) {
  const form = by("plan");
  const { value, base, method, adaptive, threshold, aims, pairs, levels, budget } = form.elements;
  const boxes = [...form.querySelectorAll("[name=block]")];
  const free = boxes.filter((box) => !box.disabled);
  const aspects = [...form.querySelectorAll("[name=aspect]")];
  const whole = (input, usual) => (input.disabled || !input.value ? usual : Number(input.value));

  /** All that the form says, as an act takes it. */
  function typed() {
    const { analysis } = view();
    const kept = analysis?.stale ? null : analysis; // masks fit the scenes that they were painted in
    return {
      blocks: free.filter((box) => box.checked).map((box) => box.value).join(),
      range: `${value.value},${base.value}`,
      method: method.value,
      adaptive: !adaptive.disabled && adaptive.value !== "",
      threshold: whole(threshold, Number(threshold.defaultValue)),
      aspects: aspects.filter((box) => box.checked && !box.disabled).map((box) => box.value).join(),
      aims: aims.disabled ? "" : aims.value,
      pairs: whole(pairs, 0),
      levels: whole(levels, 1),
      budget: budget.value,
      masks: kept?.masks ?? [],
      region: kept?.region ?? "",
    };
  }

  function showChosenBlocks() {
    const some = free.filter((box) => box.checked).length;
    by("chosen-count").textContent = some === free.length ? fill(words.all, { count: some }) : some ? fill(words.some, { some, count: free.length }) : words.none;
  }

  /** What goes with the method, and how much of the rest is set. */
  function showMethod() {
    const free = method.querySelector("[value='']");
    free.hidden = !budget.value.trim();
    if (free.hidden && method.value === "") method.value = "eba";
    const useless = USELESS[method.value];
    for (const input of [adaptive, threshold, ...aspects, aims, pairs, levels]) {
      input.disabled = useless.includes(input.name);
      input.closest("label").classList.toggle("useless", input.disabled);
    }
    const { aspects: also, ...asked } = typed();
    const set = [threshold.value !== "20" && !threshold.disabled, also, asked.aims, asked.pairs, asked.levels > 1, asked.budget].filter(Boolean).length;
    by("more-label").textContent = set ? fill(words.moreSet, { count: set }) : words.more;
  }

  let costs = 0;
  async function askCost() {
    const mine = ++costs;
    const asked = typed();
    by("run").disabled = !asked.blocks;
    if (!asked.blocks) return tell("", "");
    let answer = null;
    try {
      answer = await answerOf(`${place}/analyse/cost`, asked);
    } catch (error) {
      if (mine !== costs || !(error instanceof Refused)) return;
      by("run").disabled = true;
      return tell(error.message, "", { lang: error.lang, wrong: true });
    }
    if (mine !== costs) return;
    by("run").disabled = false;
    tell(answer.text + offered(asked, answer), answer.tells.text, { tells: answer.tells.lang });
  }

  /** What the budget comes to. */
  function offered(asked, { method: found, scenes, all_scenes: count }) {
    if (!asked.budget.trim()) return "";
    const name = asked.method ? "" : `: ${method.querySelector(`[value=${found}]`).textContent}`;
    return ` ${fill(scenes === count ? words.allScenes : words.firstScenes, { some: scenes, count })}${name}`;
  }

  function tell(cost, tells, { lang, tells: other, wrong = false } = {}) {
    sayIn(by("cost"), cost, lang);
    sayIn(by("tells"), tells, other);
    by("cost").classList.toggle("error", wrong);
  }

  form.addEventListener("change", ({ target }) => {
    if (target === budget && budget.value.trim() && method.value === "eba") method.value = "";
    showChosenBlocks();
    showMethod();
    if (target === method && method.value === "gradient" && !aims.value) {
      by("more").open = true;
      aims.focus();
    }
    askCost();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const input of [threshold, pairs, levels]) {
      if (input.disabled || input.checkValidity()) continue;
      by("more").open = true;
      input.reportValidity();
      return;
    }
    for (const panel of panels) panel.open = false;
    if (!by("run").disabled) run(typed());
  });
  for (const button of form.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => {
      for (const box of free) box.checked = { all: true, none: false, free: !view().fixed.includes(box.value) }[button.dataset.choose];
      form.dispatchEvent(new Event("change"));
    });
  }
  const panels = [by("choose"), by("more")];
  // Not as soon as the pointer is down: a page that grows shorter then may pull a button away from under it.
  addEventListener("click", (event) => {
    for (const panel of panels) if (!panel.contains(event.target)) panel.open = false;
  });
  for (const panel of panels) {
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      panel.open = false;
      panel.querySelector("summary").focus();
    });
  }
  showChosenBlocks();
  showMethod();
  return askCost;
}
