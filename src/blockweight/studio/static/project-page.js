// The Project page keeps in step with the project: what changes elsewhere is fetched anew, but nothing under a hand.

import { news } from "./project.js";

let asking = false;
let again = false;

async function refresh() {
  again = true;
  if (asking) return;
  asking = true;
  try {
    while (again) {
      again = false;
      const response = await fetch(location.pathname, { headers: { accept: "text/html" } });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of page.querySelectorAll("[data-live]")) replace(part);
    }
  } catch {
    // The event stream comes back when the server does, and asks again.
  } finally {
    asking = false;
  }
}

function replace(part) {
  const shown = document.querySelector(`[data-live=${part.dataset.live}]`);
  if (shown.contains(document.activeElement) || shown.querySelector("details[open]")) return;
  shown.replaceWith(document.adoptNode(part));
}

news.addEventListener("news", refresh);
