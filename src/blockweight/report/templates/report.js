for (const button of document.querySelectorAll(".copyable button")) {
  const text = button.closest(".copyable").querySelector("pre");
  const name = button.textContent;
  const say = (word) => {
    button.textContent = word;
    setTimeout(() => { button.textContent = name; }, 2500);
  };
  // A page opened from a folder may be denied the clipboard; then the text is at least selected.
  const select = () => {
    getSelection().selectAllChildren(text);
    say(document.execCommand("copy") ? button.dataset.copied : button.dataset.selected);
  };
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      say(button.dataset.copied);
    } catch {
      select();
    }
  });
}
addEventListener("keydown", (event) => {
  const open = document.querySelector(".comparison td input:checked");
  if (event.key === "Escape" && open) {
    document.getElementById(open.name + "-0").checked = true;
    open.focus();
  }
});
