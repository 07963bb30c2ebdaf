// Talking to the studio's server: JSON out, JSON back, and a banner while it does not answer.

const RETRY = 1500; // milliseconds

/** What the server refuses, in its own sentence. */
export class Refused extends Error {}

/**
 * Post JSON and return the answer. While the server is gone it is tried again, as long as `wanted()` says that the answer
 * is still of use; null once it is not. Throws Refused.
 */
export async function post(path, data, wanted = () => true) {
  while (wanted()) {
    let response;
    try {
      response = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(data),
      });
    } catch {
      showGone(true);
      await new Promise((done) => setTimeout(done, RETRY));
      continue;
    }
    showGone(false);
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new Refused(sentenceIn(text));
  }
  return null;
}

function sentenceIn(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return text; // the guard before the pages speaks plain text
  }
}

function showGone(gone) {
  document.getElementById("gone").hidden = !gone;
}
