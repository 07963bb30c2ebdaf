// <weight-table>: one input and one Fix box per block. It moves, paints and colours; what a text means, the server says.
//
// Events: "weights" after cells or Fix boxes have changed, by whatever way; "weights-pasted" with {text, at} when
// something other than a plain number is pasted. `stepText` is the step that Alt with an arrow adds.

import { colour, number } from "./heat.js";

const WEIGHT = "input.weight";
const FIX = ".fix input";

class WeightTable extends HTMLElement {
  stepText = "0.5";

  connectedCallback() {
    this.addEventListener("focusin", (event) => this.entered(event.target));
    this.addEventListener("input", (event) => event.target.matches(WEIGHT) && colour(event.target, event.target.value));
    this.addEventListener("change", (event) => this.changed(event));
    this.addEventListener("keydown", (event) => this.pressed(event));
    this.addEventListener("paste", (event) => this.pasted(event));
    this.addEventListener("pointerdown", (event) => this.paintFrom(event));
    // A selected number would be dragged along as text instead of painted.
    this.addEventListener("dragstart", (event) => event.preventDefault());
    this.remember();
  }

  /** The texts of all cells, in the layout's order. */
  get cells() {
    return this.weights.map((input) => input.value);
  }

  /** The names of the fixed blocks. */
  get fixed() {
    return this.fixes.filter((box) => box.checked).map((box) => box.value);
  }

  get layout() {
    return this.querySelector(".grid").dataset.layout;
  }

  get weights() {
    return [...this.querySelectorAll(WEIGHT)];
  }

  get fixes() {
    return [...this.querySelectorAll(FIX)];
  }

  /** Take the server's columns for another layout. The focus stays at the same place. */
  replace(html) {
    const all = this.weights;
    const place = all.indexOf(document.activeElement);
    this.innerHTML = html; // made by the server's templates, which escape every value
    this.remember();
    if (place >= 0) this.weights[Math.min(place, this.weights.length - 1)].focus();
  }

  /** Show tidied texts and which cells are bad. A cell that is being edited keeps what stands in it. */
  show(cells, bad) {
    this.weights.forEach((input, index) => {
      const typing = input === document.activeElement && input.value !== input.dataset.was;
      if (!typing) input.value = cells[index];
      const reason = bad[blockOf(input)];
      if (reason) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
      input.title = reason ?? "";
      input.dataset.was = typing ? cells[index] : input.value; // what is typed is still to be committed
      colour(input, input.value);
    });
  }

  /** Set cells (by index) or all Fix boxes, as one change. */
  set({ cells, fixed }) {
    if (cells) this.weights.forEach((input, index) => put(input, cells[index]));
    if (fixed) this.fixes.forEach((box) => (box.checked = fixed.includes(box.value)));
    this.tell();
  }

  remember() {
    for (const input of this.weights) {
      input.dataset.was = input.value;
      colour(input, input.value);
    }
  }

  entered(target) {
    if (target.matches(WEIGHT)) target.select();
  }

  changed(event) {
    // What a key has committed already comes once more when the focus goes.
    if (event.target.matches(WEIGHT) && event.target.value === event.target.dataset.was) return;
    this.tell();
  }

  tell() {
    for (const input of this.weights) input.dataset.was = input.value;
    this.dispatchEvent(new CustomEvent("weights", { bubbles: true }));
  }

  /** Commit what stands in a cell, if it is new: leaving by a key is no "change" for the browser until the focus goes. */
  commit(input) {
    if (input.matches(WEIGHT) && input.value !== input.dataset.was) this.tell();
  }

