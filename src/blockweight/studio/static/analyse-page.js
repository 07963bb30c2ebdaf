// The Analyse page: plan an analysis, watch it, look at every block, and apply what is suggested.

import { act, news, place, queue } from "./project.js";
import { post, sayIn } from "./server.js";
import { follow } from "./view.js";
import { showFigures } from "./analyse-figures.js";
import { wireKeys } from "./analyse-keys.js";
import { fill, nameOfMeasure, noteText, settles, showWhy, spoken, suggestionRows, tookText, words } from "./analyse-words.js";
import { wirePainting } from "./analyse-masks.js";
import { wirePlan } from "./analyse-plan.js";
import { scripted } from "./scripted.js";
import "./effect-chart.js";
import "./job-progress.js";
import "./picture-compare.js";

const KEPT = `blockweight:analyse:${place}`;
const by = (id) => document.getElementById(id);
const compare = document.querySelector("picture-compare");
const charts = [...document.querySelectorAll("effect-chart")];
const problem = by("problem");

let view = spoken(JSON.parse(by("view").textContent));
let rendering = false;
let started = false; // a task for it has been seen here
const chosen = { block: "", scene: 0, measure: "diff", ...recalled() };

function recalled() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

// What the project says.

const { refresh, reach } = follow({
  address: () => `${place}/analyse/view`,
  version: () => view.version,
  take: (answer) => {
    view = spoken(answer);
    show();
  },
  refused: say,
});

news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open);
  started ||= rendering || detail.work === "analysis"; // one that fails at once is never seen open
  showBegun();
  showActions();
});
queue.addEventListener("refused", ({ detail }) => {
  say(detail.message, detail.lang);
  refresh();
});

function say(sentence, lang) {
  sayIn(problem, sentence, lang);
}

/** One that is only planned, as in the demo, has nothing to show yet. */
function showBegun() {
  const { analysis } = view;
  const begun = analysis !== null && (started || analysis.cost.finished > 0 || analysis.number !== null);
  by("none").hidden = begun;
  by("result").hidden = !begun;
  by("none-mask").hidden = !analysis?.masks.length || analysis.stale;
  by("none-mask").textContent = fill(by("none-mask").dataset.text, { region: analysis?.region || words.region });
}

function show() {
  const { analysis } = view;
  showBegun();
  for (const name of ["undo", "redo"]) {
    by(name).disabled = !view[name];
    by(name).title = view[name]?.text ?? "";
  }
  if (analysis) {
    chosen.scene = Math.min(chosen.scene, analysis.scenes.length - 1);
    showMeasures();
    if (!analysis.blocks.some((each) => each.block === chosen.block)) chosen.block = strongest();
    showMethod();
    showActions();
    showAbout();
    showBlock();
    showRows();
    showFigures(analysis);
    by("unmask").hidden = !analysis.masks.length;
    by("no-mask").hidden = analysis.masks.length > 0;
    by("paint").textContent = analysis.masks.length ? words.repaint : words.paint;
    // A mask may also come from a file, where no picture shows what to paint.
    by("paint").disabled = whole() && !analysis.sources.some((source) => source.ready);
    by("place-title").textContent = analysis.masks.length && analysis.region ? fill(words.masked, { region: analysis.region }) : by("place-title").dataset.plain;
  }
  askCost();
}

/** Whether whole pictures of single blocks are rendered, which are looked at as they come. */
const whole = () => view.analysis?.method === "eba";

/** Other methods have figures instead, once they are complete. */
function showMethod() {
  const { analysis } = view;
  const told = whole() || analysis.measures.length > 0;
  const complete = analysis.number !== null;
  by("stage").hidden = !whole();
  by("result").classList.toggle("plain", !whole());
  by("legend").hidden = !whole();
  by("charts").hidden = !told;
  by("table").hidden = !told;
  charts[0].hidden = !told;
  by("measure").parentElement.hidden = !told;
  by("unfinished").hidden = whole() || complete;
  by("lost").hidden = !complete || !analysis.folder || analysis.figures.length > 0;
  by("table-lead").hidden = !whole();
  by("table-title").textContent = whole() ? words.suggestions : words.blocks;
  for (const head of document.querySelectorAll("th.suggested")) head.hidden = !whole();
}

