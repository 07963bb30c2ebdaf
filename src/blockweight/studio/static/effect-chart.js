// <effect-chart kind="strip|bars|scatter">: what every block does, drawn from JSON at the element's own width.
//
// show(data) draws `{layout, present, blocks, measure, chosen, name, typical}`: `blocks` as the server tells them, `name(block)`
// says all of one in words. Every block is an option that a click, or the arrows, choose: a "choose" event has its name.

import { mark, shape, short, ticks, widthOf } from "./chart-parts.js";
import { drawScatter } from "./effect-scatter.js";

const ROW = 26; // pixels, with a frame of 24: nothing to hit is smaller
const CELL = 34;
const EDGE = 2;

class EffectChart extends HTMLElement {
  connectedCallback() {
    new ResizeObserver(() => this.data && this.clientWidth !== this.drawn && this.draw()).observe(this);
    this.addEventListener("keydown", (event) => this.pressed(event));
    // At once: a chart that is drawn anew between press and release would lose a click.
    for (const name of ["pointerdown", "click"]) {
      this.addEventListener(name, (event) => this.choose(event.target.closest("[data-block]")?.dataset.block));
    }
  }

  show(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    this.drawn = this.clientWidth;
    if (!this.drawn) return;
    const held = this.contains(document.activeElement);
    const canvas = shape("svg", { role: "listbox", "aria-orientation": "horizontal" });
    for (const name of ["aria-label", "aria-labelledby"]) {
      if (this.hasAttribute(name)) canvas.setAttribute(name, this.getAttribute(name));
    }
    const draw = { strip: drawStrip, bars: drawBars, scatter: drawScatter }[this.getAttribute("kind")];
    this.order = [];
    const height = draw(canvas, this.data, this.drawn, (block, place) => this.option(block, place), this.dataset);
    canvas.setAttribute("width", this.drawn);
    canvas.setAttribute("height", height);
    canvas.setAttribute("viewBox", `0 0 ${this.drawn} ${height}`);
    this.replaceChildren(canvas);
    if (!this.querySelector("[tabindex='0']")) this.querySelector("[data-block]")?.setAttribute("tabindex", "0");
    if (held) this.querySelector("[tabindex='0']")?.focus();
  }

  /** A group for a block that can be chosen, with a frame that shows that it is; in the order in which arrows go. */
  option(block, { x, y, width, height }) {
    const chosen = block === this.data.chosen;
    const group = shape("g", {
      role: "option",
      class: "option",
      "data-block": block,
      "aria-selected": chosen,
      "aria-label": this.data.name(block),
      tabindex: chosen ? 0 : -1,
    });
    shape("rect", { class: "frame", x, y, width, height, rx: 5 }, group);
    this.order.push(block);
    return group;
  }

  choose(block) {
    if (block) this.dispatchEvent(new CustomEvent("choose", { detail: block, bubbles: true }));
  }

  pressed(event) {
    const moves = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const at = this.order.indexOf(event.target.closest("[data-block]")?.dataset.block);
    this.choose(this.order[Math.min(Math.max(at + moves[event.key], 0), this.order.length - 1)]);
    this.querySelector("[tabindex='0']")?.focus();
  }
}

