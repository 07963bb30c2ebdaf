// <mask-painter>: paints a mask on a picture with a brush and an eraser of any size, by pointer, touch or keyboard.
//
// open(scenes) takes `[{picture, width, height, mask}]`, addresses of pictures and of masks that are there already (or
// null), and the `key` of each picture, by which the server finds what has a colour in it; go(n) shows one. png(n) gives the
// bytes of its mask, black and white, null where nothing is painted. Tells of "painted" whenever a mask has changed, and of
// "refused" (detail: {error, lang}) for a file that is no mask.

import { place } from "./project.js";
import { refusalIn } from "./server.js";

const MOST_UNDO = 30;

class MaskPainter extends HTMLElement {
  scenes = [];
  at = 0;
  tool = "paint";

  connectedCallback() {
    this.board = this.part("board");
    this.image = this.board.appendChild(document.createElement("img"));
    this.image.alt = "";
    this.image.draggable = false;
    this.canvas = this.board.appendChild(document.createElement("canvas"));
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", this.dataset.label);
    this.brush = this.board.appendChild(document.createElement("i"));
    this.brush.className = "mp-brush";
    this.canvas.addEventListener("pointerdown", (event) => this.stroked(event));
    this.canvas.addEventListener("pointermove", (event) => this.point(this.spot(event)));
    this.canvas.addEventListener("pointerleave", () => (this.brush.hidden = document.activeElement !== this.canvas));
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
    this.canvas.addEventListener("focus", () => this.point(this.pointed));
    this.part("size").addEventListener("input", () => this.point(this.pointed));
    this.part("undo").addEventListener("click", () => this.undo());
    this.part("clear").addEventListener("click", () => this.clear());
    this.part("tolerance").addEventListener("input", () => this.showTolerance());
    this.part("tolerance").addEventListener("change", () => this.picked && this.addColour());
    this.part("file").addEventListener("change", () => this.load());
    this.showTolerance();
    for (const button of this.querySelectorAll("[data-tool]")) button.addEventListener("click", () => this.take(button.dataset.tool));
  }

  part(name) {
    return this.querySelector(`[data-part=${name}]`);
  }

  async open(scenes) {
    this.scenes = scenes.map((scene) => {
      const layer = document.createElement("canvas");
      [layer.width, layer.height] = [scene.width, scene.height];
      return { ...scene, layer, pen: layer.getContext("2d", { willReadFrequently: true }), past: [], share: 0 };
    });
    this.pointed = { x: scenes[0].width / 2, y: scenes[0].height / 2 };
    this.go(0);
    await Promise.all(this.scenes.map((scene) => this.recall(scene)));
    this.changed();
  }

  /** Put a mask that is there already on its layer: what is white. */
  async recall(scene) {
    if (!scene.mask) return;
    const image = new Image();
    image.src = scene.mask;
    await image.decode().catch(() => {});
    if (!image.naturalWidth) return;
    this.cover(scene, image);
  }

  /** Put what is lighter than middle grey in an image on the scene's layer, alone or to what is there. */
  cover(scene, image, before = null) {
    const { pen, width, height } = scene;
    pen.globalCompositeOperation = "source-over";
    pen.clearRect(0, 0, width, height);
    pen.drawImage(image, 0, 0);
    const pixels = pen.getImageData(0, 0, width, height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const [red, green, blue, alpha] = pixels.data.subarray(at, at + 4);
      const inside = alpha > 127 && 0.299 * red + 0.587 * green + 0.114 * blue > 127;
      pixels.data.set([255, 255, 255, inside || before?.data[at + 3] > 127 ? 255 : 0], at);
    }
    pen.putImageData(pixels, 0, 0);
    this.measure(scene);
  }

