// Task lists that a monitor updates, or that the server re-renders as a whole.
import { $, $$ } from "../common/helpers.js";
import { openTask } from "./drawer.js";
import { cursorTime, isFinal } from "./format.js";
import { MonitorSocket } from "./monitor_socket.js";
import { setConnection, setPart, updateDuration } from "./parts.js";
import { createRow, renderRow } from "./row.js";

const MAX_ROWS = 200;
const NEIGHBORS = {
  ArrowDown: "nextElementSibling",
  j: "nextElementSibling",
  ArrowUp: "previousElementSibling",
  k: "previousElementSibling",
};

customElements.define(
  "pt-task-monitor",
  class extends HTMLElement {
    connectedCallback() {
      // Latest sequence number of each task.
      this.seen = new Map();
      this.pendingRows = [];
      this.list = $(".pt-tasks", this);
      this.isLost = false;
      // The page is up to date as of its cursor. Later changes arrive when the socket opens.
      this.cursor = $("meta[name=pt-live]")?.dataset.mark ?? "";
      this.renderedAt = cursorTime(this.cursor);
      this.clock = setInterval(() => this.isLost || this.updateDurations(), 1000);
      this.addEventListener("keydown", (event) => this.handleKey(event));
      this.addEventListener("pointerleave", () => this.isAtTop() && this.showPendingRows());
      $("[data-part=new]", this)?.addEventListener("click", () => {
        this.showPendingRows();
        this.scrollIntoView({ block: "start" });
      });
      if (this.hasAttribute("src")) this.connect();
      else this.observe();
    }

    disconnectedCallback() {
      clearInterval(this.clock);
      this.socket?.close();
      this.observer?.disconnect();
      document.removeEventListener("portal:drawn", this.onRendered);
    }

    connect() {
      this.socket = new MonitorSocket(this.getAttribute("src"), {
        cursor: () => this.cursor,
        expectsMessages: () => $("[data-status=PROCESSING],[data-status=PENDING]", this.list),
        onUpdate: (seq, task) => this.update(seq, task),
        onConnection: (state, text) => {
          this.isLost = state !== "on";
          setConnection(this, state, text);
        },
      });
    }

    // For a list that is re-rendered as a whole, only new rows at the top need to be reported.
    observe() {
      const isFirstRow = (node) => node.matches?.(".pt-task") && !node.previousElementSibling;
      this.observer = new MutationObserver((changes) => {
        const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
        const { length } = added.filter(isFirstRow);
        if (length && !this.isAtTop()) this.showNewCount(length);
      });
      if (this.list) this.observer.observe(this.list, { childList: true });
      // The rendered durations use the server's clock, which may differ from the browser's clock.
      this.onRendered = () => this.updateDurations();
      document.addEventListener("portal:drawn", this.onRendered);
    }

    updateDurations() {
      $$("[data-status=PROCESSING]", this).forEach(updateDuration);
    }

    isAtTop() {
      return (this.list ?? this).getBoundingClientRect().top >= 0;
    }

    // Rows must not move under the pointer, or while the user is reading further down or the focus
    // is in the list.
    isBusy() {
      const { list } = this;
      return !this.isAtTop() || list.matches(":hover") || list.contains(document.activeElement);
    }

    rowOf(id) {
      return (
        $(`[data-task-id="${CSS.escape(id)}"]`, this) ??
        this.pendingRows.find((row) => row.dataset.taskId === id)
      );
    }

    update(seq, task) {
      const id = task.task_id ?? task.id;
      const last = this.seen.get(id);
      if (last !== undefined && seq <= last) return;
      this.seen.set(id, seq);
      this.cursor = task.updated_at ?? this.cursor;
      const row = this.rowOf(id);
      if (!row) return this.addRow(id, task);
      const announcement = renderRow(row, task);
      if (announcement) setPart(this, "announce", announcement);
    }

    addRow(id, task) {
      const template = $("template[data-task]", this);
      // A task that had already finished when the page was rendered does not belong in the list.
      const isOld = isFinal(task.status) && new Date(task.created_at) < this.renderedAt;
      if (!template || isOld) return;
      const row = createRow(template, id, task);
      renderRow(row, task);
      this.pendingRows.push(row);
      if (this.isBusy() && this.list.children.length) this.showNewCount(this.pendingRows.length);
      else this.showPendingRows();
    }

    showPendingRows() {
      for (const row of this.pendingRows.splice(0)) this.list.prepend(row);
      this.showNewCount(0);
      for (const row of [...this.list.children].slice(MAX_ROWS)) {
        if (isFinal(row.dataset.status)) row.remove();
      }
    }

    showNewCount(count) {
      const button = $("[data-part=new]", this);
      if (!button) return;
      button.hidden = !count;
      button.textContent = `${count} new`;
    }

    handleKey(event) {
      const { key, target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const row = target.matches("input,select,textarea") ? null : target.closest(".pt-task");
      const neighbor = NEIGHBORS[key];
      if (!row || !(neighbor || key === "c")) return;
      const link = $("[data-task-link]", (neighbor && row[neighbor]) ?? row);
      if (!link) return;
      event.preventDefault();
      if (neighbor) link.focus();
      else openTask(link, { cancels: true });
    }
  },
);
