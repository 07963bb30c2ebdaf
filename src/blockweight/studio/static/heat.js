// The colour of a block weight: cold at 0, hot at 1, another colour above 1 and below 0.

/** A text's number, or null; for colours and steps only: what a text means, the server says. */
export function number(text) {
  const plain = text.normalize("NFKC").trim();
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
}

/** Colour an element by the weight that its text says. */
export function colour(element, text) {
  const value = number(text);
  element.dataset.heat = value === null ? "none" : value < 0 ? "below" : value > 1 ? "beyond" : "between";
  const share = value === null ? 0 : value > 1 ? Math.min(value - 1, 1) : Math.min(Math.abs(value), 1);
  element.style.setProperty("--heat", `${Math.round(share * 100)}%`);
}
