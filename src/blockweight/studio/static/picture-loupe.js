// <picture-loupe>: the cell that is entered, large, beside the reference of its row. It lies over the page, while the
// keys go on working in the grid; zoom and pan are the grid's.

import { place } from "./project.js";

class PictureLoupe extends HTMLElement {
  connectedCallback() {
    this.hidden = true;
    this.figures = ["left", "right"].map((side) => {
      const figure = this.appendChild(document.createElement("figure"));
      figure.className = `loupe-${side}`;
      const frame = figure.appendChild(document.createElement("div"));
      frame.className = "pg-frame";
      for (const name of ["pg-own", "pg-other"]) {
        const image = frame.appendChild(document.createElement("img"));
        image.className = name;
        image.alt = "";
        image.draggable = false;
      }
      return { figure, frame, caption: figure.appendChild(document.createElement("figcaption")) };
    });
    const close = this.appendChild(document.createElement("button"));
    close.type = "button";
    close.className = "button small";
    close.textContent = this.dataset.close;
    close.addEventListener("click", () => this.toggle(this.grid, false));
  }

  /** Open or close it over a grid. */
  toggle(grid, on = this.hidden) {
    this.grid = grid;
    this.hidden = !on;
    this.show();
    if (!on) grid.current.focus();
  }

  /** Show what the grid's cell is now. */
  show() {
    if (this.hidden || !this.grid) return;
    const { row, column, reference, grid } = this.grid;
    const scene = grid.scenes[row];
    const source = (x) => (grid.ready[row][x] ? `${place}/pictures/${grid.keys[row][x]}.png` : null);
    [reference, column].forEach((x, side) => {
      const { figure, frame, caption } = this.figures[side];
      frame.style.setProperty("aspect-ratio", `${scene.width} / ${scene.height}`);
      const [own, other] = frame.querySelectorAll("img");
      set(own, source(x));
      set(other, side && column !== reference && source(column) ? source(reference) : null);
      own.alt = this.grid.title(grid.columns[x]);
      caption.replaceChildren(own.alt, ...this.mark(figure, grid.columns[x]));
    });
    this.style.setProperty("--shape", scene.width / scene.height);
  }

  /** What was decided about a column, or that its block is fixed all the same. */
  mark(figure, { label, block }) {
    const choice = this.grid.marks?.[label] ?? (block && this.grid.fixed.has(block) ? "fixed" : "");
    figure.dataset.choice = choice;
    if (!choice) return [];
    const mark = document.createElement("span");
    mark.className = "pg-mark";
    mark.textContent = ` ${{ accept: "✓", reject: "✕", fixed: "■" }[choice]} ${this.dataset[choice]}`;
    return [mark];
  }

  /** Show the reference in the right picture's place for as long as it is held. */
  flip(on) {
    this.figures[1].figure.classList.toggle("flipped", on);
  }
}

function set(image, source) {
  if (source === null) image.removeAttribute("src");
  else if (image.getAttribute("src") !== source) image.src = source;
}

customElements.define("picture-loupe", PictureLoupe);
