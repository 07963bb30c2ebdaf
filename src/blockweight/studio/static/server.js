// Talking to the studio's server: JSON out, JSON back, and a banner while it does not answer.

const RETRY = 1500; // milliseconds

/** What the server refuses, in its own sentence and that one's language, with the answer's status. */
export class Refused extends Error {
  constructor({ error, lang }, status) {
    super(error);
    this.lang = lang;
    this.status = status;
  }
}

/** Show a sentence in an element, or hide it for none, with the language that the sentence is in. */
export function sayIn(element, sentence, lang = document.documentElement.lang) {
  element.textContent = sentence;
  element.lang = lang;
  element.hidden = !sentence;
}

/** Post JSON once and return the answer. Throws Refused, or TypeError where the server is gone. */
export async function answerOf(path, data) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(data),
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  throw new Refused(refusalIn(text), response.status);
}

/**
 * Post JSON and return the answer. While the server is gone it is tried again, as long as `wanted()` says that the answer
 * is still of use; null once it is not. Throws Refused.
 */
export async function post(path, data, wanted = () => true) {
  while (wanted()) {
    try {
      const answer = await answerOf(path, data);
      showGone(false);
      return answer;
    } catch (error) {
      if (error instanceof Refused) {
        showGone(false);
        throw error;
      }
      showGone(true);
      await new Promise((done) => setTimeout(done, RETRY));
    }
  }
  return null;
}

/** A refusal's sentence and its language: `{error, lang}`. */
export function refusalIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { error: text, lang: "en" }; // the guard before the pages speaks plain text
  }
}

function showGone(gone) {
  document.getElementById("gone").hidden = !gone;
}
