// The entered cell, large, beside what it is compared with. Both are zoomed and moved alike; the grid's keys go on working.

const MOST_ZOOM = 32;

class Loupe {
  constructor(dialog, view) {
    [this.dialog, this.view] = [dialog, view];
    this.left = dialog.querySelector(".left");
    this.right = dialog.querySelector(".right");
    this.zoomTo(1);
    dialog.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    dialog.addEventListener("pointerdown", (event) => this.dragged(event));
    dialog.addEventListener("close", () => view.current.focus({ preventScroll: true }));
  }

  get open() {
    return this.dialog.open;
  }

  show() {
    const place = this.view.place;
    const reference = this.view.referenceOf(place);
    const alone = same(place, reference);
    const [own, other] = [pictureOf(place), pictureOf(reference)];
    this.dialog.querySelector(".pair").classList.toggle("single", alone);
    this.figure(this.left, other, undefined, `${words.reference}: ${nameOf(reference)}`);
    this.figure(this.right, own, alone || !own ? undefined : other, nameOf(place));
    this.right.classList.toggle("differing", Boolean(this.view.difference && own && other && !alone));
    const infotext = infotextOf(place);
    this.dialog.querySelector("pre").textContent = infotext || words.no_infotext;
    this.dialog.querySelector('[data-do="copy"]').disabled = !infotext;
    if (this.open) return;
    this.zoomTo(1);
    this.view.current.blur(); // or closing would go back to this cell, wherever one has gone since
    this.dialog.showModal();
    this.dialog.querySelector('[data-do="close"]').focus();
  }

  figure(figure, own, other, caption) {
    const frame = figure.querySelector(".frame");
    frame.dataset.said = words.missing;
    figure.classList.toggle("empty", !own);
    put(frame, "own", own);
    put(frame, "other", other);
    if (own) frame.querySelector(".own").alt = caption;
    figure.querySelector("figcaption").textContent = caption;
  }

  flip(on) {
    this.right.classList.toggle("flipped", on && Boolean(this.right.querySelector(".other")));
  }

  /** Zoom about a point, given as shares of a frame. */
  zoomTo(zoom, x = 0.5, y = 0.5) {
    const next = Math.min(Math.max(zoom, 1), MOST_ZOOM);
    const by = next / (this.zoom ?? 1);
    const { x: left, y: top } = this.pan ?? { x: 0, y: 0 };
    this.zoom = next;
    this.moveTo(x - (x - left) * by, y - (y - top) * by);
    this.dialog.style.setProperty("--zoom", next);
    this.dialog.classList.toggle("close", next >= 3);
  }

  moveTo(x, y) {
    const most = this.zoom - 1;
    this.pan = { x: Math.min(0, Math.max(-most, x)), y: Math.min(0, Math.max(-most, y)) };
    this.dialog.style.setProperty("--pan-x", `${this.pan.x * 100}%`);
    this.dialog.style.setProperty("--pan-y", `${this.pan.y * 100}%`);
  }

  wheeled(event) {
    const frame = event.target.closest(".frame");
    if (!frame) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  dragged(event) {
    const frame = event.target.closest(".frame");
    if (!frame || event.button !== 0) return;
    const box = frame.getBoundingClientRect();
    let [x, y] = [event.clientX, event.clientY];
    frame.setPointerCapture(event.pointerId);
    const move = (moved) => {
      this.moveTo(this.pan.x + (moved.clientX - x) / box.width, this.pan.y + (moved.clientY - y) / box.height);
      [x, y] = [moved.clientX, moved.clientY];
    };
    frame.addEventListener("pointermove", move);
    frame.addEventListener("lostpointercapture", () => frame.removeEventListener("pointermove", move), { once: true });
  }

  async copy(button) {
    const text = infotextOf(this.view.place);
    const said = (word) => {
      button.textContent = word;
      setTimeout(() => { button.textContent = words.copy; }, 2000);
    };
    try {
      await navigator.clipboard.writeText(text);
      said(words.copied);
    } catch {
      // A page opened from a folder may be denied the clipboard; then the text is at least selected.
      getSelection().selectAllChildren(this.dialog.querySelector("pre"));
      said(document.execCommand("copy") ? words.copied : words.selected);
    }
  }
}
