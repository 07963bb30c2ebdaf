// The grid. All labels are there and stay in view; of the cells only those near the view, and the one that is entered.

const GAP = 6; // as in the style sheet
const APART = 12;
const NEAR = 200; // pixels around the view in which cells stay, and are made once those in view are there
const REST = 150; // milliseconds without scrolling before cells out of view are made
const MOST_SIDE = 320; // the width of the row labels' band

class PlotView extends EventTarget {
  constructor(view) {
    super();
    this.view = view;
    this.table = view.querySelector(".table");
    this.layout = layouts[0];
    this.tab = 0;
    this.row = 0;
    this.column = 0;
    this.difference = false;
    ({ place: this.reference, against: this.against } = firstReference());
    this.cells = new Map(); // "row,column" → element
    view.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(view);
    this.table.addEventListener("focusin", (event) => this.entered(event.target.closest(".cell")));
    this.table.addEventListener("click", (event) => this.clicked(event));
  }

  get place() {
    return this.placeAt(this.row, this.column);
  }

  placeAt(row, column) {
    const place = [0, 0, 0];
    [column, row, this.tab].forEach((number, along) => {
      place[this.layout[along]] = number;
    });
    return place;
  }

  /** The place that another is compared with: the reference, or the same place with the reference's value of one axis. */
  referenceOf(place) {
    return this.against < 0 ? this.reference : place.map((number, axis) => (axis === this.against ? this.reference[axis] : number));
  }

  get current() {
    return this.cells.get(`${this.row},${this.column}`);
  }

  /** Show the plot in another layout; the place that was entered stays entered. */
  arrange(layout, place = this.place) {
    this.layout = layout;
    [this.column, this.row, this.tab] = layout.map((axis) => place[axis]);
    this.build();
    this.reveal();
  }

  build() {
    const [columns, rows] = this.layout;
    const held = this.table.contains(document.activeElement);
    this.cells.clear();
    this.table.setAttribute("aria-colcount", labelsOf(columns).length + 1);
    this.table.setAttribute("aria-rowcount", labelsOf(rows).length + 1);
    const apart = (axis, number) => number > 0 && isBaseline(axis, number) !== isBaseline(axis, number - 1);
    this.shifts = []; // how far the gaps beside baselines move each column to the right
    this.tracks = []; // the grid line at which each column begins
    const tracks = [];
    labelsOf(columns).forEach((_, number) => {
      if (apart(columns, number)) tracks.push(`${APART}px`);
      this.shifts.push((tracks.length - number) * (APART + GAP));
      this.tracks.push(tracks.push("var(--slot)") + 1);
    });
    this.table.style.setProperty("--tracks", ["var(--side)", ...tracks].join(" "));
    // A prompt over a narrow column would fill the view: its column is wider than the pictures.
    const longest = Math.max(...labelsOf(columns).map((label) => label.length));
    this.least = longest > 400 ? 420 : longest > 150 ? 280 : longest > 50 ? 170 : 0;
    this.fitColumns();
    this.heads = labelsOf(columns).map((label, number) => {
      const head = this.label("columnheader", "head", label, columns, number);
      head.setAttribute("aria-colindex", number + 2);
      head.style.gridColumn = this.tracks[number];
      return head;
    });
    const top = part("div", "row heads");
    top.setAttribute("role", "row");
    top.setAttribute("aria-rowindex", 1);
    top.append(this.corner(), ...this.heads);
    this.rows = labelsOf(rows).map((label, number) => {
      const row = part("div", apart(rows, number) ? "row apart" : "row");
      row.setAttribute("role", "row");
      row.setAttribute("aria-rowindex", number + 2);
      row.append(this.label("rowheader", "side", label, rows, number));
      return row;
    });
    this.sides = this.rows.map((row) => row.firstChild);
    this.table.replaceChildren(top, ...this.rows);
    this.fitSide();
    this.fill();
    if (held) this.current.focus({ preventScroll: true });
    this.dispatchEvent(new Event("built"));
  }

  label(role, name, text, axis, number) {
    const made = part("div", isBaseline(axis, number) ? `${name} baseline` : name, text);
    made.setAttribute("role", role);
    return made;
  }

  corner() {
    const corner = part("div", "corner");
    corner.setAttribute("role", "columnheader");
    for (const [along, sign] of [[0, "→"], [1, "↓"]]) {
      const name = plot.axes[this.layout[along]]?.name;
      if (name) corner.append(part("span", "", `${sign} ${name}`));
    }
    return corner;
  }

  /** Make the band of the row labels as wide as the longest, within bounds; longer ones are wrapped. */
  fitSide() {
    const least = labelsOf(this.layout[1]).every((label) => label === "") ? 16 : 64;
    const most = Math.min(MOST_SIDE, Math.max(96, innerWidth * 0.3));
    this.table.style.setProperty("--side", "max-content");
    const widest = Math.max(this.table.querySelector(".corner").offsetWidth, ...this.sides.map((side) => side.offsetWidth));
    this.side = Math.min(most, Math.max(least, widest + 1));
    this.table.style.setProperty("--side", `${this.side}px`);
  }

  fitColumns() {
    this.slot = Math.max(this.width, this.least ?? 0);
    this.table.style.setProperty("--slot", `${this.slot}px`);
  }

