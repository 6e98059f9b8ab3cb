// Fields that search as the user types: ARIA 1.2 comboboxes that enhance a select or a text field.

import { $, $$, createElement } from "../common/helpers.js";
import { wrapIndex } from "../common/wrap_index.js";
import { listTop } from "./list_position.js";
import { filterItems, isNewLabel, matchesText } from "./options.js";

const SEARCH_DELAY = 250;
const SLOW_SEARCH_DELAY = 300;
const COPIED_ATTRIBUTES = ["aria-describedby", "aria-invalid", "placeholder"];
const EMPTY = { value: "", label: "" };

let count = 0;

// Returns the items of a select, or `null` for a text field, for which the server finds the items.
const itemsOf = (native) => {
  if (!native.matches("select")) return null;
  const options = [...native.options].filter(({ value }) => value);
  return options.map(({ value, text, dataset }) => ({ value, label: text, hint: dataset.hint }));
};

const createInput = (native, listId) => {
  const copied = COPIED_ATTRIBUTES.filter((name) => native.hasAttribute(name));
  const input = createElement("input", {
    ...Object.fromEntries(copied.map((name) => [name, native.getAttribute(name)])),
    class: "pt-input",
    id: native.id,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
  });
  input.required = native.required;
  return input;
};

const createList = (native, listId) => {
  const label = $(`label[for="${CSS.escape(native.id)}"]`);
  return createElement("div", {
    class: "pt-menu pt-combo",
    id: listId,
    role: "listbox",
    popover: "manual",
    "aria-label": label?.firstChild.textContent.trim() ?? "",
  });
};

