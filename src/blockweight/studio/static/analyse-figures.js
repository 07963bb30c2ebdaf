// The figures of a complete analysis, drawn by the server, and the files that it has left.

import { place } from "./project.js";

const panel = document.getElementById("figures");
const ASIDE = { "inside-outside": document.getElementById("place-figure") }; // figures that stand elsewhere on the page

let shown = null; // the number of the analysis whose figures are shown

/** Show what there is of the analysis; whole pictures have a chart of their own of inside and outside. */
export function showFigures({ number, figures, method }) {
  const known = figures.filter((name) => name !== "ranking" && !(method === "eba" && name === "inside-outside"));
  panel.hidden = number === null || !known.length;
  if (number === shown) return;
  shown = number;
  for (const container of Object.values(ASIDE)) container.replaceChildren();
  for (const link of panel.querySelectorAll("[data-file]")) link.href = `${place}/analyses/${number}/${link.dataset.file}`;
  for (const figure of panel.querySelectorAll("[data-figure]")) {
    figure.hidden = !known.includes(figure.dataset.figure);
    figure.querySelector(".drawn").replaceChildren();
    if (!figure.hidden) draw(number, figure.dataset.figure, figure.querySelector(".drawn"), figure.querySelector("figcaption").textContent);
  }
  for (const [name, container] of Object.entries(ASIDE)) {
    if (known.includes(name)) draw(number, name, container, document.getElementById("place-title").textContent);
  }
}

async function draw(number, name, container, title) {
  const response = await fetch(`${place}/analyses/${number}/figures/${name}.svg`).catch(() => null);
  if (!response?.ok || shown !== number) return;
  const drawing = new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement;
  if (drawing.nodeName !== "svg" || shown !== number) return;
  // Its own name is English, and would show wherever the pointer rests.
  for (const told of drawing.querySelectorAll(":scope > title, :scope > desc")) told.remove();
  drawing.setAttribute("aria-label", title);
  container.replaceChildren(document.adoptNode(drawing));
}
