// The palette and the slots: every chip with what it takes, what was read of it, and what is wrong with it.

import { builder, choicesOf, files, groups, kinds, SLOTS } from "./plots-builder.js";
import { place } from "./project.js";
import { refusalIn, sayIn } from "./server.js";

const words = document.getElementById("words").dataset;
const weights = JSON.parse(document.getElementById("weights-choices").textContent);
const slots = document.getElementById("slots");
const MOST_SHOWN = 12;
const MANY = 9; // choices from which on one may search them

function made(kind, name, text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

// The palette.

const palette = document.getElementById("palette");
const search = document.getElementById("search");

palette.append(
  ...groups.map(([group, title]) => {
    const section = made("section", "palette-group");
    section.append(made("h4", "", title), list(group));
    return section;
  }),
);

function list(group) {
  const chips = made("div", "palette-chips");
  for (const kind of kinds.values()) {
    if (kind.group !== group) continue;
    const chip = chips.appendChild(made("button", "chip"));
    chip.type = "button";
    chip.dataset.kind = kind.name;
    chip.title = kind.help;
    chip.ariaHasPopup = "menu";
    chip.append(grip(), kind.title);
  }
  return chips;
}

function grip() {
  const sign = made("span", "grip", "⠿");
  sign.ariaHidden = "true";
  return sign;
}

search.addEventListener("input", () => {
  const wanted = search.value.normalize("NFKC").trim().toLowerCase();
  let found = 0;
  for (const section of palette.children) {
    for (const chip of section.querySelectorAll(".chip")) {
      const kind = kinds.get(chip.dataset.kind);
      chip.hidden = !`${kind.title} ${kind.name} ${kind.help}`.normalize("NFKC").toLowerCase().includes(wanted);
    }
    const here = section.querySelectorAll(".chip:not([hidden])").length;
    section.hidden = !here;
    found += here;
  }
  document.getElementById("nothing").hidden = found > 0;
});
search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
document.getElementById("nothing").textContent = words.nothing;

// The slots.

/** Draw the chips anew, as the builder has them; whoever types goes on typing. */
function draw() {
  const held = document.activeElement?.closest?.(".slot .chip")?.dataset.id;
  const field = held && document.activeElement.className;
  for (const slot of SLOTS) {
    const chips = builder.slots[slot].map(chipOf);
    const area = slots.querySelector(`[data-slot=${slot}] .slot-chips`);
    area.replaceChildren(...chips);
    if (!chips.length) area.append(made("p", "slot-empty", words.empty));
    if (chips.length > 1) area.append(made("p", "help together", words.together));
  }
  if (held) slots.querySelector(`[data-id="${held}"] .${(field || "chip-title").split(" ")[0]}`)?.focus();
}

function chipOf(chip) {
  const kind = kinds.get(chip.kind);
  const element = made("div", "chip placed");
  element.dataset.kind = chip.kind;
  element.dataset.id = chip.id;
  const head = element.appendChild(made("div", "chip-head"));
  const title = made("button", "chip-title", kind.title);
  title.type = "button";
  title.ariaHasPopup = "menu";
  const count = made("span", "chip-count");
  const remove = made("button", "chip-remove", "×");
  remove.type = "button";
  remove.ariaLabel = words.removeChip.replace("{kind}", kind.title);
  head.append(grip(), title, count, remove);
  const editor = element.appendChild(made("div", "chip-editor"));
  editor.append(...editorOf(kind, chip), made("p", "help chip-help", kind.help));
  const shown = element.appendChild(made("p", "chip-labels"));
  const error = element.appendChild(made("p", "error chip-error"));
  [shown.hidden, error.hidden, error.id] = [true, true, `chip-error-${chip.id}`];
  return element;
}

function editorOf(kind, chip) {
  const choices = choicesOf(kind);
  if (choices) return kind.editor === "picture" ? [...chosen(kind, chip, choices), uploader(chip)] : chosen(kind, chip, choices);
  const several = ["weights", "lines"].includes(kind.editor);
  const field = made(several ? "textarea" : "input", "chip-values");
  if (several) field.rows = Math.min(8, Math.max(3, chip.text.split("\n").length));
  field.value = chip.text;
  field.spellcheck = false;
  named(field, kind, chip);
  field.addEventListener("input", () => builder.give(chip.id, { text: field.value }));
  if (!several) field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  return kind.editor === "weights" ? [field, adder(field, chip)] : [field];
}

function named(field, kind, chip) {
  field.setAttribute("aria-label", words.values.replace("{kind}", kind.title));
  field.setAttribute("aria-describedby", `chip-error-${chip.id}`);
}

/** What can be written into a field of weights, one line a choice. */
function adder(field, chip) {
  const select = made("select", "chip-add");
  select.ariaLabel = words.add;
  const option = (text, label = text) => new Option(label, text);
  const group = (label, options) => {
    const element = made("optgroup");
    element.label = label;
    element.append(...options);
    return element;
  };
  const rounds = ["Sub", "SubAdd", "Add", "AddSub"].flatMap((kind) =>
    ["0.25", "0.5", "1"].map((step) => option(`round ${kind} ${step}`, words.round.replace("{kind}", kind).replace("{step}", step))),
  );
  const parts = [
    option("", words.add),
    option("no LoRA", words.none),
    option("ALL", words.all),
    option("current", words.current),
    group(words.rounds, rounds),
    group(words.presets, weights.presets.map((text) => option(text))),
    group(words.hints, weights.hints.map((text) => option(text, text.replace(/^hint /, "")))),
    group(words.history, weights.steps.map((text) => option(text))),
  ];
  select.append(...parts.filter((part) => part.tagName !== "OPTGROUP" || part.children.length));
  select.addEventListener("change", () => {
    field.value = [...field.value.split("\n").filter((line) => line.trim()), select.value].join("\n");
    field.rows = Math.min(8, Math.max(3, field.value.split("\n").length));
    select.value = "";
    builder.give(chip.id, { text: field.value });
  });
  return select;
}

/** A list to tick, in the order of the ticks. */
function chosen(kind, chip, choices) {
  const box = made("div", "chip-choices");
  box.role = "group";
  named(box, kind, chip);
  for (const choice of choices) {
    const label = box.appendChild(made("label", "check"));
    const tick = label.appendChild(made("input"));
    tick.type = "checkbox";
    tick.value = choice.value;
    tick.checked = chip.chosen.includes(choice.value);
    label.append(made("span", "", nameOf(kind, choice)));
    tick.addEventListener("change", () => {
      const others = chip.chosen.filter((value) => value !== choice.value);
      builder.give(chip.id, { chosen: tick.checked ? [...others, choice.value] : others });
    });
  }
  if (choices.length <= (choices[0]?.name === "" ? 1 : 0)) return [box, made("p", "help", kind.editor === "picture" ? words.noPictures : words.files)];
  if (choices.length < MANY) return [box];
  const find = made("input", "chip-find");
  [find.type, find.placeholder, find.ariaLabel] = ["search", words.filter, words.filter];
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    for (const label of box.children) label.hidden = !label.textContent.toLowerCase().includes(wanted);
  });
  find.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  return [find, box];
}