customElements.define(
  "pt-combobox",
  class extends HTMLElement {
    connectedCallback() {
      const native = $("select,input[name]", this);
      if (this.input || !native || native.disabled) return;
      this.native = native;
      this.items = itemsOf(native);
      this.text = this.dataset.text ?? this.selectedLabel() ?? "";
      this.build();
      this.addListeners();
      this.updateClear();
    }

    disconnectedCallback() {
      // Moving the element within the page must not abort its search.
      if (!this.list?.isConnected) this.request?.abort();
    }

    selectedLabel() {
      const { value } = this.native;
      return this.items ? this.items.find((item) => item.value === value)?.label : value;
    }

    build() {
      const { native } = this;
      count++;
      const listId = `pt-combo-${count}`;
      this.input = createInput(native, listId);
      this.input.value = this.text;
      this.list = createList(native, listId);
      this.note = createElement("span", { class: "pt-sr-only", role: "status" });
      // The browser cannot show validation errors for a hidden field.
      native.required = false;
      native.removeAttribute("id");
      native.hidden = true;
      const field = createElement("span", { class: "pt-combo-field" }, this.input);
      if (this.matches("[data-clearable]")) field.append(this.createClearButton());
      this.append(field, this.list, this.note);
      $(".pt-select", this)?.setAttribute("hidden", "");
    }

    createClearButton() {
      const attributes = { type: "button", class: "pt-combo-clear", "aria-label": "Clear" };
      this.clearButton = createElement("button", attributes, "×");
      this.clearButton.addEventListener("click", () => {
        this.choose(EMPTY);
        this.input.focus();
      });
      return this.clearButton;
    }

    addListeners() {
      const { input, list } = this;
      input.addEventListener("input", () => this.handleInput());
      input.addEventListener("keydown", (event) => this.handleKey(event));
      input.addEventListener("click", () => this.search(""));
      input.addEventListener("blur", () => {
        clearTimeout(this.searchTimer);
        this.close();
        this.restoreText();
      });
      list.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        const index = this.options().indexOf(event.target.closest("[role=option]"));
        if (index >= 0) this.pick(index);
      });
      const initialText = this.text;
      this.native.form?.addEventListener("reset", () =>
        setTimeout(() => {
          this.setText(initialText);
          this.updateClear();
        }),
      );
    }

    options() {
      return $$("[role=option]:not([aria-disabled])", this.list);
    }

    setText(text) {
      this.text = text;
      this.input.value = text;
    }

    updateClear() {
      if (this.clearButton) this.clearButton.hidden = !this.native.value;
    }

    // If the user has not chosen an item, restores the text of the selected item.
    restoreText() {
      const isCleared = !this.input.value && !this.input.required;
      if (!isCleared) this.input.value = this.text;
      else if (this.native.value) this.choose(EMPTY);
    }

    choose({ value, label }) {
      const isKnown = () => [...this.native.options].some((option) => option.value === value);
      if (this.items && value && !isKnown()) this.native.append(new Option(label, value));
      this.native.value = value;
      this.setText(label);
      this.native.dispatchEvent(new Event("change", { bubbles: true }));
      this.updateClear();
      this.close();
    }

    pick(index) {
      const option = this.options()[index];
      if (!option) return;
      const text = option.dataset.create;
      if (!text) return this.choose(option.item);
      this.close();
      const detail = { text };
      const event = new CustomEvent("portal:create", { bubbles: true, cancelable: true, detail });
      if (!this.dispatchEvent(event)) return;
      window.open(this.dataset.create + encodeURIComponent(text), "_blank", "noopener");
    }

    highlight(index) {
      const options = this.options();
      this.highlighted = wrapIndex(index, options.length);
      for (const [at, option] of options.entries()) {
        option.setAttribute("aria-selected", at === this.highlighted);
      }
      const option = options[this.highlighted];
      if (!option) return this.input.removeAttribute("aria-activedescendant");
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }

    createOption(text, hint, suffix) {
      const id = `${this.list.id}-${suffix}`;
      const attributes = { role: "option", id, "aria-selected": "false" };
      const option = createElement("div", attributes, createElement("span", {}, text));
      if (hint) option.append(createElement("small", {}, hint));
      return option;
    }

    createNotice(text) {
      const option = this.createOption(text, "", "none");
      option.setAttribute("aria-disabled", "true");
      return option;
    }

    showNotice(text) {
      this.list.replaceChildren(this.createNotice(text));
      this.open();
      this.highlight(0);
    }

    renderOptions(items, query) {
      this.isStale = false;
      const options = items.map((item, index) =>
        Object.assign(this.createOption(item.label, item.hint, index), { item }),
      );
      if (!options.length) options.push(this.createNotice("No matches"));
      if (this.matches("[data-create]") && isNewLabel(items, query)) {
        const option = this.createOption(`Create “${query}”`, "", "new");
        option.dataset.create = query;
        options.push(option);
      }
      this.list.replaceChildren(...options);
      this.open();
      const selected = items.findIndex(({ value }) => value === this.native.value);
      this.highlight(query ? 0 : Math.max(0, selected));
      this.note.textContent = matchesText(items.length);
    }

    handleInput() {
      clearTimeout(this.searchTimer);
      if (this.items) return this.search();
      this.isStale = true;
      this.request?.abort();
      this.searchTimer = setTimeout(() => this.search(), SEARCH_DELAY);
    }

    async search(query = this.input.value.trim()) {
      if (this.items) return this.renderOptions(filterItems(this.items, query), query);
      this.request?.abort();
      this.request = new AbortController();
      const slowTimer = setTimeout(() => this.showNotice("Searching…"), SLOW_SEARCH_DELAY);
      try {
        const items = await this.fetchItems(query, this.request.signal);
        if (document.activeElement === this.input) this.renderOptions(items, query);
      } catch (error) {
        if (error.name !== "AbortError") this.showNotice("Search failed. Try again.");
      } finally {
        clearTimeout(slowTimer);
      }
    }

    async fetchItems(query, signal) {
      const url = new URL(this.dataset.source, location.href);
      url.searchParams.set("q", query);
      const headers = { accept: "application/json" };
      const response = await fetch(url, { signal, credentials: "same-origin", headers });
      if (!response.ok) throw response;
      return response.json();
    }

    isOpen() {
      return this.list.matches(":popover-open");
    }

    open() {
      if (!this.isOpen()) this.list.showPopover();
      this.input.setAttribute("aria-expanded", "true");
      const field = this.input.getBoundingClientRect();
      const { style, offsetHeight } = this.list;
      style.top = `${listTop(field, offsetHeight, innerHeight)}px`;
      style.left = `${field.left}px`;
      style.width = `${field.width}px`;
      this.onViewportChange ??= (event) => {
        if (!this.list.contains(event.target)) this.close();
      };
      addEventListener("scroll", this.onViewportChange, true);
      addEventListener("resize", this.onViewportChange);
    }

    close() {
      removeEventListener("scroll", this.onViewportChange, true);
      removeEventListener("resize", this.onViewportChange);
      if (this.isOpen()) this.list.hidePopover();
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
      this.request?.abort();
    }

    handleKey(event) {
      if (event.isComposing) return;
      if (event.key === "Tab") return this.pickOnTab();
      const action = this.actionOf(event.key);
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    }

    // If the user has typed, leaving the field with Tab picks the highlighted option.
    pickOnTab() {
      const hasTyped = this.input.value !== this.text && !this.isStale;
      if (this.isOpen() && this.highlighted >= 0 && hasTyped) this.pick(this.highlighted);
    }

    actionOf(key) {
      const isOpen = this.isOpen();
      const isSearching = isOpen || this.isStale;
      if (key === "ArrowDown" || key === "ArrowUp") {
        const step = key === "ArrowDown" ? 1 : -1;
        return () => (isOpen ? this.highlight(this.highlighted + step) : this.search(""));
      }
      if (key === "Enter" && isSearching) return () => this.pickOrSearch();
      if (key === "Escape" && isSearching) return () => this.cancelSearch();
      if (key === "Escape" && this.clearButton && this.native.value) {
        return () => this.choose(EMPTY);
      }
    }

    pickOrSearch() {
      if (!this.isStale) return this.pick(this.highlighted);
      clearTimeout(this.searchTimer);
      this.search();
    }

    cancelSearch() {
      clearTimeout(this.searchTimer);
      this.isStale = false;
      this.close();
      this.input.value = this.text;
    }
  },
);
