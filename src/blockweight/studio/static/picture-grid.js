// <picture-grid>: rows are scenes, columns are what was tried. Only pictures near the view are loaded, at the size at
// which they are shown; flipping, difference, zoom and pan are done here, at once and in all cells alike.
//
// show(grid, marks) draws `{columns, scenes, keys, ready}`; `reference` is the column that the others are compared with,
// `fixed` the blocks that are fixed, whatever was decided in this grid.
// Events: "moved" when another cell is entered.

import "./picture-loupe.js";
import { place } from "./project.js";

const SIZES = [96, 192, 384, 768]; // the server's thumbnails
const NEAR = "600px"; // pictures this far outside the view are loaded already
const MOST_ZOOM = 16;

class PictureGrid extends HTMLElement {
  reference = 1;
  row = 0;
  column = 2;
  zoom = 1;
  pan = { x: 0, y: 0 }; // shares of a cell's width and height
  difference = false;
  fixed = new Set();
  cells = []; // cells[row][column]

  connectedCallback() {
    this.scroller = this.appendChild(part("div", "pg-scroll"));
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { root: this.scroller, rootMargin: NEAR });
    this.scroller.addEventListener("focusin", (event) => this.entered(event.target.closest?.(".pg-cell")));
    this.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.addEventListener("pointerdown", (event) => this.dragged(event));
    this.scroller.addEventListener("scroll", () => this.keep(), { passive: true });
    this.scroller.addEventListener("dblclick", (event) => event.target.closest(".pg-cell") && this.loupe?.toggle(this));
    this.loupe = this.querySelector("picture-loupe");
    this.recall();
  }

  /** Draw a grid; where only its pictures or marks are new, the cells stay. `marks` is label → accept or reject. */
  show(grid, marks = {}) {
    const shape = JSON.stringify([grid.keys, grid.columns.map((column) => column.label)]);
    this.grid = grid;
    if (shape !== this.shape) {
      this.shape = shape;
      this.build();
    }
    grid.ready.forEach((row, y) => row.forEach((ready, x) => this.arrived(this.cells[y][x], ready)));
    this.mark(marks);
  }

  build() {
    const { columns, scenes } = this.grid;
    const held = this.contains(document.activeElement);
    this.observer.disconnect();
    const table = part("div", "pg-table");
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", this.dataset.label);
    table.style.setProperty("--columns", columns.length);
    const heads = table.appendChild(part("div", "pg-row"));
    heads.setAttribute("role", "row");
    heads.append(part("div", "pg-corner"));
    this.heads = columns.map((column) => {
      const head = heads.appendChild(part("div", `pg-head pg-${column.kind}`));
      head.setAttribute("role", "columnheader");
      head.append(part("span", "pg-label", this.title(column)), part("span", "pg-mark"));
      return head;
    });
    this.cells = scenes.map((scene, y) => {
      const row = table.appendChild(part("div", "pg-row"));
      row.setAttribute("role", "row");
      const head = row.appendChild(part("div", "pg-side"));
      head.setAttribute("role", "rowheader");
      head.title = scene.prompt;
      head.append(part("span", "pg-prompt", scene.label), part("span", "pg-seed", `${this.dataset.seed} ${scene.seed}`));
      return columns.map((column, x) => row.appendChild(this.cell(scene, column, y, x)));
    });
    this.scroller.replaceChildren(table);
    this.row = Math.min(this.row, scenes.length - 1);
    this.column = Math.min(this.column, columns.length - 1);
    this.current.tabIndex = 0;
    if (held) this.current.focus();
    this.transform();
    for (const cell of this.cells.flat()) this.observer.observe(cell);
    if (this.kept) [this.scroller.scrollLeft, this.scroller.scrollTop] = this.kept;
    this.kept = null;
  }

  cell(scene, column, y, x) {
    const cell = part("div", `pg-cell pg-${column.kind}`);
    Object.assign(cell.dataset, { row: y, column: x });
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = -1;
    const frame = cell.appendChild(part("div", "pg-frame"));
    frame.style.setProperty("aspect-ratio", `${scene.width} / ${scene.height}`);
    return cell;
  }

  /** The pictures of a cell, made when it first comes near the view. */
  fill(cell) {
    const frame = cell.firstChild;
    if (frame.firstChild) return;
    for (const name of ["pg-own", "pg-other"]) {
      const image = frame.appendChild(part("img", name));
      image.alt = "";
      image.draggable = false;
    }
    frame.append(part("span", "pg-wait", this.dataset.missing));
  }

  title(column) {
    if (column.kind === "without") return this.dataset.without;
    if (column.kind === "current") return this.dataset.current;
    return column.block ? `${column.block} → ${Number(column.value.toFixed(4))}` : column.label;
  }

  arrived(cell, ready) {
    if (cell.classList.contains("ready") === ready && cell.dataset.told) return;
    cell.dataset.told = "true";
    cell.classList.toggle("ready", ready);
    if (cell.near) this.load(cell);
    if (cell === this.current) this.loupe?.show();
    this.name(cell);
  }

  mark(marks) {
    this.marks = marks;
    this.grid.columns.forEach((column, x) => {
      const choice = marks[column.label] ?? "";
      if (this.heads[x].dataset.choice === choice) return;
      this.heads[x].dataset.choice = choice;
      this.heads[x].querySelector(".pg-mark").textContent = { accept: "✓", reject: "✕" }[choice] ?? "";
      for (const row of this.cells) {
        row[x].dataset.choice = choice;
        this.name(row[x]);
      }
    });
    this.loupe?.show();
  }

  name(cell) {
    const scene = this.grid.scenes[cell.dataset.row];
    const column = this.grid.columns[cell.dataset.column];
    const said = [this.title(column), scene.label, `${this.dataset.seed} ${scene.seed}`];
    const choice = this.marks?.[column.label];
    if (choice) said.push(this.dataset[choice]);
    if (!cell.classList.contains("ready")) said.push(this.dataset.missing);
    cell.setAttribute("aria-label", said.join(", "));
  }

  get current() {
    return this.cells[this.row][this.column];
  }

  get chosen() {
    return this.grid.columns[this.column];
  }

  /** Go to a cell, and bring it into view beside the labels that stay. */
  go(row, column) {
    if (!this.cells[row]?.[column]) return;
    const cell = this.cells[row][column];
    cell.focus({ preventScroll: true });
    const [view, box] = [this.scroller.getBoundingClientRect(), cell.getBoundingClientRect()];
    const [left, top] = [this.querySelector(".pg-side").offsetWidth, this.heads[0].offsetHeight];
    if (box.left < view.left + left) this.scroller.scrollLeft -= view.left + left - box.left + 4;
    else if (box.right > view.right) this.scroller.scrollLeft += box.right - view.right + 4;
    if (box.top < view.top + top) this.scroller.scrollTop -= view.top + top - box.top + 4;
    else if (box.bottom > view.bottom) this.scroller.scrollTop += box.bottom - view.bottom + 4;
  }

  entered(cell) {
    if (!cell) return;
    this.flip(false);
    this.current.tabIndex = -1;
    [this.row, this.column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    cell.tabIndex = 0;
    this.load(cell);
    this.loupe?.show();
    this.keep();
    this.dispatchEvent(new Event("moved"));
  }

  /** A key that the grid knows; whether it did. */
  pressed(event) {
    const { key } = event;
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (key in moves) this.go(this.row + moves[key][0], this.column + moves[key][1]);
    else if (key === "Home") this.go(this.row, 0);
    else if (key === "End") this.go(this.row, this.grid.columns.length - 1);
    else if (key === " ") this.flip(true);
    else if (key === "d" || key === "D") this.compare(!this.difference);
    else if (key === "z" || key === "Z") this.zoomTo(this.zoom > 1 ? 1 : 3, 0.5, 0.5);
    else if (key === "+" || key === "=") this.zoomTo(this.zoom * 1.5, 0.5, 0.5);
    else if (key === "-") this.zoomTo(this.zoom / 1.5, 0.5, 0.5);
    else if ((key === "l" || key === "L") && this.loupe) this.loupe.toggle(this);
    else if (key === "Escape" && this.loupe?.hidden === false) this.loupe.toggle(this, false);
    else return false;
    return true;
  }

  /** Show the reference's picture in the cell's place for as long as it is held. */
  flip(on) {
    this.current?.classList.toggle("flipped", on);
    this.loupe?.flip(on);
  }

  /** Show by how much every picture differs from its row's reference, brightened. */
  compare(on) {
    this.difference = on;
    this.classList.toggle("difference", on);
    this.tellDifference();
    this.keep();
    for (const cell of this.cells.flat()) if (cell.near) this.load(cell);
    this.dispatchEvent(new Event("moved"));
  }

  /** Its buttons stay pressed while differences are shown: black pictures are no mistake then. */
  tellDifference() {
    for (const button of document.querySelectorAll('[data-key="d"]')) button.setAttribute("aria-pressed", String(this.difference));
  }

  /** Zoom all cells about a point, given as shares of a cell. */
  zoomTo(zoom, x, y) {
    const next = Math.min(Math.max(zoom, 1), MOST_ZOOM);
    const by = next / this.zoom;
    this.pan = { x: x - (x - this.pan.x) * by, y: y - (y - this.pan.y) * by };
    this.zoom = next;
    this.transform();
    for (const cell of this.cells.flat()) if (cell.near) this.load(cell);
  }

  transform() {
    const most = this.zoom - 1;
    this.pan = { x: Math.min(0, Math.max(-most, this.pan.x)), y: Math.min(0, Math.max(-most, this.pan.y)) };
    this.style.setProperty("--zoom", this.zoom);
    this.style.setProperty("--pan-x", `${this.pan.x * 100}%`);
    this.style.setProperty("--pan-y", `${this.pan.y * 100}%`);
    this.classList.toggle("zoomed", this.zoom > 1);
    this.keep();
  }

  wheeled(event) {
    const frame = event.target.closest(".pg-frame");
    if (!frame || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    this.zoomTo(this.zoom * Math.exp(-event.deltaY / 240), x, y);
  }

  dragged(event) {
    const frame = event.target.closest(".pg-frame");
    if (!frame || this.zoom === 1 || event.button !== 0) return;
    const box = frame.getBoundingClientRect();
    let [x, y] = [event.clientX, event.clientY];
    const move = (moved) => {
      this.pan = { x: this.pan.x + (moved.clientX - x) / box.width, y: this.pan.y + (moved.clientY - y) / box.height };
      [x, y] = [moved.clientX, moved.clientY];
      this.transform();
    };
    const stop = () => {
      for (const [name, listener] of listeners) removeEventListener(name, listener);
    };
    const listeners = [["pointermove", move], ["pointerup", stop], ["pointercancel", stop]];
    for (const [name, listener] of listeners) addEventListener(name, listener);
  }

  /** The width of the cells in pixels. */
  set width(pixels) {
    this.style.setProperty("--cell-width", `${pixels}px`);
    for (const cell of this.cells.flat()) if (cell.near) this.load(cell);
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      target.near = isIntersecting;
      if (isIntersecting) this.load(target);
      else for (const image of target.querySelectorAll("img")) image.removeAttribute("src"); // frees its memory
    }
  }

  load(cell) {
    this.fill(cell);
    const [y, x] = [cell.dataset.row, cell.dataset.column];
    const own = cell.classList.contains("ready");
    put(cell.querySelector(".pg-own"), own ? this.source(y, x, cell) : null);
    const wanted = this.difference || cell === this.current;
    const other = wanted && own && Number(x) !== this.reference && this.grid.ready[y][this.reference];
    put(cell.querySelector(".pg-other"), other ? this.source(y, this.reference, cell) : null);
  }

  source(y, x, cell) {
    const key = this.grid.keys[y][x];
    const { width, height } = this.grid.scenes[y];
    const shown = cell.offsetWidth * this.zoom * devicePixelRatio * Math.max(1, height / width);
    const size = SIZES.find((side) => side >= shown * 0.9);
    return size ? `${place}/thumbnails/${size}/${key}.jpg` : `${place}/pictures/${key}.png`;
  }

  keep() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => {
      const { row, column, zoom, pan, difference } = this;
      const scroll = [this.scroller.scrollLeft, this.scroller.scrollTop];
      sessionStorage.setItem(`blockweight:grid:${location.pathname}`, JSON.stringify({ row, column, zoom, pan, difference, scroll }));
    }, 150);
  }

  recall() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(`blockweight:grid:${location.pathname}`));
      if (!kept) return;
      ({ row: this.row, column: this.column, zoom: this.zoom, pan: this.pan, difference: this.difference } = kept);
      this.kept = kept.scroll;
      this.classList.toggle("difference", this.difference);
      this.tellDifference();
    } catch {
      // What another version has kept is worth no error.
    }
  }
}

function part(kind, name, text = "") {
  const made = document.createElement(kind);
  made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** Set a picture without loading one twice that is there. */
function put(image, source) {
  if (source === null) image.removeAttribute("src");
  else if (image.getAttribute("src") !== source) image.src = source;
}

customElements.define("picture-grid", PictureGrid);
