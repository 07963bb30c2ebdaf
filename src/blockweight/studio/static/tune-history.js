// The history of the Tune page: the rounds as a strip, and every step; either takes the project back to it.

import { act, place } from "./project.js";

const words = document.getElementById("words").dataset;

export function showHistory(view) {
  document.getElementById("history").hidden = view.steps.length < 2;
  showStrip(view);
  showSteps(view);
}

function showStrip(view) {
  const strip = document.getElementById("strip");
  strip.replaceChildren(
    ...view.rounds.map((round) => {
      const item = document.createElement("li");
      const button = item.appendChild(document.createElement("button"));
      button.type = "button";
      button.className = "round-step";
      button.classList.toggle("aside", !round.active);
      if (round.number === view.round?.number) button.setAttribute("aria-current", "step");
      if (round.cover) {
        const image = button.appendChild(document.createElement("img"));
        image.alt = "";
        image.src = `${place}/thumbnails/96/${round.cover}.jpg`;
      }
      const text = button.appendChild(document.createElement("span"));
      text.textContent = `${round.kind} ${round.step} `;
      text.appendChild(document.createElement("small")).textContent = `✓ ${round.accepted} ✕ ${round.rejected}`;
      button.title = words.back;
      button.addEventListener("click", () => act({ act: "branch", step: round.tip }));
      return item;
    }),
  );
}

function showSteps(view) {
  const list = document.getElementById("steps");
  list.replaceChildren(
    ...view.steps.toReversed().map((step) => {
      const item = document.createElement("li");
      item.classList.toggle("aside", !step.active);
      const here = step.number === view.head;
      const button = item.appendChild(document.createElement("button"));
      button.type = "button";
      button.className = "step";
      button.textContent = step.text;
      button.lang = step.lang;
      button.disabled = here;
      if (here) button.setAttribute("aria-current", "step");
      const time = item.appendChild(document.createElement("time"));
      time.dateTime = step.time;
      time.textContent = new Date(step.time).toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
      button.addEventListener("click", () => act({ act: "branch", step: step.number }));
      return item;
    }),
  );
}
