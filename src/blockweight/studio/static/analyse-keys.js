// The keys of the Analyse page.

/** Make the keys work: `actions` by key; `any()` says whether there is something that they can be for. */
export function wireKeys({ actions, any, released }) {
  addEventListener("keydown", (event) => {
    if (event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    const modified = event.ctrlKey || event.metaKey;
    const typing = event.target.matches("input:not([type=range], [type=checkbox]), textarea, select");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (modified && !typing && (key === "z" || key === "y")) {
      event.preventDefault();
      actions[key === "y" || event.shiftKey ? "r" : "u"]();
      return;
    }
    if (modified || typing || !(key in actions)) return;
    // Elsewhere on the page a control's own keys are the control's.
    const inside = event.target === document.body || event.target.id === "main" || event.target.closest("effect-chart, #scenes") || (event.target.closest("picture-compare") && !event.key.startsWith("Arrow"));
    if (key === "?" || key === "u" || (inside && any() && !(event.target.closest("#scenes") && key === "Enter"))) {
      event.preventDefault();
      actions[key]();
    }
  });
  addEventListener("keyup", (event) => event.key === " " && released());
  addEventListener("blur", released);
  for (const button of document.querySelectorAll("[data-key]")) button.addEventListener("click", () => actions[button.dataset.key]());
}
