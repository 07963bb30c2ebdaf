// A project's page and its server: acts go out in order, each kept in this browser until the server has answered; news
// come in by server-sent events.

import { answerOf, Refused } from "./server.js";

const RETRY = 1500; // milliseconds

const main = document.getElementById("main");
const saved = document.getElementById("saved");
export const place = main.dataset.project;

const KEPT = `blockweight:acts:${place}`;
const waiting = new Map(); // act id → {resolve, reject} of this page
let sending = false;

/** Tells of "pending" (the acts that are not answered yet have changed) and "refused" (detail: Refused). */
export const queue = new EventTarget();

/** The acts that the server has not answered yet, oldest first. */
export function pending() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

let answered = []; // {entry, version}: done, but perhaps not in what the page shows yet

/** The acts that a state of this version cannot tell of yet, oldest first. */
export function unseen(version) {
  answered = answered.filter((each) => each.version > version);
  return [...answered.map((each) => each.entry), ...pending()];
}

/**
 * Do an act: `{act: "decide", …}`. It outlives a reload and a server that is gone, and is done once however often it is
 * sent. Resolves with the server's answer, rejects with Refused.
 */
export function act(data) {
  const entry = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, ...data };
  keep([...pending(), entry]);
  const done = new Promise((resolve, reject) => waiting.set(entry.id, { resolve, reject }));
  done.catch(() => {}); // who does not ask for the answer sees the sentence by "refused"
  send();
  return done;
}

function keep(entries) {
  localStorage.setItem(KEPT, JSON.stringify(entries));
  queue.dispatchEvent(new Event("pending"));
  show();
}

async function send() {
  if (sending) return;
  sending = true;
  // One tab at a time sends what is kept, so that the acts of a second one keep their order too.
  await (navigator.locks?.request(KEPT, sendAll) ?? sendAll());
  sending = false;
}

async function sendAll() {
  for (let next = pending()[0]; next; next = pending()[0]) {
    const its = waiting.get(next.id);
    try {
      const answer = await answerOf(`${place}/acts`, next);
      answered.push({ entry: next, version: answer.version });
      drop(next);
      its?.resolve(answer);
    } catch (error) {
      // 403: the studio was started anew and asks for its new token. 503: the disk is full, or another program holds the
      // log. The act is as good as before.
      if (!(error instanceof Refused) || error.status === 403 || error.status === 503) {
        show(true);
        setTimeout(send, RETRY);
        return;
      }
      drop(next);
      its?.reject(error);
      queue.dispatchEvent(new CustomEvent("refused", { detail: error }));
    }
  }
}

function drop(entry) {
  waiting.delete(entry.id);
  keep(pending().filter((other) => other.id !== entry.id));
}

function show(offline = false) {
  const count = pending().length;
  saved.textContent = offline ? saved.dataset.offline : count ? saved.dataset.saving : saved.dataset.saved;
  saved.classList.toggle("offline", offline);
}

/** Tells of "news" (detail: {version, rendered}) and "task" (detail: what is being rendered). */
export const news = new EventTarget();

let source = null;
let version = Number(main.dataset.version);

function listen() {
  source?.close();
  // Browsers open six connections to a server at most, so tabs that nobody sees give theirs up.
  if (document.hidden) return;
  source = new EventSource(`${place}/events?since=${version}`);
  source.addEventListener("news", (event) => {
    const detail = JSON.parse(event.data);
    version = detail.version;
    news.dispatchEvent(new CustomEvent("news", { detail }));
  });
  source.addEventListener("task", (event) => {
    news.dispatchEvent(new CustomEvent("task", { detail: JSON.parse(event.data) }));
  });
  source.addEventListener("open", () => {
    document.getElementById("gone").hidden = true;
    send();
  });
  source.addEventListener("error", () => {
    document.getElementById("gone").hidden = false;
    // A browser gives up for good on some failures, such as a restarted server's first answers.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY);
  });
}

addEventListener("online", send);
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", listen);
document.addEventListener("visibilitychange", listen);

send();
if (!pending().length) saved.textContent = "";