/** What adds pictures from this machine to the project, and chooses them. */
function uploader(chip) {
  const label = made("label", "button small chip-upload", words.pictures);
  const field = label.appendChild(made("input", "visually-hidden"));
  [field.type, field.multiple, field.accept] = ["file", true, "image/png,image/jpeg,image/webp"];
  field.addEventListener("change", async () => {
    for (const file of field.files) if (!(await added(chip, file))) break;
  });
  return label;
}

/** Send a picture, and choose it at the chip; false if it was refused. */
async function added(chip, file) {
  const address = `${place}/compare/plots/pictures?${new URLSearchParams({ name: file.name })}`;
  const headers = { "content-type": "application/octet-stream" };
  const response = await fetch(address, { method: "POST", headers, body: file }).catch(() => null);
  const text = (await response?.text()) ?? "";
  if (!response?.ok) {
    const { error, lang } = refusalIn(text || words.gone);
    sayIn(slots.querySelector(`[data-id="${chip.id}"] .chip-error`), error, lang);
    return false;
  }
  const choice = JSON.parse(text);
  if (!files.picture.some(({ value }) => value === choice.value)) files.picture.push(choice);
  if (!chip.chosen.includes(choice.value)) builder.give(chip.id, { chosen: [...chip.chosen, choice.value] });
  draw();
  return true;
}

const nameOf = (kind, { name }) => name || (kind.editor === "lora" ? words.none : words.automatic);

/** Show at every chip what the server has read of it: `read` is a list a slot. */
export function showRead(read) {
  SLOTS.forEach((slot, number) => {
    [...slots.querySelectorAll(`[data-slot=${slot}] .chip`)].forEach((element, at) => showChip(element, read[number]?.[at]));
  });
}

function showChip(element, read) {
  if (!read) return;
  const shown = element.querySelector(".chip-labels");
  const typed = !element.querySelector(".chip-choices");
  const labels = read.labels.map((label) => label.replaceAll("\n", " "));
  const over = labels.length - MOST_SHOWN;
  shown.textContent = [labels.slice(0, MOST_SHOWN).join(" · "), over > 0 ? words.more.replace("{count}", over) : ""].filter(Boolean).join(" ");
  shown.hidden = !labels.length || !typed;
  element.querySelector(".chip-count").textContent = labels.length ? words.count.replace("{count}", labels.length) : "";
  sayIn(element.querySelector(".chip-error"), read.error, read.lang);
  element.querySelector(".chip-values, .chip-choices").setAttribute("aria-invalid", String(Boolean(read.error)));
}

builder.addEventListener("shape", draw);
draw();
