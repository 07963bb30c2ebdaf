// <job-progress>: what is being rendered, how far it is and how long it takes, with a button that pauses it.

import { post, sayIn } from "./server.js";
import { news, place } from "./project.js";

class JobProgress extends HTMLElement {
  connectedCallback() {
    this.part("stop").addEventListener("click", () => post(`${place}/stop`, {}));
    news.addEventListener("task", ({ detail }) => this.show(detail));
  }

  part(name) {
    return this.querySelector(`[data-part=${name}]`);
  }

  show(task) {
    sayIn(this.part("error"), task.error ?? "", task.lang);
    sayIn(this.part("news"), task.news ?? "", task.newsLang);
    this.hidden = !task.open && !task.error;
    if (this.hidden) return;
    this.classList.toggle("over", !task.open);
    this.part("title").textContent = this.dataset[`work${task.work[0].toUpperCase()}${task.work.slice(1)}`];
    this.part("count").textContent = task.total ? `${task.done} / ${task.total}` : "";
    this.part("left").textContent = this.words(task);
    const bar = this.querySelector("progress");
    // Pictures come in batches: until the first one has come, the bar shows that something is at work.
    if (task.total && task.left !== null) bar.value = task.reached / task.total;
    else bar.removeAttribute("value");
    this.part("stop").disabled = task.phase === "stopping";
  }

  words(task) {
    if (task.phase === "waiting") return this.dataset.waiting;
    if (task.phase === "stopping") return this.dataset.stopping;
    if (task.left === null) return task.phase === "running" ? this.dataset.loading : "";
    return this.dataset.left.replace("{time}", this.duration(task.left));
  }

  duration(seconds) {
    const [unit, number] = seconds < 90 ? ["seconds", seconds] : seconds < 5400 ? ["minutes", seconds / 60] : ["hours", seconds / 3600];
    return this.dataset[unit].replace("{number}", unit === "hours" ? number.toFixed(1) : String(Math.max(1, Math.round(number))));
  }
}

customElements.define("job-progress", JobProgress);
