// The votes of a blind comparison that was revealed, as a table with bars.

/** Show the counts: `tally` is the server's, `names` what a person reads for each label. */
export function showResults(tally, names, words) {
  const { voted, counts, leader, same } = tally;
  const verdict = !voted ? words.nobody : leader === null ? words.few : words.leads.replace("{name}", names.get(leader));
  const ties = same ? ` ${words.ties.replace("{count}", same)}` : "";
  document.getElementById("verdict").textContent = verdict + ties;
  document.getElementById("counts").replaceChildren(
    ...counts.map((count) => {
      const row = document.createElement("tr");
      const name = row.appendChild(document.createElement("th"));
      name.scope = "row";
      name.textContent = names.get(count.label);
      row.appendChild(document.createElement("td")).textContent = words.of.replace("{count}", count.best).replace("{total}", voted);
      const share = row.appendChild(document.createElement("td"));
      share.append(bar(count, voted, counts.length));
      const percent = (value) => String(Math.round(value * 100));
      const interval = share.appendChild(document.createElement("small"));
      interval.textContent = words.interval.replace("{low}", percent(count.low)).replace("{high}", percent(count.high));
      const worst = row.appendChild(document.createElement("td"));
      worst.className = "number";
      worst.textContent = count.worst;
      return row;
    }),
  );
}

function bar(count, voted, variants) {
  const made = document.createElement("span");
  made.className = "vote-bar-share";
  made.setAttribute("aria-hidden", "true");
  const set = (name, value) => made.style.setProperty(name, `${value * 100}%`);
  set("--share", voted ? count.best / voted : 0);
  set("--low", count.low);
  set("--high", count.high);
  set("--chance", 1 / variants);
  made.append(...["share", "interval", "chance"].map((name) => Object.assign(document.createElement("i"), { className: name })));
  return made;
}
