// The bar above the grid, the tabs, and the keys.

const BRIGHT = [1, 3, 8];
const find = (selector) => document.querySelector(selector);
const view = new PlotView(find("#view"));
const loupe = new Loupe(find(".loupe"), view);
const help = find(".help");
const tabs = find(".tabs");
const size = find("#size");
const against = find("#against");
const layout = find("#layout");

function resize(width) {
  const bounded = Math.min(Math.max(Math.round(width), Number(size.min)), Number(size.max));
  size.value = bounded;
  view.resize(bounded);
}

function difference(on) {
  view.difference = on;
  find('[data-do="difference"]').setAttribute("aria-pressed", String(on));
  view.changed();
}

function brighten(times) {
  document.documentElement.style.setProperty("--times", times);
  for (const button of document.querySelectorAll("[data-bright]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.bright) === times));
  }
  brighten.times = times;
}

function go(row, column) {
  loupe.flip(false);
  view.go(row, column);
}

function tabTo(number) {
  const axis = view.layout[2];
  if (number < 0 || number >= labelsOf(axis).length) return;
  loupe.flip(false);
  const place = view.place;
  place[axis] = number;
  const held = tabs.contains(document.activeElement);
  const at = [view.view.scrollLeft, view.view.scrollTop];
  view.arrange(view.layout, place);
  [view.view.scrollLeft, view.view.scrollTop] = at;
  view.fill();
  if (held) tabs.querySelector('[aria-selected="true"]').focus();
}

/** The tabs, the choices and the state in words, after anything changed. */
function tell() {
  const place = view.place;
  const axis = view.layout[2];
  const several = labelsOf(axis).length > 1 || Boolean(plot.axes[axis]);
  tabs.hidden = !several;
  if (several && tabs.axis !== axis) {
    tabs.axis = axis;
    const made = labelsOf(axis).map((label, number) => {
      const tab = part("button", isBaseline(axis, number) ? "baseline" : "", label);
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", "view");
      tab.addEventListener("click", () => tabTo(number));
      return tab;
    });
    const name = part("span", "name", plot.axes[axis].name);
    name.setAttribute("role", "presentation");
    tabs.replaceChildren(name, ...made);
    tabs.setAttribute("aria-label", plot.axes[axis].name);
  }
  for (const [number, tab] of [...tabs.querySelectorAll('[role="tab"]')].entries()) {
    tab.setAttribute("aria-selected", String(number === view.tab));
    tab.tabIndex = number === view.tab ? 0 : -1;
  }
  against.value = view.against;
  layout.value = view.layout.join();
  const reference = view.referenceOf(place);
  const status = [part("b", "", nameOf(place))];
  if (!pictureOf(place)) status.push(` (${words.missing})`);
  status.push(same(place, reference) ? ` · ${words.reference}` : ` · ${words.compared_with}: ${nameOf(reference)}`);
  find(".status").replaceChildren(...status);
  if (loupe.open) loupe.show();
}

const DOES = {
  smaller: () => resize(view.width / 1.25),
  larger: () => resize(view.width * 1.25),
  difference: () => difference(!view.difference),
  reference: () => view.choose(view.place),
  help: () => help.showModal(),
  copy: (button) => loupe.copy(button),
  close: (button) => button.closest("dialog").close(),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  DOES[button.dataset.do]?.(button);
  if (button.dataset.bright) brighten(Number(button.dataset.bright));
  // Who clicks with a pointer goes on with the grid's keys.
  if (event.detail > 0 && button.closest(".bar, .tabs") && !help.open) view.current.focus({ preventScroll: true });
});
size.addEventListener("input", () => resize(Number(size.value)));
against.addEventListener("change", () => {
  view.against = Number(against.value);
  view.changed();
});
layout.addEventListener("change", () => view.arrange(layout.value.split(",").map(Number)));
view.addEventListener("moved", tell);
view.addEventListener("built", tell);
view.addEventListener("opened", () => loupe.show());

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** What a key does, or undefined where it means nothing here. */
function actionOf(key) {
  if (key in MOVES) return () => go(view.row + MOVES[key][0], view.column + MOVES[key][1]);
  return {
    Home: () => go(view.row, 0),
    End: () => go(view.row, view.heads.length - 1),
    PageUp: () => tabTo(view.tab - 1),
    PageDown: () => tabTo(view.tab + 1),
    " ": () => (loupe.open ? loupe : view).flip(true),
    Enter: () => !loupe.open && loupe.show(),
    d: DOES.difference,
    b: () => brighten(BRIGHT[(BRIGHT.indexOf(brighten.times) + 1) % BRIGHT.length]),
    r: DOES.reference,
    x: () => view.arrange([view.layout[1], view.layout[0], view.layout[2]]),
    z: () => loupe.open && loupe.zoomTo(loupe.zoom > 1 ? 1 : 4),
    "+": () => (loupe.open ? loupe.zoomTo(loupe.zoom * 1.5) : DOES.larger()),
    "-": () => (loupe.open ? loupe.zoomTo(loupe.zoom / 1.5) : DOES.smaller()),
    "?": DOES.help,
  }[key === "=" ? "+" : key.length === 1 ? key.toLowerCase() : key];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const inTabs = event.target.closest('[role="tab"]');
  if (inTabs && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    tabTo(view.tab + (event.key === "ArrowRight" ? 1 : -1));
    return event.preventDefault();
  }
  // A button, a slider and a list keep their own keys; in the loupe only Enter is a button's.
  const own = event.target.closest("input, select") || (event.target.closest("button") && [" ", "Enter"].includes(event.key));
  if (own && !(loupe.open && event.key === " ")) return;
  if (event.target.closest("pre") && event.key.startsWith("Arrow")) return;
  const action = actionOf(event.key);
  if (!action || (event.key === "PageUp" || event.key === "PageDown") && tabs.hidden) return;
  event.preventDefault();
  if (!event.repeat || event.key !== " ") action();
});
document.addEventListener("keyup", (event) => {
  if (event.key !== " ") return;
  if (loupe.open) event.preventDefault();
  release();
});
addEventListener("blur", release);

function release() {
  view.flip(false);
  loupe.flip(false);
}

// A page around this one tells of pictures that were finished meanwhile, by their keys; all of them for none.
addEventListener("message", ({ origin, data }) => {
  if (origin !== location.origin || !data?.finished) return;
  const finished = new Set(data.finished);
  plot.awaited.forEach((address, number) => {
    if (!address || (finished.size && !finished.has(address.split("/").pop().split(".")[0]))) return;
    plot.pictures[number] = address;
    plot.awaited[number] = 0;
  });
  view.changed();
});

against.append(new Option(words.reference_itself, -1));
plot.axes.forEach((axis, number) => axis && against.append(new Option(words.reference_axis.replace("{axis}", axisName(number)), number)));
for (const each of layouts) {
  const named = each.map((axis, along) => plot.axes[axis] && `${"→↓▭"[along]} ${axisName(axis)}`).filter(Boolean);
  layout.append(new Option(named.join("  "), each.join()));
}
find("#layout-choice").hidden = layouts.length < 2;
brighten(3);
view.resize(160);
view.arrange(layouts[0], view.reference);
const room = (innerWidth - view.side - 40) / view.heads.length - GAP;
resize(Math.min(Math.max(room, 144), 256));
if (parent === window) view.current.focus({ preventScroll: true });
