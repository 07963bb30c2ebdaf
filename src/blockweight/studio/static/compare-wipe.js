// The large view of the Compare page: a wipe between two variants of a scene.

import { place } from "./project.js";
import "./wipe-view.js";

const dialog = document.getElementById("wipe");
const wipe = dialog.querySelector("wipe-view");
const [left, right, row] = ["left", "right", "row"].map((name) => document.getElementById(`wipe-${name}`));
let grid = null;
let names = [];

/** Open it on the grid's cell, beside the column that the others are compared with. */
export function openWipe(shown, hidden, words) {
  grid = shown;
  names = grid.grid.columns.map((column) => (hidden ? words.place.replace("{number}", column.label) : grid.title(column)));
  for (const select of [left, right]) select.replaceChildren(...names.map((name, at) => new Option(name, at)));
  row.replaceChildren(...grid.grid.scenes.map((scene, at) => new Option(`${scene.label} · ${grid.dataset.seed} ${scene.seed}`, at)));
  const other = grid.reference === grid.column ? (grid.column + 1) % names.length : grid.reference;
  [left.value, right.value, row.value] = [other, grid.column, grid.row].map(String);
  wipe.move(50);
  draw();
  if (!dialog.open) dialog.showModal();
  wipe.edge.focus();
}

function draw() {
  const y = Number(row.value);
  const { width, height } = grid.grid.scenes[y];
  wipe.style.setProperty("--shape", `${width} / ${height}`);
  wipe.style.setProperty("--shape-width", `${width / height}`);
  const [one, other] = [left, right].map((select) => {
    const x = Number(select.value);
    const source = grid.grid.ready[y][x] ? `${place}/pictures/${grid.grid.keys[y][x]}.png` : null;
    return { source, name: names[x] };
  });
  wipe.show(one, other);
}

for (const select of [left, right, row]) select.addEventListener("change", draw);
document.getElementById("wipe-swap").addEventListener("click", () => {
  [left.value, right.value] = [right.value, left.value];
  draw();
});
wipe.addEventListener("keydown", (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  row.value = String(Math.min(row.options.length - 1, Math.max(0, Number(row.value) + step)));
  draw();
});
// Back in the grid at the scene that was looked at last.
dialog.addEventListener("close", () => grid.go(Number(row.value), grid.column));
