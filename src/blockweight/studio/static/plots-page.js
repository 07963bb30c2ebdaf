// The page of plots: what is put together and what it costs, rendering it, and the plots that there are.

import { act, news, place, queue } from "./project.js";
import { post, Refused, sayIn } from "./server.js";
import { follow } from "./view.js";
import { builder, SLOTS } from "./plots-builder.js";
import { showRead } from "./plots-chips.js";
import { scripted } from "./scripted.js";
import "./plots-drag.js";
import "./job-progress.js";

const by = (id) => document.getElementById(id);
const words = by("words").dataset;
const form = by("plan");
const begin = by("begin");
const frame = by("frame");
const PAUSE = 250; // milliseconds after the last key, before the server is asked

let view = JSON.parse(by("view").textContent);
let wanted = Number(new URLSearchParams(location.search).get("number")) || null;
let rendering = false;

const say = (sentence, lang) => sayIn(by("problem"), sentence, lang);

// What the project says.

const { refresh, reach } = follow({
  address: () => `${place}/compare/plots/view${wanted ? `?number=${wanted}` : ""}`,
  version: () => view.version,
  take: (answer) => {
    view = answer;
    show();
  },
  refused: say,
});

news.addEventListener("news", ({ detail }) => detail.rendered.length && tell(detail.rendered));
news.addEventListener("task", ({ detail }) => {
  rendering = Boolean(detail.open) && detail.work === "plot";
  showButtons();
});
queue.addEventListener("refused", ({ detail }) => {
  say(detail.message, detail.lang);
  by("new").open = true;
  refresh();
});

/** Tell the plot's own page which pictures have come; all of them for none. */
const tell = (finished) => frame.contentWindow?.postMessage({ finished }, location.origin);

function show() {
  const { shown } = view;
  by("none").hidden = shown !== null;
  by("shown").hidden = shown === null;
  if (!shown) return;
  by("plot-title").textContent = nameOf(shown);
  by("shape").textContent = shapeOf(shown.shape);
  by("others-line").hidden = view.plots.length < 2;
  by("others").replaceChildren(
    ...view.plots.map((plot) => {
      const time = new Date(plot.time).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
      const option = new Option(`${time} · ${nameOf(plot)}${plot.complete ? "" : ` (${words.unfinished})`}`, plot.number);
      option.selected = plot.number === shown.number;
      return option;
    }),
  );
  const address = `${place}/compare/plots/${shown.number}`;
  by("open").href = `${address}/page`;
  for (const link of by("downloads").querySelectorAll("a")) link.href = `${address}/plot.${link.dataset.output}`;
  by("downloads").hidden = !shown.complete;
  if (frame.dataset.number !== String(shown.number)) {
    frame.dataset.number = shown.number;
    frame.src = `${address}/page`;
  } else if (shown.complete) tell([]);
  showButtons();
}

frame.addEventListener("load", () => view.shown?.complete && tell([]));

function showButtons() {
  const { shown } = view;
  if (!shown) return;
  const open = !shown.complete;
  by("go-on").hidden = !open || (rendering && shown.current);
  by("give-up").hidden = !open;
  by("left").textContent = open && !(rendering && shown.current) ? view.left : "";
}

const nameOf = ({ title, axes, number }) => title || axes.join(" × ") || words.plot.replace("{number}", number);
const shapeOf = ({ grids, columns, rows }) =>
  (grids > 1 ? words.grids : words.shape).replace("{grids}", grids).replace("{columns}", columns).replace("{rows}", rows);

by("others").addEventListener("change", ({ target }) => {
  wanted = Number(target.value);
  history.replaceState(null, "", `?number=${wanted}`);
  refresh();
});

// The form.

function recall() {
  const { scenes, baseline, title, fill } = builder.rest;
  const { elements } = form;
  if (Array.isArray(scenes)) for (const box of form.querySelectorAll("[name=scene]")) box.checked = scenes.includes(Number(box.value));
  if (baseline) elements.baseline.value = baseline;
  elements.title.value = title ?? "";
  elements.fill.value = fill ?? "";
}

const rest = () => ({
  scenes: [...form.querySelectorAll("[name=scene]:checked")].map((box) => Number(box.value)),
  baseline: form.elements.baseline.value,
  title: form.elements.title.value,
  fill: form.elements.fill.value,
});

form.addEventListener("input", ({ target }) => target.name && builder.say(rest()));
for (const button of document.querySelectorAll("[data-scenes]")) {
  button.addEventListener("click", () => {
    for (const box of form.querySelectorAll("[name=scene]")) box.checked = Boolean(button.dataset.scenes);
    builder.say(rest());
  });
}

let asks = 0;
let timer = 0;
let asking = null; // large plots take seconds: one question at a time

function askSoon() {
  asks += 1; // an answer on the way is of no use any more
  begin.disabled = true;
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const mine = asks;
    await asking;
    if (mine === asks) asking = ask(mine).finally(() => (asking = null));
  }, PAUSE);
}

/** Show what the server reads of it, and what it would cost. */
async function ask(mine) {
  const asked = builder.asked();
  const chips = SLOTS.flatMap((slot) => asked[slot]);
  if (!asked.scenes.length || (!chips.length && asked.baseline === "none")) {
    by("cost").textContent = asked.scenes.length ? "" : words.scenes;
    say("");
    return;
  }
  const slow = setTimeout(() => (by("cost").textContent = words.reading), PAUSE);
  let answer;
  try {
    answer = await post(`${place}/compare/plots/preview`, asked, () => mine === asks);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (mine === asks) {
      by("cost").textContent = "";
      say(error.message, error.lang);
    }
    return;
  } finally {
    clearTimeout(slow);
  }
  if (answer === null || mine !== asks) return;
  showRead(answer.chips);
  say(answer.error, answer.lang);
  begin.disabled = answer.shape === null;
  const empty = answer.chips.flat().some((chip) => chip.empty);
  by("cost").textContent = answer.shape ? `${shapeOf(answer.shape)}: ${answer.text}` : empty ? words.waiting : "";
}

builder.addEventListener("shape", askSoon);
builder.addEventListener("values", askSoon);

// Rendering.

const render = () => post(`${place}/render`, { work: "plot" });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (begin.disabled) return;
  begin.disabled = true;
  say("");
  try {
    wanted = null;
    history.replaceState(null, "", location.pathname);
    await reach((await act({ act: "begin plot", ...builder.asked() })).version);
    by("new").open = false;
    await render();
    by("shown").scrollIntoView({ block: "nearest" });
    askSoon(); // what is rendered now costs nothing the next time
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(error.message, error.lang);
    begin.disabled = false;
  }
});

by("go-on").addEventListener("click", async () => {
  const { number, current } = view.shown;
  wanted = number;
  if (!current) await reach((await act({ act: "resume plot", plot: number })).version);
  await render();
});
by("give-up").addEventListener("click", async () => {
  const { number } = view.shown;
  wanted = null;
  try {
    await reach((await act({ act: "cancel plot", plot: number })).version);
  } catch {
    // The sentence is shown by "refused".
  }
});

recall();
builder.say(rest());
show();
scripted();
