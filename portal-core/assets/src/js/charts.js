// Chart tooltip for the point under the pointer or the point selected with the arrow keys. It
// shows the values from the table below the chart.
import { pointAt, pointPosition, stepPoint, tooltipLeft } from "./charts/points.js";
import { $$, createElement } from "./common/helpers.js";

customElements.define(
  "pt-chart-tip",
  class extends HTMLElement {
    connectedCallback() {
      if (this.role) return;
      this.role = "slider";
      this.tabIndex = 0;
      this.ariaLabel = `${this.dataset.label}, by point`;
      this.ariaValueMin = 1;
      this.select(Number.POSITIVE_INFINITY);
      this.onpointerdown = (event) => this.showPointBelow(event);
      this.onpointermove = this.onpointerdown;
      this.onfocus = () => {
        if (this.matches(":focus-visible")) this.show(this.point);
      };
      this.onpointerleave = () => this.replaceChildren();
      this.onblur = this.onpointerleave;
      this.onkeydown = (event) => this.handleKey(event);
    }

    showPointBelow({ clientX }) {
      const { left, width } = this.getBoundingClientRect();
      this.show(pointAt((clientX - left) / width, this.count, this.hasBands));
    }

    handleKey(event) {
      if (event.key === "Escape") this.replaceChildren();
      const point = stepPoint(event.key, this.point, this.count);
      if (point === undefined) return;
      event.preventDefault();
      this.show(point);
    }

    // Selects a point and returns the text of its cells, each with the matching header cell.
    select(point) {
      const [head, ...rows] = $$("tr", this.closest("figure"));
      this.count = rows.length;
      this.ariaValueMax = this.count;
      this.hasBands = "bands" in this.dataset || this.count < 2;
      this.point = Math.min(Math.max(point, 0), this.count - 1);
      this.ariaValueNow = this.point + 1;
      const cells = [...rows[this.point].cells].map((cell, column) => ({
        text: cell.textContent,
        head: head.cells[column],
      }));
      const [name, ...values] = cells;
      const texts = values.map(({ text, head }) => `${head.textContent} ${text}`);
      this.ariaValueText = [name.text, ...texts].join(", ");
      return cells;
    }

    show(point) {
      const [name, ...values] = this.select(point);
      const line = createElement("i");
      const entries = values.map(({ text, head }) => {
        const label = createElement("span", {}, head.textContent);
        const entry = createElement("p", {}, label, createElement("b", {}, text));
        Object.assign(entry.dataset, head.dataset);
        return entry;
      });
      const box = createElement("div", {}, createElement("strong", {}, name.text), ...entries);
      this.replaceChildren(line, box);
      const { offsetLeft, offsetWidth, count, hasBands } = this;
      const x = offsetLeft + offsetWidth * pointPosition(this.point, count, hasBands);
      line.style.left = `${x}px`;
      box.style.left = `${tooltipLeft(x, box.offsetWidth, offsetLeft + offsetWidth)}px`;
    }
  },
);