  /** A mask from a file, instead of what is painted. */
  async load() {
    const [file] = this.part("file").files;
    this.part("file").value = ""; // the same may be loaded again
    if (!file) return;
    const { scene } = this;
    const image = await createImageBitmap(file).catch(() => null);
    if (!image) return this.refuse({ error: this.dataset.noPicture });
    const sizes = { width: image.width, height: image.height, wide: scene.width, high: scene.height };
    if (image.width !== scene.width || image.height !== scene.height) {
      return this.refuse({ error: this.dataset.otherSize.replace(/\{(\w+)\}/g, (_, name) => sizes[name]) });
    }
    this.keepPast();
    this.cover(scene, image);
    this.picked = null;
    this.changed();
    this.refuse({ error: "" });
  }

  /** Take the colour at a spot of the picture, and add all that has it. */
  async pick({ x, y }) {
    const { scene } = this;
    const { picture, width, height } = scene;
    if (!picture) return;
    await this.image.decode().catch(() => {}); // before it has come, every spot would be black
    if (this.scene !== scene || !this.image.naturalWidth) return;
    const sheet = new OffscreenCanvas(width, height).getContext("2d");
    sheet.drawImage(this.image, 0, 0, width, height);
    const spot = [Math.min(Math.floor(x), width - 1), Math.min(Math.floor(y), height - 1)];
    const colour = [...sheet.getImageData(...spot, 1, 1).data.slice(0, 3)].map((level) => level.toString(16).padStart(2, "0")).join("");
    this.keepPast();
    this.picked = { scene, colour, before: scene.past.at(-1) };
    await this.addColour();
  }

  /** What has the colour that was picked last, to what was there before; again when the tolerance changes. */
  async addColour() {
    const { scene, colour, before } = this.picked;
    const tolerance = this.part("tolerance").value;
    const response = await fetch(`${place}/colour-masks/${scene.key}.png?${new URLSearchParams({ colour, tolerance })}`).catch(() => null);
    if (!response) return;
    if (!response.ok) return this.refuse(refusalIn(await response.text()));
    const image = await createImageBitmap(await response.blob());
    if (this.picked?.before !== before || this.part("tolerance").value !== tolerance) return;
    this.cover(scene, image, before);
    this.changed();
  }

  refuse(detail) {
    this.dispatchEvent(new CustomEvent("refused", { detail }));
  }

  showTolerance() {
    this.part("tolerance-text").textContent = `ΔE ${this.part("tolerance").value}`;
  }

  get scene() {
    return this.scenes[this.at];
  }

  go(number) {
    this.at = number;
    this.picked = null;
    const { picture, width, height } = this.scene;
    if (picture) this.image.src = picture;
    else this.image.removeAttribute("src");
    [this.canvas.width, this.canvas.height] = [width, height];
    this.board.classList.toggle("tiny", width < 200);
    this.style.setProperty("--ratio", `${width} / ${height}`);
    this.style.setProperty("--wide", width / height);
    this.changed();
  }

  take(tool) {
    this.tool = tool;
    this.picked = null;
    this.part("size-label").hidden = tool === "colour";
    this.part("tolerance-label").hidden = tool !== "colour";
    this.classList.toggle("picking", tool === "colour");
    this.point(this.pointed);
    for (const button of this.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }

  /** The brush's radius in the picture's pixels: its size is in percent of the longer side. */
  get radius() {
    const share = this.tool === "colour" ? 2 : Number(this.part("size").value);
    return (Math.max(this.scene.width, this.scene.height) * share) / 200;
  }

  /** Where in the picture an event is. */
  spot(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * this.scene.width, y: ((event.clientY - box.top) / box.height) * this.scene.height };
  }

  point(spot) {
    if (!this.scene) return;
    this.pointed = spot;
    const { width, height } = this.scene;
    this.brush.hidden = false;
    this.brush.style.setProperty("left", `${(100 * spot.x) / width}%`);
    this.brush.style.setProperty("top", `${(100 * spot.y) / height}%`);
    this.brush.style.setProperty("width", `${(200 * this.radius) / width}%`);
  }

