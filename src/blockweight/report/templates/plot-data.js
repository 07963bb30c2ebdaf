// The plot's values. A place is [x, y, z]; a layout says which axis runs along the columns, down the rows and over the
// tabs: [0, 1, 2] is x, y, z.

const plot = JSON.parse(document.getElementById("plot").textContent);
const words = plot.words;
let infotexts = null; // long, and only read when one is asked for

const indexOf = ([x, y, z]) => (z * plot.shape[1] + y) * plot.shape[0] + x;

/** The address of a place's picture, or undefined where nothing is rendered. */
const pictureOf = (place) => plot.pictures[indexOf(place)] || undefined;

function infotextOf(place) {
  infotexts ??= JSON.parse(document.getElementById("infotexts").textContent);
  return infotexts[indexOf(place)] || "";
}

const labelsOf = (axis) => plot.axes[axis]?.labels ?? [""];
const isBaseline = (axis, number) => plot.axes[axis]?.baseline.includes(number) ?? false;
const same = (one, other) => one.every((number, axis) => number === other[axis]);

/** A place in words: the labels of all axes that there are. */
function nameOf(place) {
  const said = place.map((number, axis) => labelsOf(axis)[number]).filter((label) => label !== "");
  return said.join(" · ") || document.title;
}

const axisName = (axis) => plot.axes[axis].name || "xyz"[axis];

/** The layouts that make sense: tabs are only for a third axis. */
const layouts = [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0], [2, 1, 0]].filter(
  ([, , tabs]) => !plot.axes[tabs] || plot.axes.every(Boolean),
).filter(([columns, rows], number, all) => {
  const seen = (layout) => [layout[0], layout[1]].map((axis) => (plot.axes[axis] ? axis : "-")).join();
  return all.findIndex((other) => seen(other) === seen([columns, rows])) === number;
});

/** The place that a fresh page compares with: a baseline, else the first. */
function firstReference() {
  const axis = plot.axes.findIndex((each) => each?.baseline.length);
  const place = [0, 0, 0];
  if (axis >= 0) place[axis] = plot.axes[axis].baseline[0];
  return { place, against: axis };
}

function part(kind, name, text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** A picture of a frame, made or changed only when it is another one; without an address there is none. */
function put(frame, name, address) {
  let image = frame.querySelector(`.${name}`);
  if (!address) return image?.remove();
  if (!image) {
    image = frame.appendChild(part("img", name));
    image.alt = "";
    image.draggable = false;
    image.decoding = "async";
    image.addEventListener("error", () => frame.parentElement.classList.add("broken"));
    image.addEventListener("load", () => {
      frame.parentElement.classList.remove("broken");
      if (name !== "own") return;
      frame.style.setProperty("--share-w", image.naturalWidth / plot.size[0]);
      frame.style.setProperty("--share-h", image.naturalHeight / plot.size[1]);
    });
  }
  if (image.getAttribute("src") !== address) image.src = address;
}
