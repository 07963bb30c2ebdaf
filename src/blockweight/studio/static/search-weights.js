// Which weights a search tries, as the form has it: steps, or any between two. What is typed there chooses it.

/** `{grid, low, high}` of the form, empty for what is not chosen. */
export function typedWeights(form) {
  const { try: chosen, grid, low, high } = form.elements;
  return chosen.value === "range" ? { grid: "", low: low.value, high: high.value } : { grid: grid.value, low: "", high: "" };
}

/** Choose what somebody types in. */
export function wireWeights(form) {
  const { try: chosen, grid, low, high } = form.elements;
  for (const [field, value] of [[grid, "grid"], [low, "range"], [high, "range"]]) {
    field.addEventListener("input", () => {
      chosen.value = value;
    });
  }
}