  stroked(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.focus();
    if (this.tool === "colour") return void this.pick(this.spot(event));
    this.picked = null;
    this.canvas.setPointerCapture(event.pointerId);
    this.keepPast();
    let last = this.spot(event);
    this.dab(last, last);
    const move = (moved) => {
      for (const each of moved.getCoalescedEvents?.() ?? [moved]) {
        const next = this.spot(each);
        this.dab(last, next);
        last = next;
      }
    };
    const stop = () => {
      this.canvas.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) this.canvas.removeEventListener(name, stop);
      this.measure(this.scene);
      this.changed();
    };
    this.canvas.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, stop);
  }

  /** A stroke of the brush from one spot to another. */
  dab(from, to) {
    const { pen } = this.scene;
    pen.globalCompositeOperation = this.tool === "paint" ? "source-over" : "destination-out";
    Object.assign(pen, { lineCap: "round", lineWidth: 2 * this.radius, strokeStyle: "#fff" });
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x + 0.01, to.y);
    pen.stroke();
    this.paint();
  }

  pressed(event) {
    const step = Math.max(this.radius / (event.shiftKey ? 8 : 2), 1);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const size = this.part("size");
    if (event.key in moves) {
      const { width, height } = this.scene;
      const [x, y] = moves[event.key];
      this.point({ x: Math.min(Math.max(this.pointed.x + x, 0), width), y: Math.min(Math.max(this.pointed.y + y, 0), height) });
    } else if (event.key === " " && this.tool === "colour") {
      if (!event.repeat) this.pick(this.pointed);
    } else if (event.key === " ") {
      if (!event.repeat) this.keepPast();
      this.dab(this.pointed, this.pointed);
      this.measure(this.scene);
      this.changed();
    } else if (event.key === "[" || event.key === "]") {
      size.value = Number(size.value) + (event.key === "]" ? 2 : -2);
      this.point(this.pointed);
    } else if (["e", "b", "c"].includes(event.key) && !event.ctrlKey && !event.metaKey) this.take({ e: "erase", b: "paint", c: "colour" }[event.key]);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) this.undo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  keepPast() {
    const { pen, past, width, height } = this.scene;
    past.push(pen.getImageData(0, 0, width, height));
    if (past.length > MOST_UNDO) past.shift();
  }

  undo() {
    const before = this.scene.past.pop();
    this.picked = null;
    if (!before) return;
    this.scene.pen.putImageData(before, 0, 0);
    this.measure(this.scene);
    this.changed();
  }

  clear() {
    this.keepPast();
    this.picked = null;
    this.scene.pen.clearRect(0, 0, this.scene.width, this.scene.height);
    this.measure(this.scene);
    this.changed();
  }

  /** How much of the picture is painted, 0 to 1. */
  measure(scene) {
    const { data } = scene.pen.getImageData(0, 0, scene.width, scene.height);
    let painted = 0;
    for (let at = 3; at < data.length; at += 4) painted += data[at] > 127;
    scene.share = painted / (scene.width * scene.height);
  }

  paint() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.globalCompositeOperation = "source-over";
    pen.drawImage(this.scene.layer, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = getComputedStyle(this).getPropertyValue("--paint");
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  changed() {
    this.paint();
    const { share, past } = this.scene;
    this.part("undo").disabled = !past.length;
    this.part("clear").disabled = !share;
    this.part("share").textContent = share ? this.part("share").dataset.text.replace("{share}", (100 * share).toFixed(share < 0.1 ? 1 : 0)) : "";
    this.dispatchEvent(new Event("painted"));
  }

  /** Whether a mask has both an inside and an outside. */
  whole(number) {
    const { share } = this.scenes[number];
    return share > 0 && share < 1;
  }

  async png(number) {
    if (!this.whole(number)) return null;
    const { pen, width, height } = this.scenes[number];
    const pixels = pen.getImageData(0, 0, width, height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const value = pixels.data[at + 3] > 127 ? 255 : 0;
      pixels.data.set([value, value, value, 255], at);
    }
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [width, height];
    sheet.getContext("2d").putImageData(pixels, 0, 0);
    return new Promise((done) => sheet.toBlob(done, "image/png"));
  }
}

customElements.define("mask-painter", MaskPainter);
