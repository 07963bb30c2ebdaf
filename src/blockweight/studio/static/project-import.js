// <project-import>: sends a zip as it is, says how far it is, and opens the project that it made.

import { refusalIn, sayIn } from "./server.js";

class ProjectImport extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.input.addEventListener("change", () => this.input.files[0] && this.send(this.input.files[0]));
    for (const kind of ["dragover", "drop"]) this.addEventListener(kind, (event) => this.dropped(event));
  }

  dropped(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (event.type === "drop" && event.dataTransfer.files[0] && !this.input.disabled) this.send(event.dataTransfer.files[0]);
  }

  send(file) {
    if (file.size > Number(this.dataset.most)) return this.end(this.dataset.large);
    this.show("error", "");
    this.input.disabled = true;
    const request = new XMLHttpRequest(); // fetch does not say how much of a body is sent
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      const share = Math.floor((100 * loaded) / total);
      this.show("said", share < 100 ? this.dataset.sending.replace("{share}", share) : this.dataset.checking);
    });
    request.addEventListener("load", () => {
      const answer = refusalIn(request.responseText);
      if (request.status === 200) location.href = answer.place;
      else this.end(answer.error, answer.lang);
    });
    request.addEventListener("error", () => this.end(this.dataset.gone));
    request.open("POST", `/projects/import?${new URLSearchParams({ name: file.name })}`);
    request.setRequestHeader("content-type", "application/zip");
    request.send(file);
  }

  end(sentence, lang) {
    this.input.disabled = false;
    this.input.value = "";
    this.show("said", "");
    this.show("error", sentence, lang);
  }

  show(name, text, lang) {
    sayIn(this.querySelector(`[data-part=${name}]`), text, lang);
  }
}

customElements.define("project-import", ProjectImport);
