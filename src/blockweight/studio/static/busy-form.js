// <busy-form>: around a form whose answer may take a while. The button says what is going on, and cannot be pressed twice.

class BusyForm extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    form.addEventListener("submit", (event) => {
      const buttons = [...form.querySelectorAll("[data-busy]")];
      // A hidden button is there for the Enter key, and stands for the last one.
      const button = event.submitter?.hidden ? buttons.at(-1) : (event.submitter ?? buttons[0]);
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "true";
      this.button = button;
      this.label = button.textContent;
      button.textContent = button.dataset.busy;
      button.classList.add("waiting");
      button.setAttribute("aria-busy", "true");
    });
    for (const choice of form.querySelectorAll("[data-submit]")) {
      choice.addEventListener("change", () => {
        // Another LoRA: what was typed for the one before would not fit it.
        for (const field of form.elements) if (field !== choice && field.name) field.disabled = true;
        form.requestSubmit();
      });
    }
    // Coming back by the browser's history shows the page as it was left.
    addEventListener("pageshow", () => {
      delete form.dataset.sent;
      for (const field of form.elements) field.disabled = false;
      if (this.button) this.button.textContent = this.label;
      this.button?.classList.remove("waiting");
      this.button?.removeAttribute("aria-busy");
    });
  }
}

customElements.define("busy-form", BusyForm);
