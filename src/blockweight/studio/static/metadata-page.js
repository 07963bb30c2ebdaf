// The metadata page: the cover's part is chosen here; all else is a form.

import "./cover-crop.js";
import "./project.js";

const take = document.getElementById("take");
take.addEventListener("click", () => {
  document.getElementById("recommended").value = take.dataset.weights;
});
document.getElementById("difference")?.focus();
