// <wipe-view>: two pictures on top of each other with an edge between them, moved by pointer or keys.
//
// show(left, right) takes {source, name} each; a source of null is a picture that is not there yet.

const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 };

class WipeView extends HTMLElement {
  at = 50; // percent of the width that the left picture takes

  connectedCallback() {
    this.frame = this.appendChild(part("div", "wipe-frame"));
    this.right = this.frame.appendChild(part("img", "wipe-right"));
    this.left = this.frame.appendChild(part("img", "wipe-left"));
    this.wait = this.frame.appendChild(part("p", "wipe-wait"));
    this.wait.textContent = this.dataset.missing;
    this.names = ["left", "right"].map((side) => this.frame.appendChild(part("span", `wipe-name ${side}`)));
    this.edge = this.frame.appendChild(part("div", "wipe-edge"));
    Object.assign(this.edge, { tabIndex: 0, role: "slider", ariaLabel: this.dataset.label, ariaValueMin: "0", ariaValueMax: "100" });
    for (const image of [this.left, this.right]) Object.assign(image, { draggable: false, alt: "" });
    this.frame.addEventListener("pointerdown", (event) => this.grabbed(event));
    this.edge.addEventListener("keydown", (event) => this.pressed(event));
    this.move(50);
  }

  show(left, right) {
    for (const [image, name, { source, name: text }] of [[this.left, this.names[0], left], [this.right, this.names[1], right]]) {
      if (source === null) image.removeAttribute("src");
      else if (image.getAttribute("src") !== source) image.src = source;
      image.alt = text;
      name.textContent = text;
    }
    this.wait.hidden = left.source !== null && right.source !== null;
  }

  move(percent) {
    this.at = Math.min(100, Math.max(0, percent));
    this.edge.ariaValueNow = String(Math.round(this.at));
    this.edge.ariaValueText = `${Math.round(this.at)} %`;
    this.style.setProperty("--edge-at", `${this.at}%`);
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in KEYS) this.move(this.at + KEYS[event.key] * (event.shiftKey ? 10 : 1));
    else if (event.key === "Home") this.move(0);
    else if (event.key === "End") this.move(100);
    else return;
    event.preventDefault();
  }

  grabbed(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.edge.focus({ preventScroll: true });
    this.frame.setPointerCapture(event.pointerId);
    const follow = ({ clientX }) => {
      const box = this.frame.getBoundingClientRect();
      this.move(((clientX - box.left) / box.width) * 100);
    };
    follow(event);
    this.frame.addEventListener("pointermove", follow);
    this.frame.addEventListener("lostpointercapture", () => this.frame.removeEventListener("pointermove", follow), { once: true });
  }
}

function part(kind, name) {
  const made = document.createElement(kind);
  made.className = name;
  return made;
}

customElements.define("wipe-view", WipeView);
