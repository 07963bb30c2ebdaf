// The form for a new project: <picture-drop> reads a picture's parameters on the server and fills them in; a pasted infotext
// is sent at once.

import { refusalIn, sayIn } from "./server.js";

const form = document.getElementById("new");
const infotext = document.getElementById("infotext");

class PictureDrop extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.input = this.querySelector("input");
    this.input.addEventListener("change", () => this.input.files[0] && this.read(this.input.files[0]));
    // A picture that misses the field would leave the form for itself.
    for (const kind of ["dragover", "dragleave", "drop"]) addEventListener(kind, (event) => this.dragged(event));
  }

  dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) this.read(event.dataTransfer.files[0]);
  }

  async read(file) {
    this.input.value = "";
    if (file.size > Number(this.dataset.most)) return this.fail(this.dataset.large);
    this.fail("");
    say(this.dataset.reading);
    try {
      const response = await fetch("/projects/new/picture", {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: file,
      });
      const text = await response.text();
      if (!response.ok) {
        const { error, lang } = refusalIn(text);
        return this.fail(error, lang);
      }
      fill(JSON.parse(text));
      say(this.dataset.filled);
    } catch {
      this.fail(this.dataset.gone);
    }
  }

  fail(sentence, lang) {
    sayIn(this.querySelector("[data-part=error]"), sentence, lang);
    if (sentence) say("");
  }
}

function say(text) {
  document.getElementById("filled").textContent = text;
}

function fill({ fields, notes, infotext: text }) {
  // The text that the picture carries goes with the form, so that what is not taken of it stays in sight.
  infotext.value = text;
  form.elements.taken.value = "1";
  for (const [name, text] of Object.entries(fields)) {
    const field = form.elements[name];
    field.value = text;
    field.removeAttribute("aria-invalid");
    document.getElementById(`${field.id}-error`)?.remove();
  }
  const further = form.querySelector(".further");
  const usual = Object.entries(JSON.parse(further.dataset.usual));
  further.open ||= usual.some(([name, text]) => form.elements[name].value !== text);
  const list = document.getElementById("notes");
  list.hidden = !notes.length;
  list.querySelector("ul").replaceChildren(
    ...notes.map(({ text, lang }) => Object.assign(document.createElement("li"), { textContent: text, lang })),
  );
}

customElements.define("picture-drop", PictureDrop);

infotext.addEventListener("paste", () => {
  // What was pasted stands in the field once the event is over.
  setTimeout(() => infotext.value.trim() && form.requestSubmit(form.elements.fill_in));
});
