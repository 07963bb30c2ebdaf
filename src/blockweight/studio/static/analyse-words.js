// The words of the Analyse page, and the table that says all that its charts show.

export const words = document.getElementById("words").dataset;

/** A text with `{name}` replaced. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

/** What a measure is called, with its unit. */
export function nameOfMeasure({ name, aspect, region, unit }) {
  const shown = unit === "levels" ? words.levels : unit;
  if (name === "diff") return words.diff;
  if (["overall", "inside", "outside"].includes(name)) return `${words[name]} (${shown})`;
  const own = words[`aspect${aspect[0].toUpperCase()}${aspect.slice(1)}`] ?? aspect;
  return [own, region && ` · ${words[region] ?? region}`, shown && ` (${shown})`].join("");
}

/** A view with its effects told in the page's language, upper bounds as such. */
export function spoken(view) {
  for (const { effects } of view.analysis?.blocks ?? []) {
    for (const effect of Object.values(effects)) effect.text = effect.most ? fill(words.atMost, { number: signed(effect.text) }) : effectText(effect.text);
  }
  return view;
}

/** An effect as the server writes it, `2.1 and 2.9` of two scenes or `2.5 (1.9 to 3.2)` of more. */
function effectText(text) {
  const [, one, other] = /^(\S+) and (\S+)$/.exec(text) ?? [];
  if (one) return signed(fill(words.two, { one, other }));
  const [, mean, low, high] = /^(\S+) \((\S+) to (\S+)\)$/.exec(text) ?? [];
  return signed(mean ? fill(words.span, { mean, low, high }) : text);
}

/** A text with minus signs as the charts have them, which no range's dash is mistaken for. */
const signed = (text) => text.replace(/-(?=\d)/g, "−");

/** What must be known of a method's figures: which blocks were not measured alone, and what tells nothing. */
export function noteText({ method, number, blocks }) {
  if (number === null) return "";
  if (method === "screen") return words.screened;
  const groups = [...new Set(blocks.map((each) => each.group).filter(Boolean))];
  return groups.length ? fill(words.grouped, { groups: groups.join(", ") }) : "";
}

/** Whether a suggestion for the block can be applied: it settles something, and REST is no block to fix. */
export const settles = (each) => each.applicable && ["keep", "drop"].includes(each.verdict);

/** What finding it took, and what two seeds differ by anyway. */
export function tookText({ work, seeds }) {
  if (!work) return [];
  const values = { pictures: work.pictures, calls: Math.round(work.calls) };
  const text = !work.calls ? words.tookPictures : work.pictures ? words.tookBoth : words.tookCalls;
  return [fill(text, values), ...(seeds === null ? [] : [seedsText(seeds)])];
}

/** How sure it is that two seeds differ by so much: the interval over the pairs, or that there is but one. */
function seedsText({ mean, interval, pairs }) {
  const [low, high] = (interval ?? [0, 0]).map((end) => end.toFixed(1));
  const text = interval ? words.seedsDifferPairs : pairs === 1 ? words.seedsDifferPair : words.seedsDiffer;
  return fill(text, { levels: mean.toFixed(1), low, high, pairs });
}

/** Why a block's verdict was given, in the page's language; in English where a version of the program said something else. */
export function showWhy(element, each, region) {
  const { ground, reasons } = each;
  element.lang = ground || !reasons.length ? document.documentElement.lang : "en";
  if (!ground) {
    element.textContent = reasons.slice(1).join(" ");
    return;
  }
  const name = ground.kind.replace(/ ?(\w)(\w*)/g, (all, first, rest) => first.toUpperCase() + rest);
  const { ratio, typical, seeds, floor, more, most } = ground;
  const values = { region: region || words.region, seeds, floor, more, most };
  if (ratio) {
    Object.assign(values, { times: times(ratio.mean), low: times(ratio.low), high: times(ratio.high), typical: times(typical) });
    if (ground.at_least) values.times = fill(words.atLeast, { number: values.times });
  }
  element.textContent = fill(words[`why${name}${more === null && ["too few", "strength"].includes(ground.kind) ? "Many" : ""}`], values) + (ratio && typical !== 1 && !["noise", "too few", "strength"].includes(ground.kind) ? fill(words.whyTogether, values) : "");
}

const times = (value) => (value === null ? "∞" : value < 9.95 ? value.toFixed(1) : value.toFixed(0));

/**
 * A row a block: what was measured, what is suggested and why, its weight now, and a button that applies or revokes. Where
 * nothing can be suggested, the strongest block comes first.
 */
export function suggestionRows(view, chosen, toggle) {
  const plain = view.analysis.method !== "eba";
  const size = (each) => Math.abs(each.effects[chosen.measure]?.mean ?? -1);
  const blocks = plain ? view.analysis.blocks.toSorted((one, other) => size(other) - size(one)) : view.analysis.blocks;
  return blocks.map((each) => {
    const row = document.createElement("tr");
    row.dataset.row = each.block;
    row.classList.toggle("chosen", each.block === chosen.block);
    const head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    head.textContent = each.block;
    const effect = each.effects[chosen.measure];
    cell(row, effect?.text ?? "–", "number");
    cell(row, effect && !each.group ? signed(`${Math.min(...effect.samples).toFixed(effect.decimals)} – ${Math.max(...effect.samples).toFixed(effect.decimals)}`) : "–", "number");
    if (!plain) {
      cell(row, "", "").append(chip(each.verdict));
      showWhy(cell(row, "", "reason"), each, view.analysis.region);
    }
    cell(row, view.weights[each.block] + (view.fixed.includes(each.block) ? ` · ${words.fixed}` : ""), "number now");
    if (plain) return row;
    const last = cell(row, "", "do");
    if (each.applied !== null || (settles(each) && view.analysis.number !== null)) {
      const button = last.appendChild(document.createElement("button"));
      const applied = each.applied !== null;
      Object.assign(button, { type: "button", className: "button small", textContent: applied ? words.revoke : words.apply });
      button.setAttribute("aria-label", fill(applied ? words.revokeBlock : words.applyBlock, { block: each.block }));
      button.addEventListener("click", () => toggle(each.block));
    }
    return row;
  });
}

function cell(row, text, name) {
  const made = row.appendChild(document.createElement("td"));
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

function chip(verdict) {
  const made = document.createElement("span");
  made.className = `verdict-${verdict ?? "none"}`;
  made.textContent = verdict ? words[verdict] : "–";
  return made;
}
