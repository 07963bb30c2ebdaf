// Rows of presets and hints are dragged to another place by their handle. The buttons beside it do the same by keyboard.

for (const shelf of document.querySelectorAll(".shelf")) {
  let dragged = null;
  const rows = () => [...shelf.querySelectorAll(".shelf-row[data-name]")];

  for (const row of rows()) {
    const handle = row.querySelector(".handle");
    // Only the handle drags, so that text in the row can still be selected.
    handle.addEventListener("pointerdown", () => (row.draggable = true));
    row.addEventListener("dragstart", (event) => {
      dragged = row;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", row.dataset.name);
      row.classList.add("dragged");
    });
    row.addEventListener("dragend", () => {
      row.draggable = false;
      row.classList.remove("dragged");
      mark(null);
      dragged = null;
    });
  }
  addEventListener("pointerup", () => rows().forEach((row) => (row.draggable = false)));

  shelf.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    mark(below(event.clientY), true);
  });
  shelf.addEventListener("drop", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const next = below(event.clientY);
    if (next === dragged || next === neighbour(dragged)) return; // it stays where it is
    const form = dragged.querySelector(".mover");
    const before = document.createElement("input");
    before.type = "hidden";
    before.name = "before";
    before.value = next?.dataset.name ?? "";
    form.append(before);
    form.submit();
  });

  /** The row before which a drop at this height puts the dragged one; undefined for the end. */
  function below(height) {
    return rows().find((row) => {
      const box = row.getBoundingClientRect();
      return height < box.top + box.height / 2;
    });
  }

  function neighbour(row) {
    return rows()[rows().indexOf(row) + 1];
  }

  function mark(next, over = false) {
    for (const row of rows()) row.classList.toggle("drop-before", row === next);
    shelf.classList.toggle("drop-end", over && !next);
  }
}
