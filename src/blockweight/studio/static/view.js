// What a page shows of a project, kept as new as the project itself.

import { news } from "./project.js";

/**
 * Follow the project: `address()` is where the page's view is fetched, `version()` that of the one it shows, `take(view)`
 * shows another, and `refused(sentence, lang)` hears why there is none. `refresh()` fetches until the view is as new as the
 * latest news; `reach(number)` until it is at least of this version. Both resolve when it is shown.
 */
export function follow({ address, version, take, refused = () => {} }) {
  let asking = null;
  let newest = version();

  async function ask() {
    try {
      do {
        const response = await fetch(address());
        const answer = await response.json();
        if (!response.ok) return refused(answer.error, answer.lang);
        take(answer);
      } while (version() < newest);
    } catch {
      // The event stream comes back when the server does, and asks again.
    }
  }

  const refresh = () => (asking ??= ask().finally(() => (asking = null)));
  const reach = (number) => {
    newest = Math.max(newest, number);
    return refresh();
  };

  news.addEventListener("news", ({ detail }) => {
    newest = Math.max(newest, detail.version);
    if (newest > version() || detail.rendered.length) refresh();
  });
  return { refresh, reach };
}