/** The table; where a row's button had the focus, it has it again. */
function showRows() {
  const held = document.activeElement.closest("#rows tr")?.dataset.row;
  by("rows").replaceChildren(...suggestionRows(view, chosen, toggle));
  if (held) by("rows").querySelector(`[data-row="${CSS.escape(held)}"] button`)?.focus();
}

function strongest() {
  const of = (each) => Math.abs(each.effects[chosen.measure]?.mean ?? -1);
  return view.analysis.blocks.reduce((best, each) => (of(each) > of(best) ? each : best)).block;
}

function showMeasures() {
  const select = by("measure");
  const { measures } = view.analysis;
  const names = measures.map(nameOfMeasure);
  if (!measures.some((each) => each.name === chosen.measure)) chosen.measure = measures[0]?.name ?? "";
  if ([...select.options].map((option) => option.textContent).join() !== names.join()) {
    select.replaceChildren(...measures.map((each, at) => new Option(names[at], each.name)));
  }
  select.value = chosen.measure;
  by("measure-head").textContent = select.selectedOptions[0]?.textContent ?? "";
}

function showAbout() {
  const { analysis } = view;
  const [value, base] = analysis.range;
  const parts = [fill(words.title, { blocks: analysis.blocks.length, value, base })];
  const done = analysis.suggested_from;
  parts.push(...tookText(analysis));
  if (analysis.number === null && done) parts.push(fill(words.partial, { done, all: analysis.scenes.length }));
  by("about").textContent = parts.join(" · ");
  by("stale").hidden = !analysis.stale;
  by("note").textContent = noteText(analysis);
  by("note").hidden = !by("note").textContent;
  const count = (verdict) => analysis.blocks.filter((each) => each.verdict === verdict).length;
  const told = analysis.blocks.some((each) => each.verdict);
  by("counts").textContent = told ? fill(words.counts, { keep: count("keep"), drop: count("drop"), unknown: count("unknown") }) : "";
}

const settled = () => view.analysis.blocks.filter((each) => settles(each) && each.applied === null);

function showActions() {
  const { analysis } = view;
  if (!analysis) return;
  const complete = analysis.number !== null;
  by("go-on").hidden = complete || rendering;
  by("cancel").hidden = complete;
  const left = settled().length;
  by("apply-all").hidden = !complete || !left;
  by("apply-all").textContent = fill(words.applyAll, { count: left });
  by("to-tune").hidden = !complete || left > 0 || !whole();
  by("least").hidden = !complete || !analysis.masks.length || !whole();
  by("revoke-all").hidden = !analysis.blocks.some((each) => each.applied !== null);
}

// One block.

const found = () => view.analysis.blocks.find((each) => each.block === chosen.block);

/** All of a block in words, for who cannot see it. */
function nameOf(each) {
  const effect = each.effects[chosen.measure];
  const parts = [each.block, effect ? `${by("measure").selectedOptions[0].textContent} ${effect.text}` : words.waiting];
  if (each.verdict) parts.push(words[each.verdict]);
  if (each.applied !== null) parts.push(words.applied);
  return parts.join(", ");
}

function showCharts() {
  const { analysis } = view;
  const data = {
    layout: view.layout,
    present: view.present,
    blocks: analysis.blocks,
    measure: chosen.measure,
    chosen: chosen.block,
    typical: analysis.typical,
    name: (block) => nameOf(analysis.blocks.find((each) => each.block === block)),
  };
  for (const chart of charts) {
    if (chart.getAttribute("kind") === "scatter") chart.hidden = !analysis.masks.length || !whole();
    if (!chart.hidden) chart.show(data);
    if (chart.getAttribute("kind") === "scatter") by("place-lines").hidden = chart.hidden;
  }
}

