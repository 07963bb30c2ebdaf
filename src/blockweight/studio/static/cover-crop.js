// <cover-crop>: which part of a picture becomes the cover, two wide to three high. The picture is chosen among radio
// buttons; the part goes into the hidden field `crop` as left,top,width,height in the picture's own pixels.

const SHAPE = 2 / 3; // width by height
const STEP = 0.01; // of the picture's longer side, for a key

class CoverCrop extends HTMLElement {
  at = { left: 0, top: 0, height: 0 }; // in pixels of the picture

  connectedCallback() {
    const find = (name) => this.querySelector(name);
    [this.stage, this.frame, this.picture, this.box] = [".cc-stage", ".cc-frame", ".cc-picture", ".cc-box"].map(find);
    [this.corner, this.size, this.said] = [".cc-corner", ".cc-size", ".cc-said"].map(find);
    this.field = find("[name=crop]");
    this.picture.addEventListener("load", () => this.loaded());
    this.picture.draggable = false;
    for (const radio of this.querySelectorAll("[name=cover]")) radio.addEventListener("change", () => this.choose(radio.value));
    this.box.addEventListener("keydown", (event) => this.pressed(event));
    this.box.addEventListener("pointerdown", (event) => this.grabbed(event));
    this.size.addEventListener("input", () => this.resize((this.most * this.size.value) / 100));
    this.choose(find("[name=cover]:checked").value, true);
  }

  /** Show a picture; `kept` if the part in the field is of this one. */
  choose(key, kept = false) {
    const picture = /^[0-9a-f]{32}$/.test(key);
    this.stage.hidden = !picture;
    if (!kept || !picture) this.field.value = "";
    if (picture) this.picture.src = `${this.dataset.place}/pictures/${key}.png`;
    else this.picture.removeAttribute("src");
  }

  loaded() {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    this.frame.style.setProperty("aspect-ratio", `${width} / ${height}`);
    this.frame.style.setProperty("--shape", `${width / height}`);
    this.most = Math.min(height, width / SHAPE);
    const kept = /^(\d+),(\d+),(\d+),(\d+)$/.exec(this.field.value)?.slice(1).map(Number);
    this.at = kept ? { left: kept[0], top: kept[1], height: kept[3] } : { left: (width - this.most * SHAPE) / 2, top: (height - this.most) / 2, height: this.most };
    this.draw();
  }

  move(left, top) {
    Object.assign(this.at, { left, top });
    this.draw();
  }

  /** Change the height about the middle of the part. */
  resize(height) {
    const next = Math.min(this.most, Math.max(this.most * 0.2, height));
    const by = (this.at.height - next) / 2;
    this.at = { left: this.at.left + by * SHAPE, top: this.at.top + by, height: next };
    this.draw();
  }

  draw() {
    const { naturalWidth: width, naturalHeight: height } = this.picture;
    const limit = (value, most) => Math.min(Math.max(0, value), most);
    // Whole pixels, and never a row beyond the picture.
    const high = Math.max(3, Math.floor(limit(this.at.height, this.most)));
    const wide = Math.max(2, Math.min(width, Math.round(high * SHAPE)));
    const left = Math.round(limit(this.at.left, width - wide));
    const top = Math.round(limit(this.at.top, height - high));
    this.at = { left: limit(this.at.left, width - wide), top: limit(this.at.top, height - high), height: limit(this.at.height, this.most) };
    const place = { left: left / width, top: top / height, width: wide / width, height: high / height };
    for (const [name, share] of Object.entries(place)) this.box.style.setProperty(name, `${share * 100}%`);
    this.field.value = [left, top, wide, high].join(",");
    this.size.value = (this.at.height / this.most) * 100;
    this.said.textContent = this.dataset.size.replace("{width}", wide).replace("{height}", high);
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const by = Math.max(this.picture.naturalWidth, this.picture.naturalHeight) * STEP * (event.shiftKey ? 10 : 1);
    const { left, top, height } = this.at;
    const keys = {
      ArrowLeft: () => this.move(left - by, top),
      ArrowRight: () => this.move(left + by, top),
      ArrowUp: () => this.move(left, top - by),
      ArrowDown: () => this.move(left, top + by),
      "+": () => this.resize(height * 1.05),
      "=": () => this.resize(height * 1.05),
      "-": () => this.resize(height / 1.05),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  grabbed(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    const scale = this.picture.naturalWidth / this.frame.getBoundingClientRect().width;
    const [x, y, first] = [event.clientX, event.clientY, { ...this.at }];
    const resizing = event.target === this.corner;
    this.box.setPointerCapture(event.pointerId);
    const follow = ({ clientX, clientY }) => {
      const [dx, dy] = [(clientX - x) * scale, (clientY - y) * scale];
      if (!resizing) return this.move(first.left + dx, first.top + dy);
      const room = Math.min(this.picture.naturalHeight - first.top, (this.picture.naturalWidth - first.left) / SHAPE);
      const wanted = first.height + Math.max(dy, dx / SHAPE);
      this.at = { left: first.left, top: first.top, height: Math.min(room, Math.max(this.most * 0.2, wanted)) };
      this.draw();
    };
    this.box.addEventListener("pointermove", follow);
    this.box.addEventListener("lostpointercapture", () => this.box.removeEventListener("pointermove", follow), { once: true });
  }
}

customElements.define("cover-crop", CoverCrop);
