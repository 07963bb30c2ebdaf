// The scatter of <effect-chart>: the effect outside the mask to the right, inside upwards, in levels on logarithmic axes.

import { mark, shape, widthOf } from "./chart-parts.js";

const FLOOR = 0.5; // levels, what rounding to 8 bits alone can move
const LEFT = 46;
const BOTTOM = 44;
const TOP = 10;
const TICKS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200];

export function drawScatter(canvas, data, width, option, words) {
  const points = data.blocks.filter((each) => each.effects.inside && each.effects.outside);
  if (!points.length) return 0;
  const side = Math.min(width, 560);
  const height = Math.min(side, 520);
  const highest = Math.max(...points.flatMap(({ effects }) => [...effects.inside.samples, ...effects.outside.samples]), 2 * FLOOR);
  const [low, high] = [Math.log(FLOOR * 0.6), Math.log(highest * 1.3)];
  const share = (value) => (Math.log(Math.max(value, FLOOR * 0.75)) - low) / (high - low);
  const x = (value) => LEFT + share(value) * (side - LEFT - 14);
  const y = (value) => height - BOTTOM - share(value) * (height - BOTTOM - TOP);
  const ends = { low: Math.exp(low), high: Math.exp(high) };
  const box = { left: LEFT, right: side - 14, top: TOP, bottom: height - BOTTOM };
  drawAxes(canvas, { x, y, box, ends, side, height }, words);
  if (data.typical) drawDiagonal(canvas, data.typical, { box, low, high }, "together");
  const taken = [];
  for (const each of points) {
    const { inside, outside } = each.effects;
    const at = { x: x(outside.mean), y: y(inside.mean) };
    const group = option(each.block, { x: at.x - 12, y: at.y - 12, width: 24, height: 24 });
    // The 95 % intervals, cut at the axes; a single scene has none.
    const across = outside.high === null ? "" : `M${x(outside.low)} ${at.y}H${x(Math.min(outside.high, ends.high))}`;
    const up = inside.high === null ? "" : `M${at.x} ${y(inside.low)}V${y(Math.min(inside.high, ends.high))}`;
    if (across || up) shape("path", { class: "span", d: across + up }, group);
    mark(each.verdict ?? "unknown", at.x, at.y, 11, group);
    canvas.append(group);
    taken.push({ left: at.x - 7, right: at.x + 7, top: at.y - 7, bottom: at.y + 7, group, each, at });
  }
  placeNames(taken, box);
  return height;
}

function drawAxes(canvas, { x, y, box, ends, side, height }, words) {
  const axis = shape("g", { class: "axis" }, canvas);
  const quiet = { x: box.left, y: y(FLOOR), width: box.right - box.left, height: box.bottom - y(FLOOR) };
  shape("rect", { class: "quiet", ...quiet }, axis);
  shape("rect", { class: "quiet", x: box.left, y: box.top, width: x(FLOOR) - box.left, height: y(FLOOR) - box.top }, axis);
  for (const tick of TICKS.filter((each) => each < ends.high)) {
    shape("line", { x1: x(tick), x2: x(tick), y1: box.top, y2: box.bottom }, axis);
    shape("line", { x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }, axis);
    shape("text", { x: x(tick), y: box.bottom + 15, "text-anchor": "middle" }, axis, String(tick));
    shape("text", { x: box.left - 6, y: y(tick) + 4, "text-anchor": "end" }, axis, String(tick));
  }
  shape("text", { class: "title", x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle" }, axis, words.outside);
  const up = { class: "title", "text-anchor": "middle", transform: `translate(12 ${(box.top + box.bottom) / 2}) rotate(-90)` };
  shape("text", up, axis, words.inside);
  drawDiagonal(canvas, 1, { box, low: Math.log(ends.low), high: Math.log(ends.high) }, "equal");
  // What the lines say stands below the quiet corner's edge, where no point can be.
  const key = shape("g", { class: "key" }, canvas);
  let at = box.right;
  for (const [name, text] of [["together", words.together], ["equal", words.equal]]) {
    at -= widthOf(text, 11);
    shape("text", { x: at, y: box.bottom - 8 }, key, text);
    shape("line", { class: `diagonal ${name}`, x1: at - 26, x2: at - 6, y1: box.bottom - 12, y2: box.bottom - 12 }, key);
    at -= 40;
  }
}

/** The line on which inside is `ratio` times outside, as far as it lies in the box. */
function drawDiagonal(canvas, ratio, { box, low, high }, name) {
  const shift = Math.log(ratio);
  const [from, to] = [Math.max(low, low - shift), Math.min(high, high - shift)];
  if (from >= to) return;
  const x = (log) => box.left + ((log - low) / (high - low)) * (box.right - box.left);
  const y = (log) => box.bottom - ((log - low) / (high - low)) * (box.bottom - box.top);
  shape("line", { class: `diagonal ${name}`, x1: x(from), x2: x(to), y1: y(from + shift), y2: y(to + shift) }, canvas);
}

/** Names beside their marks where there is room; a block without one is named when it is chosen or pointed at. */
function placeNames(points, box) {
  const boxes = points.map(({ left, right, top, bottom }) => ({ left, right, top, bottom }));
  const unseen = points.filter(({ each }) => Math.max(each.effects.inside.mean, each.effects.outside.mean) < FLOOR);
  for (const { group, each, at } of points) {
    const width = widthOf(each.block, 11.5);
    const places = [
      { left: at.x + 9, top: at.y - 7 },
      { left: at.x - 9 - width, top: at.y - 7 },
      { left: at.x - width / 2, top: at.y - 22 },
      { left: at.x - width / 2, top: at.y + 9 },
    ].map((place) => ({ ...place, right: place.left + width, bottom: place.top + 13 }));
    const inside = (place) => place.left > box.left && place.right < box.right + 12 && place.top > 0 && place.bottom < box.bottom + 8;
    // Those that nobody can see lie on one spot, where names would only cover each other: they are counted.
    const hidden = unseen.length > 1 && unseen.some((other) => other.each === each);
    const free = hidden ? null : places.find((place) => inside(place) && !boxes.some((other) => crosses(place, other)));
    const chosen = free ?? places.find(inside) ?? places[0];
    if (free) boxes.push(free);
    shape("text", { class: free ? "name" : "name crowded", x: chosen.left, y: chosen.top + 11 }, group, each.block);
    if (hidden && each === unseen.at(-1).each) shape("text", { class: "name count", x: at.x + 9, y: at.y + 18 }, group, `×${unseen.length}`);
  }
}

function crosses(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
