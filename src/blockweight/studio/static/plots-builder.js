// What is put together: chips in slots, kept by the tab. Nothing here touches the page.

import { place } from "./project.js";

export const SLOTS = ["x", "y", "z"];
const KEPT = `blockweight:plot:${place}`;
const palette = JSON.parse(document.getElementById("palette-data").textContent);
const { blocks } = JSON.parse(document.getElementById("weights-choices").textContent);

export const kinds = new Map(palette.kinds.map((kind) => [kind.name, kind]));
export const { groups, files, lists } = palette;

/** What one may choose from for a kind, or undefined where values are typed. */
export const choicesOf = (kind) => files[kind.editor] ?? lists[kind.name];

class Builder extends EventTarget {
  constructor() {
    super();
    this.slots = Object.fromEntries(SLOTS.map((slot) => [slot, []]));
    this.rest = {};
    this.recall();
  }

  /** A chip by its number, with its slot and place: `{chip, slot, at}`. */
  find(id) {
    for (const slot of SLOTS) {
      const at = this.slots[slot].findIndex((chip) => chip.id === id);
      if (at >= 0) return { chip: this.slots[slot][at], slot, at };
    }
    return null;
  }

  /** Put a new chip of a kind into a slot, before the one at `at` (none: at the end). */
  add(name, slot, at = this.slots[slot].length) {
    const kind = kinds.get(name);
    const chip = { id: this.next(), kind: name, text: name === "blocks" ? blocks : kind.first, chosen: [] };
    this.slots[slot].splice(at, 0, chip);
    this.changed("shape");
    return chip;
  }

  move(id, slot, at = this.slots[slot].length) {
    const found = this.find(id);
    if (!found) return;
    this.slots[found.slot].splice(found.at, 1);
    const left = found.slot === slot && found.at < at ? at - 1 : at;
    this.slots[slot].splice(left, 0, found.chip);
    this.changed("shape");
  }

  remove(id) {
    const found = this.find(id);
    if (!found) return;
    this.slots[found.slot].splice(found.at, 1);
    this.changed("shape");
  }

  swap(one, other) {
    [this.slots[one], this.slots[other]] = [this.slots[other], this.slots[one]];
    this.changed("shape");
  }

  /** Keep what was typed or chosen at a chip. */
  give(id, values) {
    Object.assign(this.find(id).chip, values);
    this.changed("values");
  }

  /** Keep what the rest of the form says. */
  say(rest) {
    this.rest = rest;
    this.changed("values");
  }

  /** All of it, as the server takes it. */
  asked() {
    const slots = SLOTS.map((slot) => [slot, this.slots[slot].map(({ kind, text, chosen }) => ({ kind, text, chosen }))]);
    return { ...Object.fromEntries(slots), ...this.rest, language: document.documentElement.lang };
  }

  changed(what) {
    sessionStorage.setItem(KEPT, JSON.stringify({ slots: this.slots, rest: this.rest }));
    this.dispatchEvent(new Event(what));
  }

  next() {
    return 1 + Math.max(0, ...SLOTS.flatMap((slot) => this.slots[slot].map((chip) => chip.id)));
  }

  recall() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT));
      for (const slot of SLOTS) this.slots[slot] = kept.slots[slot].filter((chip) => kinds.has(chip.kind));
      this.rest = kept.rest;
    } catch {
      // Nothing was kept, or another version of the page has kept it.
    }
  }
}

export const builder = new Builder();
