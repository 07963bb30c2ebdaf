// What the charts of effects share: SVG elements, marks of verdicts, numbers on axes.

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes, inside `parent` if one is given. */
export function shape(name, attributes, parent = null, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent?.append(made);
  return made;
}

/** The mark of a verdict: its form tells it as well as its colour. */
export function mark(verdict, x, y, size, parent) {
  const group = shape("g", { class: `mark ${verdict}`, transform: `translate(${x} ${y}) scale(${size / 10})` }, parent);
  if (verdict === "keep") shape("circle", { r: 5 }, group);
  else if (verdict === "drop") shape("path", { d: "M-4.4 -4.4 4.4 4.4M4.4 -4.4 -4.4 4.4" }, group);
  else shape("path", { d: "M0 -5.6 5.6 0 0 5.6 -5.6 0Z" }, group);
  return group;
}

/** Round numbers from `least` (0 or below) to about `most`, four or so, 0 among them. */
export function ticks(most, least = 0) {
  const rough = (most - least) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const found = [];
  for (let at = Math.ceil(least / step); at * step <= most * 1.0001; at += 1) found.push(Number((at * step).toPrecision(6)));
  return found;
}

/** A number in a few characters. */
export function short(value) {
  if (value === 0) return "0";
  if (value < 0) return `−${short(-value)}`;
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value >= 0.005 ? value.toFixed(2) : "<.01";
}

/** How wide a text is in the charts, nearly. */
export function widthOf(text, size = 12) {
  const letters = [...text].map((letter) => (letter > "\u2e80" ? 1 : 0.62)); // kana and kanji are as wide as high
  return size * letters.reduce((sum, each) => sum + each, 0);
}