function showBlock() {
  showCharts();
  keep();
  if (!whole()) return;
  const each = found();
  const { analysis } = view;
  const [value, base] = analysis.range;
  by("block-title").textContent = each.block;
  by("block-figures").textContent = figuresOf(each);
  const verdict = by("block-verdict");
  verdict.className = `verdict-${each.verdict ?? "none"}`;
  verdict.textContent = each.verdict ? words[each.verdict] : "";
  showWhy(by("block-why"), each, analysis.region);
  by("paint-here").hidden = each.ground?.kind !== "no mask";
  const one = by("apply-one");
  one.hidden = analysis.number === null || (!settles(each) && each.applied === null);
  one.textContent = each.applied === null ? words.apply : words.revoke;
  compare.show({ pair: each.pairs[chosen.scene], scene: analysis.scenes[chosen.scene], block: each.block, value, base });
  showScenes(each);
  preload();
}

function figuresOf(each) {
  const parts = [];
  const { diff, inside, outside } = each.effects;
  if (diff) parts.push(`${words.diff} ${diff.text}`);
  if (inside && outside) parts.push(`${words.inside} ${inside.text}, ${words.outside} ${outside.text} ${words.levels}`);
  if (!parts.length) parts.push(words.waiting);
  parts.push(fill(words.weight, { weight: view.weights[each.block] }) + (view.fixed.includes(each.block) ? `, ${words.fixed}` : ""));
  return parts.join(" · ");
}

function showScenes(each) {
  const { scenes } = view.analysis;
  const held = by("scenes").contains(document.activeElement);
  by("scenes").hidden = scenes.length < 2;
  by("scenes").replaceChildren(...scenes.map((scene, number) => sceneButton(scene, number, number === chosen.scene, picture(each.pairs[number]), () => goScene(number))));
  if (held) by("scenes").children[chosen.scene].focus();
}

const picture = (pair) => (pair.changed_ready ? pair.changed : pair.source_ready ? pair.source : null);

/** A button that chooses a scene, with its small picture. */
function sceneButton(scene, number, on, key, choose) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "scene", tabIndex: on ? 0 : -1 });
  button.setAttribute("role", "radio");
  button.setAttribute("aria-checked", String(on));
  const name = fill(words.scene, { number: number + 1, prompt: scene.prompt, seed: scene.seed });
  button.title = name;
  button.setAttribute("aria-label", name);
  if (key) {
    const image = button.appendChild(document.createElement("img"));
    image.alt = "";
    image.src = `${place}/thumbnails/96/${key}.jpg`;
  }
  const text = button.appendChild(document.createElement("span"));
  const label = text.appendChild(document.createElement("span"));
  label.className = "scene-label";
  label.textContent = scene.label;
  text.appendChild(document.createElement("small")).textContent = `${words.seed} ${scene.seed}`;
  button.addEventListener("click", choose);
  return button;
}

/** The neighbours' pictures are fetched before they are asked for. */
function preload() {
  clearTimeout(preload.waiting);
  preload.waiting = setTimeout(() => {
    const { blocks } = view.analysis;
    const at = blocks.indexOf(found());
    for (const near of [blocks[at + 1], blocks[at - 1]]) {
      const pair = near?.pairs[chosen.scene];
      if (!pair?.source_ready || !pair.changed_ready) continue;
      for (const path of [`pictures/${pair.changed}`, `differences/${pair.changed}/${pair.source}`]) new Image().src = `${place}/${path}.png`;
    }
  }, 120);
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify(chosen));
}

function goBlock(block) {
  if (!block || block === chosen.block) return;
  chosen.block = block;
  compare.flip(false);
  showBlock();
  for (const row of by("rows").children) row.classList.toggle("chosen", row.dataset.row === block);
}

