// The bake page: what is baked is what was previewed. Once something above is changed, the preview is out of date, and the
// button waits for the next one.

const asked = document.getElementById("asked");
const bake = document.getElementById("bake");
const first = new URLSearchParams(new FormData(asked)).toString();

asked.addEventListener("input", () => {
  const stale = new URLSearchParams(new FormData(asked)).toString() !== first;
  const notice = document.getElementById("changed");
  if (notice) notice.hidden = !stale;
  const button = bake?.querySelector("[data-busy]");
  if (button) button.disabled = stale;
});