  /** The width of a cell in pixels; what is in the middle of the view stays there. */
  resize(width) {
    const [x, y] = this.width ? [this.view.scrollLeft, this.view.scrollTop].map((at) => at / this.width) : [0, 0];
    this.width = width;
    this.height = Math.round((width * plot.size[1]) / plot.size[0]);
    this.table.style.setProperty("--cell-w", `${width}px`);
    this.table.style.setProperty("--cell-h", `${this.height}px`);
    this.table.classList.toggle("enlarged", width * devicePixelRatio >= 1.5 * plot.size[0]);
    this.fitColumns();
    if (!this.rows) return;
    [this.view.scrollLeft, this.view.scrollTop] = [x * width, y * width];
    this.fill();
  }

  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.fill();
    });
  }

  /** Make the cells in view, then those near it, and drop the others, whose pictures then leave the memory. */
  fill() {
    if (!this.rows) return;
    const near = this.within(NEAR);
    near.add(`${this.row},${this.column}`);
    for (const [key, cell] of this.cells) {
      if (near.has(key)) continue;
      cell.remove();
      this.cells.delete(key);
    }
    this.makeAll([...this.within(0), `${this.row},${this.column}`]);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.makeAll(this.within(NEAR)), REST);
  }

  /** The cells at most so many pixels outside the view. */
  within(margin) {
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.view;
    const found = new Set();
    const bottom = scrollTop + clientHeight + margin;
    for (let row = this.firstRow(scrollTop - margin); row < this.rows.length && this.rows[row].offsetTop < bottom; row++) {
      this.shifts.forEach((shift, column) => {
        const left = this.side + GAP + column * (this.slot + GAP) + shift - scrollLeft;
        if (left + this.slot > -margin && left < clientWidth + margin) found.add(`${row},${column}`);
      });
    }
    return found;
  }

  makeAll(keys) {
    for (const key of keys) if (!this.cells.has(key)) this.make(key);
    this.show();
  }

  /** The first row that ends below a height; the rows' own heights differ with their labels. */
  firstRow(height) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.rows[middle];
      if (row.offsetTop + row.offsetHeight < height) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  make(key) {
    const [row, column] = key.split(",").map(Number);
    const cell = part("div", "cell");
    Object.assign(cell.dataset, { row, column });
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-colindex", column + 2);
    cell.style.gridColumn = this.tracks[column];
    cell.style.gridRow = 1;
    cell.append(part("div", "frame"));
    this.cells.set(key, cell);
    // In the order of the columns, as a screen reader goes through them.
    const next = [...this.rows[row].children].find((other) => Number(other.dataset.column) > column);
    this.rows[row].insertBefore(cell, next ?? null);
  }

  /** Bring every cell that is there up to date: its pictures, tag and name. */
  show() {
    for (const cell of this.cells.values()) this.showCell(cell);
    this.heads.forEach((head, number) => head.classList.toggle("here", number === this.column));
    this.sides.forEach((side, number) => side.classList.toggle("here", number === this.row));
  }

  showCell(cell) {
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    const place = this.placeAt(row, column);
    const reference = this.referenceOf(place);
    const [own, other] = [pictureOf(place), pictureOf(reference)];
    const [isReference, here] = [same(place, reference), row === this.row && column === this.column];
    const frame = cell.firstChild;
    const compared = own && other && !isReference;
    put(frame, "own", own);
    put(frame, "other", compared && (this.difference || here) ? other : undefined);
    cell.classList.toggle("empty", !own);
    cell.classList.toggle("differing", Boolean(this.difference && compared));
    cell.tabIndex = here ? 0 : -1;
    const said = [nameOf(place)];
    if (isReference) said.push(words.reference);
    if (!own) said.push(words.missing);
    frame.dataset.said = own ? words.gone : words.missing;
    cell.setAttribute("aria-label", said.join(", "));
    this.tag(cell, isReference ? "R" : this.difference && own && !other ? words.no_reference : "");
  }

  tag(cell, text) {
    const tag = cell.querySelector(".tag");
    if (!text) tag?.remove();
    else if (tag) tag.textContent = text;
    else cell.append(part("span", "tag", text));
  }

  entered(cell) {
    if (!cell) return;
    this.flip(false);
    [this.row, this.column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    this.show();
    this.dispatchEvent(new Event("moved"));
  }

  clicked(event) {
    const cell = event.target.closest(".cell");
    if (!cell) return;
    cell.focus({ preventScroll: true });
    this.dispatchEvent(new Event("opened"));
  }

  /** Enter another cell, and bring it into view beside the labels that stay. */
  go(row, column) {
    if (row < 0 || column < 0 || row >= this.rows.length || column >= this.heads.length) return;
    this.flip(false);
    [this.row, this.column] = [row, column];
    this.fill();
    this.reveal();
    if (!document.querySelector("dialog[open]")) this.current.focus({ preventScroll: true });
    this.dispatchEvent(new Event("moved"));
  }

  reveal() {
    const [view, box] = [this.view.getBoundingClientRect(), this.current.getBoundingClientRect()];
    const head = this.table.firstChild.offsetHeight;
    const right = view.left + this.view.clientWidth;
    const bottom = view.top + this.view.clientHeight;
    if (box.left < view.left + this.side + GAP) this.view.scrollLeft -= view.left + this.side + GAP - box.left;
    else if (box.right > right) this.view.scrollLeft += Math.min(box.right - right + GAP, box.left - view.left - this.side - GAP);
    if (box.top < view.top + head + GAP) this.view.scrollTop -= view.top + head + GAP - box.top;
    else if (box.bottom > bottom) this.view.scrollTop += Math.min(box.bottom - bottom + GAP, box.top - view.top - head - GAP);
    this.fill();
  }

  /** Show the reference in the place of the entered cell for as long as it is held. */
  flip(on) {
    const cell = this.current;
    if (!cell || cell.classList.contains("flipped") === on) return;
    cell.classList.toggle("flipped", on && Boolean(cell.querySelector(".other")));
  }

  choose(place) {
    this.reference = place;
    this.changed();
  }

  changed() {
    this.show();
    this.dispatchEvent(new Event("moved"));
  }
}
