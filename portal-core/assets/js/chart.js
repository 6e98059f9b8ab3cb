// Tooltip of a chart for the point below the pointer or the one selected with the arrow keys.
// It reads its values from the table below the chart.
const { $$, make } = window.portal.helpers;
const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -1e9, End: 1e9 };
customElements.define("pt-chart-tip", class extends HTMLElement {
  connectedCallback() {
    if (this.role) return;
    this.role = "slider";
    this.tabIndex = 0;
    this.ariaLabel = this.dataset.label + ", by point";
    this.ariaValueMin = 1;
    this.move(1e9);
    this.onpointermove = this.onpointerdown = ({ clientX }) => {
      const { left, width } = this.getBoundingClientRect();
      const fraction = (clientX - left) / width;
      this.show(this.bands ? Math.floor(fraction * this.count) : Math.round(fraction * (this.count - 1)));
    };
    this.onfocus = () => this.matches(":focus-visible") && this.show(this.at);
    this.onpointerleave = this.onblur = () => this.replaceChildren();
    this.onkeydown = (event) => {
      if (event.key === "Escape") this.replaceChildren();
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      this.show(this.at + step);
    };
  }
  move(to) {
    const rows = $$("tr", this.closest("figure"));
    this.count = this.ariaValueMax = rows.length - 1;
    this.bands = "bands" in this.dataset || this.count < 2;
    this.at = Math.min(Math.max(to, 0), this.count - 1);
    this.ariaValueNow = this.at + 1;
    const cells = [...rows[this.at + 1].cells].map((cell, at) => [cell.textContent, rows[0].cells[at]]);
    this.ariaValueText = cells.map(([text, head], at) => (at ? head.textContent + " " : "") + text).join(", ");
    return cells;
  }
  show(to) {
    const line = make("i");
    const box = make("div", {}, ...this.move(to).map(([text, head], at) => {
      if (!at) return make("strong", {}, text);
      const entry = make("p", {}, make("span", {}, head.textContent), make("b", {}, text));
      Object.assign(entry.dataset, head.dataset);
      return entry;
    }));
    this.replaceChildren(line, box);
    const { offsetLeft, offsetWidth, at, count } = this;
    const x = offsetLeft + offsetWidth * (this.bands ? (at + .5) / count : at / (count - 1));
    const right = x + 12 + box.offsetWidth;
    line.style.left = x + "px";
    box.style.left = Math.max(0, right > offsetLeft + offsetWidth ? x * 2 - right : x + 12) + "px";
  }
});