/** The blocks of the layout in a row, or in as few as hold their names, in the heat of their effects. */
function drawStrip(canvas, data, width, option) {
  const analysed = new Map(data.blocks.map((each) => [each.block, each]));
  const least = Math.max(38, Math.max(...data.layout.map((block) => widthOf(block, 11))) + 8);
  const rows = Math.ceil((data.layout.length * least) / width);
  const columns = Math.ceil(data.layout.length / rows);
  const each = Math.min(width / columns, 64);
  const most = Math.max(...data.blocks.map((block) => Math.abs(block.effects[data.measure]?.mean ?? 0)));
  const height = CELL + 42;
  data.layout.forEach((block, at) => {
    const [x, y] = [(at % columns) * each, Math.floor(at / columns) * height];
    const found = analysed.get(block);
    const place = { x: x + 1, y: y + 1, width: each - 2, height: height - 4 };
    const group = found ? option(block, place) : shape("g", { class: data.present.includes(block) ? "idle" : "absent" });
    const middle = x + each / 2;
    shape("text", { class: "name", x: middle, y: y + 15, "text-anchor": "middle" }, group, block);
    const effect = found?.effects[data.measure];
    const cell = shape("rect", { class: effect ? (effect.mean < 0 ? "heat below" : "heat") : "empty", x: x + 4, y: y + 21, width: each - 8, height: CELL - 4, rx: 4 }, group);
    if (effect) {
      // Above 100 %, by a rounding, there is no colour at all.
      cell.style.setProperty("--heat", `${most ? Math.min((100 * Math.abs(effect.mean)) / most, 100).toFixed(1) : 0}%`);
      shape("text", { class: "figure", x: middle, y: y + 40, "text-anchor": "middle" }, group, `${effect.most ? "≤" : ""}${short(effect.mean)}`);
    }
    if (found?.verdict) mark(found.verdict, found.applied ? middle - 7 : middle, y + CELL + 28, 9, group);
    if (found?.applied) shape("text", { class: "tick", x: middle + 2, y: y + CELL + 33 }, group, "✓");
    canvas.append(group);
  });
  return rows * height + EDGE;
}

/** A bar a block, strongest first: the mean, the scenes as dots, the interval as a line. What has a sign goes both ways. */
function drawBars(canvas, data, width, option) {
  const of = (block) => block.effects[data.measure];
  const rows = data.blocks.filter(of).sort((one, other) => Math.abs(of(other).mean) - Math.abs(of(one).mean));
  if (!rows.length) return 0;
  const left = Math.max(...rows.map((row) => widthOf(row.block))) + 40;
  const right = Math.max(...rows.map((row) => widthOf(of(row).text, 11.5))) + 14;
  const samples = rows.flatMap((row) => of(row).samples);
  const least = Math.min(...samples, 0) * 1.06;
  const most = Math.max(...samples, 0) * 1.06 || (least < 0 ? 0 : 1);
  const to = (value) => left + ((Math.min(Math.max(value, least), most) - least) / (most - least)) * (width - left - right);
  const bottom = rows.length * ROW + 4;
  const axis = shape("g", { class: "axis" }, canvas);
  for (const tick of ticks(most, least)) {
    shape("line", { x1: to(tick), x2: to(tick), y1: 2, y2: bottom }, axis);
    shape("text", { x: to(tick), y: bottom + 15, "text-anchor": "middle" }, axis, String(tick));
  }
  rows.forEach((row, at) => {
    const { mean, low, high, samples, text } = of(row);
    const alone = !row.group; // what was measured of a group says nothing of how a single block of it spreads
    const middle = at * ROW + ROW / 2 + 2;
    const group = option(row.block, { x: 1, y: at * ROW + 3, width: width - 2, height: ROW - 2 });
    if (row.verdict) mark(row.verdict, 12, middle, 9, group);
    shape("text", { class: "name", x: 24, y: middle + 4 }, group, row.block);
    shape("rect", { class: alone ? "bar" : "bar grouped", x: Math.min(to(mean), to(0)), y: middle - 7, width: Math.abs(to(mean) - to(0)), height: 14, rx: 2 }, group);
    if (high !== null && alone) {
      shape("line", { class: "interval", x1: to(low), x2: to(high), y1: middle, y2: middle }, group);
      if (high > most) shape("path", { class: "beyond", d: `M${to(high)} ${middle - 4}l6 4-6 4Z` }, group);
    }
    for (const sample of alone ? samples : []) shape("circle", { class: "dot", cx: to(sample), cy: middle, r: 3 }, group);
    shape("text", { class: "figure", x: width - 8, y: middle + 4, "text-anchor": "end" }, group, text);
    canvas.append(group);
  });
  return bottom + 22;
}

customElements.define("effect-chart", EffectChart);
