// The dialog of the Analyse page in which masks are painted, saved, and measured with.

import { place } from "./project.js";
import { sayIn } from "./server.js";
import "./mask-painter.js";

const by = (id) => document.getElementById(id);

/** Make the dialog work. `again(masks, region)` asks for the analysis with masks, by their names. */
export function wirePainting({ view, again, sceneButton }) {
  const dialog = by("painting");
  const painter = document.querySelector("mask-painter");
  const form = by("painting-form");

  let unsaved = null; // the plan in whose scenes masks are painted and not saved

  by("paint").addEventListener("click", async () => {
    const { analysis } = view();
    const named = (number) => analysis.masks[analysis.masks.length > 1 ? number : 0];
    const scenes = analysis.scenes.map((scene, number) => ({
      ...scene,
      picture: source(number),
      key: analysis.sources[number].key,
      mask: analysis.masks.length && !analysis.stale ? `${place}/masks/${named(number)}.png` : null,
    }));
    form.elements.region.value = analysis.region;
    complain("");
    dialog.showModal();
    if (unsaved === analysis.plan) return; // closed by a slip: what was painted is still there
    unsaved = analysis.plan;
    await painter.open(scenes);
  });

  const source = (number) => {
    const { key, ready } = view().analysis.sources[number];
    return ready ? `${place}/pictures/${key}.png` : null;
  };

  painter.addEventListener("painted", () => {
    const { analysis } = view();
    const whole = painter.scenes.map((_, number) => painter.whole(number));
    by("save-masks").disabled = !whole.every(Boolean);
    by("save-one").disabled = !whole[painter.at];
    by("save-one").hidden = painter.scenes.length < 2;
    const buttons = painter.scenes.map((scene, number) => {
      const { key, ready } = analysis.sources[number] ?? {};
      const button = sceneButton(scene, number, number === painter.at, ready ? key : null, () => {
        painter.go(number);
        by("paint-scenes").children[number].focus();
      });
      button.classList.toggle("painted", whole[number]);
      return button;
    });
    by("paint-scenes").hidden = painter.scenes.length < 2;
    by("paint-scenes").replaceChildren(...buttons);
  });
  painter.addEventListener("refused", ({ detail }) => complain(detail.error, detail.lang));
  by("paint-scenes").addEventListener("keydown", (event) => {
    const by_ = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!by_) return;
    event.preventDefault();
    const next = (painter.at + by_ + painter.scenes.length) % painter.scenes.length;
    painter.go(next);
    by("paint-scenes").children[next].focus();
  });

  const complain = (sentence, lang) => sayIn(by("paint-problem"), sentence, lang);

  async function save(numbers) {
    complain("");
    const names = [];
    try {
      for (const number of numbers) {
        const response = await fetch(`${place}/masks`, { method: "POST", headers: { "content-type": "image/png" }, body: await painter.png(number) });
        const answer = await response.json();
        if (!response.ok) return complain(answer.error, answer.lang);
        names.push(answer.name);
      }
    } catch {
      document.getElementById("gone").hidden = false;
      return; // what is painted stays, to be saved again
    }
    dialog.close();
    unsaved = null;
    await again(names, form.elements.region.value);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!by("save-masks").disabled) save(painter.scenes.map((_, number) => number));
  });
  by("save-one").addEventListener("click", () => save([painter.at]));
  by("close-painting").addEventListener("click", () => dialog.close());
}
