// A form that says what it would cost before it begins: #plan with its button #begin, the sentence #cost, the same as a
// command in #terminal.

import { answerOf, Refused, sayIn } from "./server.js";

const by = (id) => document.getElementById(id);

/**
 * Have the form ask `address` what is typed (`typed()`) would cost, at every change. `begun(asked)` begins it; what it
 * refuses goes to `say(sentence, lang)`. `slow(asked)`: whether an answer may take seconds. Returns a function that asks.
 */
export function costForm({ address, typed, begun, say, slow = () => false }) {
  const form = by("plan");
  const begin = by("begin");
  let asks = 0;
  let cost = null; // the latest question, a promise of what was typed, or of null where it cannot be begun
  let unknown = false; // nobody answered it
  let beginning = false;

  /** Say what it would cost, or what is wrong with it; the button waits for it where it is pressed before. */
  function askCost() {
    cost = costOf(typed(), ++asks);
    return cost;
  }

  async function costOf(asked, mine) {
    begin.disabled = false; // Enter in a field does nothing while it is
    if (slow(asked)) tell(form.dataset.reading);
    let answer = null;
    let failure = null;
    try {
      answer = await answerOf(address, asked);
    } catch (error) {
      failure = error;
    }
    if (mine !== asks) return cost;
    const refused = failure instanceof Refused && failure.status < 500;
    unknown = Boolean(failure) && !refused;
    begin.disabled = refused;
    if (refused) tell(failure.message, { lang: failure.lang, wrong: true });
    else if (unknown) tell(form.dataset.unknown, { wrong: true });
    else tell(answer.text);
    showCommand(answer?.command ?? "");
    return failure ? null : asked;
  }

  /** The same from a terminal; nothing where that cannot be begun. */
  function showCommand(command) {
    by("terminal").hidden = !command;
    by("terminal").querySelector("pre").textContent = command;
  }

  function tell(text, { lang, wrong = false } = {}) {
    sayIn(by("cost"), text, lang);
    by("cost").classList.toggle("error", wrong);
  }

  form.addEventListener("change", () => {
    say("");
    askCost();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (begin.disabled || beginning) return;
    say("");
    beginning = true;
    try {
      const asked = await (unknown ? askCost() : cost);
      if (!asked) return;
      await begun(asked);
      askCost();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      say(error.message, error.lang);
    } finally {
      beginning = false;
    }
  });
  return askCost;
}

/** Show a part of the page as the server has written it; what has not changed keeps its focus. */
export function put(element, text) {
  if (written.get(element) === text) return;
  written.set(element, text);
  element.innerHTML = text; // made by the server's templates, which escape every value
}

const written = new Map(); // a part of the page → what stands in it
