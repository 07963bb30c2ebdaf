// Chips by pointer and by key: dragged onto slots, out of them, and moved by a menu. What a chip does is the same however
// it is asked for.

import { builder, kinds, SLOTS } from "./plots-builder.js";

const menu = document.getElementById("menu");
const slots = document.getElementById("slots");
const words = document.getElementById("words").dataset;
const FAR = 6; // pixels, from which on a press is a drag

const say = (text) => (document.getElementById("said").textContent = text);
const titleOf = (element) => kinds.get(element.dataset.kind).title;
const idOf = (element) => Number(element.dataset.id) || null;

/** Put what `element` stands for (a chip of the palette, or one in a slot) into a slot. */
export function put(element, slot, at) {
  const id = idOf(element);
  if (id) builder.move(id, slot, at);
  else {
    const chip = builder.add(element.dataset.kind, slot, at);
    focusEditor(chip.id);
  }
  say(words.putSaid.replace("{kind}", titleOf(element)).replace("{slot}", words[slot]));
  if (id) focusChip(id);
}

export function takeAway(element) {
  const found = builder.find(idOf(element));
  const kind = titleOf(element);
  builder.remove(idOf(element));
  say(words.removedSaid.replace("{kind}", kind));
  const left = builder.slots[found.slot];
  if (left.length) focusChip(left[Math.min(found.at, left.length - 1)].id);
  else document.querySelector(`#palette [data-kind="${found.chip.kind}"]`)?.focus();
}

const chipOf = (id) => slots.querySelector(`[data-id="${id}"]`);
const focusChip = (id) => chipOf(id)?.querySelector(".chip-title").focus();
const focusEditor = (id) => chipOf(id)?.querySelector(".chip-editor :is(textarea, input, select)")?.focus();

// By key, or with a click: a menu.

export function openMenu(element) {
  const id = idOf(element);
  const here = id && builder.find(id).slot;
  const kind = titleOf(element);
  menu.ariaLabel = (id ? words.move : words.put).replace("{kind}", kind);
  const title = document.createElement("p");
  [title.textContent, title.ariaHidden] = [menu.ariaLabel, "true"];
  const items = SLOTS.filter((slot) => slot !== here).map((slot) => item(words[slot], () => put(element, slot)));
  if (id && builder.find(id).at > 0) items.push(item(words.beside, () => put(element, here, 0)));
  if (id) items.push(item(words.remove, () => takeAway(element)));
  menu.replaceChildren(title, ...items);
  menu.showPopover();
  const anchor = element.querySelector(".chip-title") ?? element;
  const [box, own] = [anchor.getBoundingClientRect(), menu.getBoundingClientRect()];
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
  menu.style.top = `${box.bottom + own.height + 8 > innerHeight ? Math.max(8, box.top - own.height - 4) : box.bottom + 4}px`;
  menu.opener = anchor;
  items[0].focus();
}

function item(label, does) {
  const button = document.createElement("button");
  button.type = "button";
  button.role = "menuitem";
  button.textContent = label;
  button.addEventListener("click", () => {
    menu.hidePopover();
    does();
  });
  return button;
}

menu.addEventListener("keydown", (event) => {
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (event.key === "Escape") menu.opener?.focus();
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length].focus();
});

// By pointer.

let drag = null; // {element, ghost, x, y, pointer}
let dropped = false; // the click that ends a drag is none

document.addEventListener("pointerdown", (event) => {
  const element = event.target.closest(".chip");
  if (!element || event.button !== 0 || event.target.closest(".chip-editor, .chip-remove")) return;
  // A finger scrolls the page, unless it takes the chip by its grip.
  if (event.pointerType === "touch" && !event.target.closest(".grip")) return;
  drag = { element, ghost: null, x: event.clientX, y: event.clientY, pointer: event.pointerId };
});

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  if (!drag.ghost) {
    if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
    lift();
  }
  event.preventDefault();
  drag.ghost.style.transform = `translate(${event.clientX + 8}px, ${event.clientY + 8}px)`;
  mark(placeAt(event));
  scroll(event.clientY);
});

document.addEventListener("pointerup", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  const { element, ghost } = drag;
  const there = ghost && placeAt(event);
  lower();
  if (!ghost) return;
  dropped = true;
  setTimeout(() => (dropped = false)); // the click, if there is one, comes before
  if (there) put(element, there.slot, there.at);
  else if (idOf(element)) takeAway(element);
});

document.addEventListener("pointercancel", lower);
document.addEventListener("keydown", (event) => event.key === "Escape" && lower());
document.addEventListener("dragstart", (event) => event.target.closest?.(".chip") && event.preventDefault());

function lift() {
  drag.ghost = document.createElement("div");
  drag.ghost.className = "chip-ghost";
  drag.ghost.textContent = titleOf(drag.element);
  document.body.append(drag.ghost);
  drag.element.classList.add("lifted");
  document.documentElement.classList.add("dragging");
  getSelection().removeAllRanges();
}

function lower() {
  drag?.ghost?.remove();
  drag?.element.classList.remove("lifted");
  document.documentElement.classList.remove("dragging");
  mark(null);
  drag = null;
}

/** Where a chip would go: the slot below the pointer, and its place among the others there. */
function placeAt({ clientX, clientY }) {
  const slot = document.elementFromPoint(clientX, clientY)?.closest(".slot");
  if (!slot) return null;
  const chips = [...slot.querySelectorAll(".chip")];
  const before = chips.findIndex((chip) => {
    const box = chip.getBoundingClientRect();
    return clientY < box.top + box.height / 2;
  });
  return { slot: slot.dataset.slot, at: before < 0 ? chips.length : before };
}

function mark(there) {
  for (const slot of slots.querySelectorAll(".slot")) {
    slot.classList.toggle("over", slot.dataset.slot === there?.slot);
    [...slot.querySelectorAll(".chip")].forEach((chip, at) => chip.classList.toggle("before", slot.dataset.slot === there?.slot && at === there.at));
  }
}

/** A slot may lie beyond the window's edge. */
function scroll(y) {
  const edge = 60;
  if (y < edge) scrollBy(0, -12);
  else if (y > innerHeight - edge) scrollBy(0, 12);
}

document.addEventListener("click", (event) => {
  const title = event.target.closest(".palette .chip, .slot .chip-title");
  if (!title) return;
  if (!dropped) openMenu(title.closest(".chip"));
});
slots.addEventListener("click", (event) => {
  const cross = event.target.closest(".chip-remove");
  if (cross) takeAway(cross.closest(".chip"));
});
slots.addEventListener("keydown", (event) => {
  if (!["Delete", "Backspace"].includes(event.key) || !event.target.closest(".chip-title, .chip-remove")) return;
  event.preventDefault();
  takeAway(event.target.closest(".chip"));
});
for (const button of slots.querySelectorAll("[data-swap]")) {
  button.addEventListener("click", () => builder.swap(...button.dataset.swap));
}
