// What a chart says of the point below the pointer, or of the one that the arrow keys have moved to.
// The figures are those of the table below it.
customElements.define("pt-chart-tip", class extends HTMLElement {
  connectedCallback() {
    if (this.role) return;
    this.role = "slider";
    this.tabIndex = 0;
    this.ariaLabel = this.dataset.label + ", by point";
    this.ariaValueMin = 1;
    this.at = this.rows.length - 1;
    this.tell();
    this.onpointermove = this.onpointerdown = ({ clientX }) => {
      const { left, width } = this.getBoundingClientRect();
      const part = (clientX - left) / width;
      const last = this.rows.length - 1;
      this.show(this.banded ? Math.floor(part * (last + 1)) : Math.round(part * last));
    };
    this.onfocus = () => this.matches(":focus-visible") && this.show(this.at);
    this.onpointerleave = this.onblur = () => this.replaceChildren();
    this.onkeydown = (event) => {
      const last = this.rows.length - 1;
      const to = { ArrowLeft: this.at - 1, ArrowDown: this.at - 1, ArrowRight: this.at + 1, ArrowUp: this.at + 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") this.replaceChildren();
      if (to === undefined) return;
      event.preventDefault();
      this.show(to);
    };
  }
  get rows() { return $$("tbody tr", this.closest("figure")); }
  get banded() { return "bands" in this.dataset || this.rows.length < 2; }
  tell() {
    const cells = [...this.rows[this.at].cells];
    const names = $$("thead th", this.closest("figure"));
    this.ariaValueMax = this.rows.length;
    this.ariaValueNow = this.at + 1;
    this.ariaValueText = cells.map((cell, at) => (at ? names[at].textContent + " " : "") + cell.textContent.trim()).join(", ");
    return cells.map((cell, at) => {
      if (!at) return make("strong", {}, cell.textContent);
      const line = make("p", {}, make("span", {}, names[at].textContent), make("b", {}, cell.textContent));
      Object.assign(line.dataset, names[at].dataset);
      return line;
    });
  }
  show(at) {
    const count = this.rows.length;
    this.at = Math.min(Math.max(at, 0), count - 1);
    const line = make("i");
    const box = make("div", {}, ...this.tell());
    this.replaceChildren(line, box);
    const x = this.offsetLeft + this.offsetWidth * (this.banded ? (this.at + .5) / count : this.at / (count - 1));
    line.style.left = x + "px";
    box.style.left = Math.max(0, x + 12 + box.offsetWidth > this.offsetLeft + this.offsetWidth ? x - 12 - box.offsetWidth : x + 12) + "px";
  }
});