  pressed(event) {
    const { target, key } = event;
    if (!target.matches(`${WEIGHT}, ${FIX}`) || event.ctrlKey || event.metaKey || event.isComposing) return;
    const isWeight = target.matches(WEIGHT);
    if (event.altKey) {
      if (isWeight && (key === "ArrowUp" || key === "ArrowDown")) {
        event.preventDefault();
        this.step(target, key === "ArrowUp" ? 1 : -1);
      }
      return;
    }
    // While a number is being typed, the arrows move in its text and leave it only at its ends.
    const editing = isWeight && target.value !== target.dataset.was;
    const caret = isWeight ? [target.selectionStart, target.selectionEnd] : [0, 0];
    const inside = editing && caret[0] === caret[1];
    const moves = {
      ArrowLeft: () => (inside && caret[0] > 0 ? null : this.beside(target, -1)),
      ArrowRight: () => (inside && caret[1] < target.value.length ? null : this.beside(target, 1)),
      Home: () => (inside ? null : this.row(target)[0]),
      End: () => (inside ? null : this.row(target).at(-1)),
      ArrowDown: () => this.vertical(target, 1),
      ArrowUp: () => this.vertical(target, -1),
      Enter: () => this.beside(target, event.shiftKey ? -1 : 1) ?? target,
    };
    if (key === " " && isWeight) {
      event.preventDefault();
      const box = target.closest(".column").querySelector(FIX);
      box.checked = !box.checked;
      this.tell();
    } else if (key === "Escape" && isWeight) {
      event.preventDefault();
      put(target, target.dataset.was);
      target.select();
    } else if (key in moves) {
      const next = moves[key]();
      if (!next && (inside || key === "Enter")) return;
      event.preventDefault();
      this.commit(target);
      (next ?? target).focus();
      if ((next ?? target).matches(WEIGHT)) (next ?? target).select();
    }
  }

  row(target) {
    return target.matches(WEIGHT) ? this.weights : this.fixes;
  }

  beside(target, by) {
    const row = this.row(target);
    return row[row.indexOf(target) + by];
  }

  /** Down: from a weight to its Fix box, from there to the weight in the band below. Up: the other way. */
  vertical(target, by) {
    const column = target.closest(".column");
    if (target.matches(WEIGHT) === by > 0) return column.querySelector(by > 0 ? FIX : WEIGHT);
    const here = column.getBoundingClientRect();
    const columns = [...this.querySelectorAll(".column")];
    const other = columns
      .map((each) => ({ each, box: each.getBoundingClientRect() }))
      .filter(({ box }) => (by > 0 ? box.top > here.top + 1 : box.top < here.top - 1))
      .sort((a, b) => by * (a.box.top - b.box.top) || Math.abs(a.box.left - here.left) - Math.abs(b.box.left - here.left));
    return other[0]?.each.querySelector(by > 0 ? WEIGHT : FIX);
  }

  /** Add the step, reckoned in decimals. A text that is no number stays as it is. */
  step(input, sign) {
    const step = this.stepText;
    const [value, by] = [number(input.value), number(step)];
    if (value === null || by === null) return;
    const places = Math.max(...[input.value, step].map((text) => (text.split(".")[1] ?? "").length));
    put(input, String(Number((value + sign * by).toFixed(Math.min(places, 20)))));
    input.select();
    this.tell();
  }

  pasted(event) {
    const text = event.clipboardData.getData("text");
    if (!event.target.matches(WEIGHT) || number(text) !== null) return;
    event.preventDefault();
    const detail = { text, at: blockOf(event.target) };
    this.dispatchEvent(new CustomEvent("weights-pasted", { bubbles: true, detail }));
  }

  /** Drag from a cell or a Fix box across others: they take its text or state. */
  paintFrom(event) {
    const start = event.target.closest(".fix")?.querySelector("input") ?? event.target;
    if (event.button !== 0 || !start.matches(`${WEIGHT}, ${FIX}`)) return;
    const kind = start.matches(WEIGHT) ? WEIGHT : FIX;
    const state = !start.checked;
    let painted = false;
    if (event.target.hasPointerCapture?.(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
    const paint = (input) => {
      if (kind === WEIGHT) put(input, start.value);
      else input.checked = state;
    };
    const move = (moved) => {
      const under = document.elementFromPoint(moved.clientX, moved.clientY)?.closest(".column");
      if (!under || !this.contains(under) || (under === start.closest(".column") && !painted)) return;
      if (!painted && kind === FIX) paint(start);
      painted = true;
      moved.preventDefault();
      getSelection().removeAllRanges();
      paint(under.querySelector(kind));
    };
    const stop = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
      if (!painted) return;
      // The click that ends a drag over Fix boxes would turn one of them once more.
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
      this.tell();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }
}

function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}

function put(input, text) {
  input.value = text;
  colour(input, input.value);
}

function blockOf(input) {
  return input.closest(".column").dataset.block;
}

customElements.define("weight-table", WeightTable);
