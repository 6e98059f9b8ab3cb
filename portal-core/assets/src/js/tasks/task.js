// A single task with its log.
import { $, $$, createElement, formatTimes, toast } from "../common/helpers.js";
import { TaskEventStream } from "./event_stream.js";
import { formatDuration, isFinal } from "./format.js";
import { LogView } from "./log.js";
import { fetchTask } from "./page.js";
import { renderTask, setConnection, setPart, updateDuration } from "./parts.js";

const MAX_UPDATES = 12;

customElements.define(
  "pt-task",
  class extends HTMLElement {
    connectedCallback() {
      this.isLost = false;
      this.log = new LogView(this);
      this.addEventListener("input", ({ target }) => {
        if (target.matches("[data-log]")) this.log.filter();
      });
      this.addEventListener("click", ({ target }) => {
        this.runLogAction(target.closest("[data-log]")?.dataset.log);
      });
      this.addEventListener("submit", (event) => this.submitCancel(event));
      this.clock = setInterval(() => this.updateTimes(), 1000);
      if (this.dataset.stream) this.connect();
    }

    disconnectedCallback() {
      clearInterval(this.clock);
      this.stream?.close();
    }

    connect() {
      this.stream = new TaskEventStream(this.dataset.stream, this.dataset.href, {
        onEntry: (entry) => this.addEntry(entry),
        onState: (task) => this.applyState(task),
        onEnd: () => this.refresh(),
        onConnection: (state, text) => {
          this.isLost = state !== "on";
          setConnection(this, state, text);
        },
      });
    }

    updateTimes() {
      if (this.dataset.status === "PROCESSING" && !this.isLost) updateDuration(this);
      const countdown = $("[data-part=countdown]", this);
      if (!countdown) return;
      countdown.textContent = `, in ${formatDuration(Date.now(), new Date(countdown.dataset.at))}`;
    }

    applyState(task) {
      const before = this.dataset.status;
      const announcement = renderTask(this, task);
      if (announcement) setPart(this, "announce", announcement);
      if (before !== task.status && !isFinal(task.status)) this.refresh();
    }

    addEntry(entry) {
      // The status is shown once the state of the task arrives.
      if (entry.kind === "status") return;
      if (entry.kind === "update") this.addUpdate(entry);
      else this.log.add(entry);
    }

    // Adds a progress update to the timeline.
    addUpdate({ kind, at, message, progress }) {
      const line = createElement(
        "li",
        { "data-kind": kind },
        createElement("b", {}, `${progress}%`),
        createElement("span", {}, message ?? ""),
        createElement("time", { datetime: at, "data-format": "precise" }),
      );
      formatTimes(line);
      $(".pt-timeline", this)?.append(line);
      for (const old of $$("[data-kind=update]", this).slice(0, -MAX_UPDATES)) old.remove();
    }

    async runLogAction(action) {
      if (action === "follow") this.log.toggleFollowing();
      else if (action === "copy" && (await this.log.copy())) setPart(this, "announce", "Copied");
    }

    // Submits the cancellation without leaving the page.
    async submitCancel(event) {
      const form = event.target;
      if (!form.action.endsWith("/cancel") || event.defaultPrevented) return;
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form));
      const response = await fetch(form.action, { method: "POST", body }).catch(() => null);
      if (!response?.ok) return toast("Couldn't cancel the task. Try again.", "danger");
      form.closest("dialog")?.close();
      this.refresh();
    }

    // Replaces the sections that depend on the status with those from the current page.
    async refresh() {
      const fresh = await fetchTask(this.dataset.href);
      if (!fresh) return;
      for (const section of $$("[data-swap]", fresh)) this.replaceSection(section);
      this.dataset.status = fresh.dataset.status;
      this.toggleAttribute("data-cancelling", "cancelling" in fresh.dataset);
      if (isFinal(fresh.dataset.status)) {
        $(".pt-log-empty", this)?.replaceWith($(".pt-log-empty", fresh) ?? "");
      }
    }

    replaceSection(section) {
      const old = $(`[data-swap=${section.dataset.swap}]`, this);
      if (!old || $("dialog[open]", old)) return;
      const hadFocus = old.contains(document.activeElement);
      old.replaceWith(section);
      if (!hadFocus) return;
      const target = $("h1,h2", section) ?? section;
      target.tabIndex = -1;
      target.focus();
    }
  },
);
