// <copy-button>: copies the text of the <pre> beside it, and says so.

const SHOWN = 1600; // milliseconds

class CopyButton extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector("button");
    this.label = this.button.textContent;
    this.button.addEventListener("click", () => this.copy());
  }

  async copy() {
    const source = this.closest(".copied").querySelector("pre");
    let done = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Away from this machine's own address browsers offer no clipboard: the text is selected instead.
      getSelection().selectAllChildren(source);
      done = false;
    }
    this.button.textContent = done ? this.dataset.done : this.dataset.failed;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.button.textContent = this.label), SHOWN);
  }
}

customElements.define("copy-button", CopyButton);