function goScene(number) {
  const { scenes } = view.analysis;
  chosen.scene = (number + scenes.length) % scenes.length;
  showBlock();
}

const step = (by_) => {
  const { blocks } = view.analysis;
  const at = blocks.indexOf(found()) + by_;
  goBlock(blocks[Math.min(Math.max(at, 0), blocks.length - 1)].block);
};

for (const chart of charts) chart.addEventListener("choose", ({ detail }) => goBlock(detail));
by("measure").addEventListener("change", () => {
  chosen.measure = by("measure").value;
  show();
});

// Suggestions.

/** Apply what is suggested for a block, or take it back where that was done. */
async function toggle(block) {
  const each = view.analysis.blocks.find((other) => other.block === block);
  if (each.applied !== null) await perform({ act: "revoke", blocks: block });
  else if (view.analysis.number === null) return tell(words.ready);
  else if (settles(each)) await perform({ act: "apply", blocks: block, analysis: view.analysis.number });
  else return tell(each.applicable ? words.nothing : words.restApplied);
  const now = view.analysis.blocks.find((other) => other.block === block);
  tell(`${block}: ${now.applied === null ? words.revoke : words.applied}`);
}

const tell = (text) => (by("said").textContent = text);

async function perform(data) {
  say("");
  try {
    await reach((await act(data)).version);
  } catch {
    // The sentence is shown by "refused".
  }
}

by("apply-one").addEventListener("click", () => toggle(chosen.block));
by("apply-all").addEventListener("click", () => perform({ act: "apply", blocks: settled().map((each) => each.block).join(","), analysis: view.analysis.number }));
by("revoke-all").addEventListener("click", () => perform({ act: "revoke", blocks: view.analysis.blocks.filter((each) => each.applied !== null).map((each) => each.block).join(",") }));
for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => perform({ act: button.dataset.act }));

// Planning.

/** Ask for an analysis and begin to render it. */
async function run(asked) {
  say("");
  try {
    await reach((await act({ act: "plan analysis", masks: [], region: "", ...asked })).version);
    await post(`${place}/render`, { work: "analysis" });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(error.message, error.lang);
  }
}

by("go-on").addEventListener("click", () => post(`${place}/render`, { work: "analysis" }));
by("cancel").addEventListener("click", () => perform({ act: "cancel analysis" }));

/** The planned analysis once more, with other masks. */
const again = (masks, region) => {
  const { blocks, range, threshold, method, adaptive, aspects, aims, pairs, levels, part, scenes } = view.analysis;
  const same = { range: range.join(), threshold, method, adaptive, aspects: aspects.join(), aims: aims.join(), pairs, levels };
  return run({ ...same, blocks: blocks.map((each) => each.block).join(), ...(part ? { scenes: scenes.length } : {}), masks, region });
};
by("paint-here").addEventListener("click", () => by("paint").click());
by("unmask").addEventListener("click", () => again([], ""));
const askCost = wirePlan({ view: () => view, run });
wirePainting({ view: () => view, again, sceneButton });

wireKeys({
  actions: {
    Enter: () => whole() && toggle(chosen.block),
    u: () => perform({ act: "undo" }),
    r: () => perform({ act: "redo" }),
    "?": () => by("keys").showModal(),
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    ArrowUp: () => whole() && goScene(chosen.scene - 1),
    ArrowDown: () => whole() && goScene(chosen.scene + 1),
    " ": () => compare.flip(true),
    z: () => {
      compare.classList.toggle("large");
      by("stage").scrollIntoView({ block: compare.classList.contains("large") ? "start" : "nearest" });
    },
    "[": () => compare.wipeTo(compare.wipe - 5),
    "]": () => compare.wipeTo(compare.wipe + 5),
  },
  any: () => Boolean(view.analysis),
  released: () => compare.flip(false),
});

by("place-title").dataset.plain = by("place-title").textContent;
show();
scripted();
