// <picture-compare>: the source, the changed picture and their difference side by side. A slider wipes the source over the
// changed picture, and a held key or pointer shows the source in its place, at the same pixels.

import { place } from "./project.js";

class PictureCompare extends HTMLElement {
  wipe = 0; // percent of the source, from the left

  connectedCallback() {
    this.frames = {};
    for (const name of ["source", "changed", "difference"]) {
      const figure = this.appendChild(document.createElement("figure"));
      const frame = figure.appendChild(part("div", `pc-frame pc-${name}`));
      for (const layer of name === "changed" ? ["changed", "source"] : [name]) {
        const image = frame.appendChild(part("img", `pc-${layer}-image`));
        image.alt = "";
        image.draggable = false;
      }
      frame.append(part("span", "pc-wait", this.dataset.missing));
      this.frames[name] = { frame, caption: figure.appendChild(part("figcaption", "")), figure };
    }
    this.frames.changed.frame.append(part("i", "pc-handle"));
    this.slider = this.range(this.frames.changed.figure, this.dataset.wipeName, this.dataset.wipe, { min: 0, max: 100, value: 0 });
    this.slider.addEventListener("input", () => this.wipeTo(Number(this.slider.value)));
    this.bright = this.range(this.frames.difference.figure, this.dataset.brightenName, this.dataset.brighten, { min: 1, max: 10, value: localStorage.getItem("blockweight:bright") ?? 3 });
    this.bright.addEventListener("input", () => this.brighten());
    this.frames.changed.frame.title = this.dataset.flip;
    this.frames.changed.frame.addEventListener("pointerdown", (event) => this.held(event));
    this.brighten();
    this.wipeTo(0);
  }

  range(figure, name, label, { min, max, value }) {
    const row = figure.appendChild(part("label", "pc-range", name));
    const input = row.appendChild(document.createElement("input"));
    Object.assign(input, { type: "range", min, max, step: 1, value, title: label });
    input.setAttribute("aria-label", label);
    return input;
  }

  /** Show a block in a scene: `{pair, scene, block, value, base}`; the captions are made from the words. */
  show({ pair, scene, block, value, base }) {
    const { source, changed, source_ready: sourceReady, changed_ready: changedReady } = pair;
    this.style.setProperty("--ratio", `${scene.width} / ${scene.height}`);
    this.style.setProperty("--wide", scene.width / scene.height);
    this.classList.toggle("tiny", scene.width < 200);
    const picture = (key, ready) => (ready ? `${place}/pictures/${key}.png` : null);
    const both = sourceReady && changedReady;
    put(this.frames.source.frame, ".pc-source-image", picture(source, sourceReady));
    put(this.frames.changed.frame, ".pc-changed-image", picture(changed, changedReady));
    put(this.frames.changed.frame, ".pc-source-image", picture(source, both));
    put(this.frames.difference.frame, ".pc-difference-image", both ? `${place}/differences/${changed}/${source}.png` : null);
    this.frames.source.caption.textContent = this.dataset.source.replace("{weight}", base);
    this.frames.changed.caption.textContent = this.dataset.changed.replace("{block}", block).replace("{weight}", value);
    this.frames.difference.caption.textContent = this.dataset.difference;
  }

  wipeTo(percent) {
    this.wipe = Math.min(Math.max(percent, 0), 100);
    this.slider.value = this.wipe;
    this.style.setProperty("--wipe", `${this.wipe}%`);
    this.classList.toggle("unwiped", this.wipe === 0);
  }

  flip(on) {
    this.classList.toggle("flipped", on);
  }

  brighten() {
    this.style.setProperty("--bright", this.bright.value);
    localStorage.setItem("blockweight:bright", this.bright.value);
  }

  /** A pointer near the edge of the wipe moves it; elsewhere it flips for as long as it is held. */
  held(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const { frame } = this.frames.changed;
    const box = frame.getBoundingClientRect();
    const percent = (moved) => (100 * (moved.clientX - box.left)) / box.width;
    const grip = Math.min(Math.max((this.wipe * box.width) / 100, 14), box.width - 14);
    const wiping = Math.abs(event.clientX - box.left - grip) < 20;
    frame.setPointerCapture(event.pointerId);
    if (!wiping) this.flip(true);
    const move = (moved) => wiping && this.wipeTo(percent(moved));
    const stop = () => {
      this.flip(false);
      frame.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) frame.removeEventListener(name, stop);
    };
    frame.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, stop);
  }
}

function part(kind, name, text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** Set a picture without loading one twice that is there; without one, its frame says so. */
function put(frame, selector, source) {
  const image = frame.querySelector(selector);
  if (source === null) image.removeAttribute("src");
  else if (image.getAttribute("src") !== source) image.src = source;
  frame.classList.toggle("ready", Boolean(frame.firstElementChild.getAttribute("src")));
}

customElements.define("picture-compare", PictureCompare);
