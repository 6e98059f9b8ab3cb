// Widgets that few pages need. Fields that search as the user types: the ARIA 1.2 combobox on top of a select or a text field.
const { $, $$, on, make, toast } = window.portal.helpers;
let count = 0;
customElements.define("pt-combobox", class extends HTMLElement {
  connectedCallback() {
    const native = $("select,input[name]", this);
    if (this.input || !native || native.disabled) return;
    const id = native.id, box = `pt-combo-${++count}`;
    this.native = native;
    this.all = native.matches("select") ? [...native.options].filter((it) => it.value).map((it) => ({ value: it.value, label: it.text, hint: it.dataset.hint })) : null;
    this.text = this.dataset.text ?? (this.all ? this.all.find((it) => it.value === native.value)?.label : native.value) ?? "";
    const copied = ["aria-describedby", "aria-invalid", "placeholder"].flatMap((name) => native.hasAttribute(name) ? [[name, native.getAttribute(name)]] : []);
    this.input = make("input", { ...Object.fromEntries(copied), class: "pt-input", id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": box });
    this.input.required = native.required;
    native.required = false;
    native.removeAttribute("id");
    native.hidden = true;
    this.input.value = this.text;
    this.list = make("div", { class: "pt-menu pt-combo", id: box, role: "listbox", popover: "manual", "aria-label": $(`label[for="${CSS.escape(id)}"]`)?.firstChild.textContent.trim() ?? "" });
    this.note = make("span", { class: "pt-sr-only", role: "status" });
    const field = make("span", { class: "pt-combo-field" }, this.input);
    if (this.matches("[data-clearable]")) {
      this.clear = make("button", { type: "button", class: "pt-combo-clear", "aria-label": "Clear" }, "×");
      this.clear.addEventListener("click", () => { this.choose({ value: "", label: "" }); this.input.focus(); });
      field.append(this.clear);
    }
    this.append(field, this.list, this.note);
    $(".pt-select", this)?.setAttribute("hidden", "");
    this.updateClear();
    this.input.addEventListener("input", () => {
      clearTimeout(this.searchTimer);
      if (this.all) this.search();
      else { this.stale = true; this.request?.abort(); this.searchTimer = setTimeout(() => this.search(), 250); }
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("click", () => this.search(""));
    this.input.addEventListener("blur", () => { clearTimeout(this.searchTimer); this.close(); this.revert(); });
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const index = this.options().indexOf(event.target.closest("[role=option]"));
      if (index >= 0) this.pick(index);
    });
    const first = this.text;
    native.form?.addEventListener("reset", () => setTimeout(() => { this.input.value = this.text = first; this.updateClear(); }));
  }
  options() { return $$("[role=option]:not([aria-disabled])", this.list); }
  updateClear() { if (this.clear) this.clear.hidden = !this.native.value; }
  // Without a choice, restore the text of the selected item.
  revert() {
    if (!this.input.value && !this.input.required) return this.native.value && this.choose({ value: "", label: "" });
    this.input.value = this.text;
  }
  choose({ value, label }) {
    if (this.all && value && ![...this.native.options].some((it) => it.value === value)) this.native.append(new Option(label, value));
    this.native.value = value;
    this.input.value = this.text = label;
    this.native.dispatchEvent(new Event("change", { bubbles: true }));
    this.updateClear();
    this.close();
  }
  pick(index) {
    const option = this.options()[index];
    if (!option) return;
    if (!option.dataset.create) return this.choose(option.item);
    const createEvent = new CustomEvent("portal:create", { bubbles: true, cancelable: true, detail: { text: option.dataset.create } });
    this.close();
    if (this.dispatchEvent(createEvent)) window.open(this.dataset.create + encodeURIComponent(option.dataset.create), "_blank", "noopener");
  }
  highlight(to) {
    const all = this.options();
    this.at = all.length ? (to + all.length) % all.length : -1;
    all.forEach((option, index) => option.setAttribute("aria-selected", index === this.at));
    if (this.at < 0) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", all[this.at].id);
    all[this.at].scrollIntoView({ block: "nearest" });
  }
  row(text, hint, index) {
    const row = make("div", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false" }, make("span", {}, text));
    if (hint) row.append(make("small", {}, hint));
    return row;
  }
  noticeRow(text) {
    const row = this.row(text, "", "none");
    row.setAttribute("aria-disabled", "true");
    return row;
  }
  renderOptions(items, query) {
    this.stale = false;
    const rows = items.map((item, index) => Object.assign(this.row(item.label, item.hint, index), { item }));
    if (!rows.length) rows.push(this.noticeRow("No matches"));
    if (this.matches("[data-create]") && query && !items.some((it) => it.label.toLowerCase() === query.toLowerCase())) {
      const row = this.row(`Create “${query}”`, "", "new");
      row.dataset.create = query;
      rows.push(row);
    }
    this.list.replaceChildren(...rows);
    this.open();
    this.highlight(query ? 0 : Math.max(0, items.findIndex((it) => it.value === this.native.value)));
    this.note.textContent = items.length === 1 ? "1 match" : `${items.length} matches`;
  }
  async search(query = this.input.value.trim()) {
    if (this.all) {
      const needle = query.toLowerCase();
      return this.renderOptions(this.all.filter((it) => `${it.label} ${it.hint ?? ""}`.toLowerCase().includes(needle)), query);
    }
    this.request?.abort();
    this.request = new AbortController();
    const url = new URL(this.dataset.source, location.href);
    url.searchParams.set("q", query);
    const slow = setTimeout(() => { this.list.replaceChildren(this.noticeRow("Searching…")); this.open(); this.highlight(0); }, 300);
    try {
      const response = await fetch(url, { signal: this.request.signal, credentials: "same-origin", headers: { accept: "application/json" } });
      if (!response.ok) throw response;
      const items = await response.json();
      if (document.activeElement === this.input) this.renderOptions(items, query);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.list.replaceChildren(this.noticeRow("Search failed. Try again."));
      this.open();
      this.highlight(0);
    } finally {
      clearTimeout(slow);
    }
  }
  open() {
    if (!this.list.matches(":popover-open")) this.list.showPopover();
    this.input.setAttribute("aria-expanded", "true");
    const box = this.input.getBoundingClientRect();
    const { style, offsetHeight: height } = this.list;
    const below = box.bottom + height + 8 < innerHeight || box.top < height + 8;
    style.top = (below ? box.bottom : box.top - height - 8) + "px";
    style.left = box.left + "px";
    style.width = box.width + "px";
    this.onViewportChange ??= (event) => this.list.contains(event.target) || this.close();
    addEventListener("scroll", this.onViewportChange, true);
    addEventListener("resize", this.onViewportChange);
  }
  close() {
    removeEventListener("scroll", this.onViewportChange, true);
    removeEventListener("resize", this.onViewportChange);
    if (this.list.matches(":popover-open")) this.list.hidePopover();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.request?.abort();
  }
  key(event) {
    if (event.isComposing) return;
    const isOpen = this.list.matches(":popover-open");
    const handle = (action) => { event.preventDefault(); event.stopPropagation(); action(); };
    if (event.key === "ArrowDown") handle(() => isOpen ? this.highlight(this.at + 1) : this.search(""));
    else if (event.key === "ArrowUp") handle(() => isOpen ? this.highlight(this.at - 1) : this.search(""));
    else if (event.key === "Enter" && (isOpen || this.stale)) handle(() => { if (!this.stale) return this.pick(this.at); clearTimeout(this.searchTimer); this.search(); });
    else if (event.key === "Escape" && (isOpen || this.stale)) handle(() => { clearTimeout(this.searchTimer); this.request?.abort(); this.stale = false; this.close(); this.input.value = this.text; });
    else if (event.key === "Escape" && this.clear && this.native.value) handle(() => this.choose({ value: "", label: "" }));
    else if (event.key === "Tab" && isOpen && this.at >= 0 && this.input.value !== this.text && !this.stale) this.pick(this.at);
  }
  disconnectedCallback() { this.list?.isConnected || this.request?.abort(); }
});
// Announced at most every ten percent.
customElements.define("pt-progress", class extends HTMLElement {
  connectedCallback() {
    const bar = $("progress", this);
    let announcedStep = bar.value / 10 | 0;
    this.observer = new MutationObserver(() => {
      const step = bar.value / 10 | 0;
      if (step === announcedStep) return;
      announcedStep = step;
      $("[role=status]", this).textContent = `${this.dataset.label}: ${bar.value}%`;
    });
    this.observer.observe(bar, { attributeFilter: ["value"] });
  }
  disconnectedCallback() { this.observer.disconnect(); }
});
on("click", ({ target }) => {
  const button = target.closest?.("[data-toast]");
  if (button) toast(button.dataset.toast, button.dataset.tone);
});
