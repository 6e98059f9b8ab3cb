// Behaviour on top of pages that already work. Light DOM only; no eval, no inline handlers.
(() => {
  "use strict";
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const on = (type, handler, capture) => document.addEventListener(type, handler, capture);
  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /* Forms that would lose something ------------------------------------------------------------------- */
  const snapshot = (form) =>
    JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
  const clean = new WeakMap();
  on("focusin", ({ target }) => {
    const form = target.form?.closest("form[data-guard]");
    if (form && !clean.has(form)) clean.set(form, snapshot(form));
  });
  const isDirty = (form) => clean.has(form) && clean.get(form) !== snapshot(form);
  const dirtyIn = (node) => $$("form[data-guard]", node).some(isDirty);
  addEventListener("beforeunload", (event) => dirtyIn(document) && event.preventDefault());

  const ask = (title, text, yes) =>
    new Promise((answer) => {
      const button = (kind, label, value) =>
        make("button", { class: "pt-btn", "data-kind": kind, value }, label);
      const heading = make("h2", { id: "pt-ask" }, title);
      const dialog = make("dialog", { class: "pt-dialog", "aria-labelledby": "pt-ask" },
        make("div", { class: "pt-dialog-body" }, heading, make("p", {}, text)),
        make("form", { method: "dialog", class: "pt-dialog-foot" },
          button("outline", "Keep editing", ""), button("danger", yes, "yes")));
      dialog.addEventListener("close", () => { dialog.remove(); answer(dialog.returnValue === "yes"); });
      document.body.append(dialog);
      dialog.showModal();
    });

  /* Dialogs and drawers ------------------------------------------------------------------------------- */
  const open = (dialog) => {
    if (!dialog || dialog.matches(":modal")) return;
    if (dialog.matches(":popover-open")) dialog.hidePopover();
    dialog.open && dialog.close();
    dialog.showModal();
    if (!dialog.matches(".pt-drawer") || $("[autofocus]", dialog)) return;
    // A field that takes the focus on a phone would open the keyboard over half of the drawer.
    const field = matchMedia("(pointer:fine)").matches && ($("[aria-invalid=true]", dialog) ??
      $(".pt-drawer-body :is(input:not([type=hidden],[readonly]),select,textarea):enabled", dialog));
    dialog.tabIndex = -1;
    (field || dialog).focus();
  };
  const close = async (dialog) => {
    if (!dialog) return;
    const forms = $$("form[data-guard]", dialog).filter(isDirty);
    if (forms.length) {
      if (!(await ask("Discard changes?", "What you changed here has not been saved.", "Discard"))) return;
      forms.forEach((form) => { form.reset(); clean.delete(form); });
    }
    dialog.close();
    if (dialog.dataset.back) history.replaceState(null, "", dialog.dataset.back);
  };
  on("click", (event) => {
    const { target } = event;
    const opener = target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      open(document.getElementById(opener.dataset.opens));
      return;
    }
    const dialog = target.closest("dialog");
    if (dialog && target.closest("[data-closes]")) {
      event.preventDefault();
      close(dialog);
    }
  });
  // Only a press that begins and ends on the backdrop closes: dragging a selection out of a field does not.
  let pressed = null;
  on("pointerdown", ({ target }) => { pressed = target; });
  on("click", ({ target, clientX: x, clientY: y }) => {
    if (target !== pressed || !target.matches?.("dialog:modal")) return;
    const box = target.getBoundingClientRect();
    if (x < box.left || x > box.right || y < box.top || y > box.bottom) close(target);
  });
  on("cancel", (event) => {
    if (!event.target.matches("dialog")) return;
    if (event.target.dataset.back || dirtyIn(event.target)) {
      event.preventDefault();
      close(event.target);
    }
  }, true);
  customElements.define("pt-modal", class extends HTMLElement {
    connectedCallback() { open($("dialog[data-open-on-load]", this)); }
  });

  // Menus are popovers; where anchors are not known yet, put them next to their button.
  if (!CSS.supports("position-area", "bottom"))
    on("toggle", ({ target, newState }) => {
      if (newState !== "open" || !target.matches(".pt-menu")) return;
      const box = $(`[popovertarget="${CSS.escape(target.id)}"]`)?.getBoundingClientRect();
      if (!box) return;
      const { offsetWidth: width, offsetHeight: height } = target;
      const below = target.dataset.place !== "top" && box.bottom + height + 8 < innerHeight;
      target.style.top = (below ? box.bottom : Math.max(4, box.top - height - 8)) + "px";
      target.style.left = Math.max(4, target.dataset.place ? box.left : box.right - width) + "px";
    }, true);

  /* Forms --------------------------------------------------------------------------------------------- */
  const usesHtmx = (form) => form.matches("[hx-get],[hx-post],[hx-put],[hx-patch],[hx-delete]");
  let typing;
  on("change", ({ target }) => target.form?.matches("[data-autosubmit]") && target.type !== "search" && target.form.requestSubmit());
  on("input", ({ target }) => {
    if (target.type !== "search" || !target.form?.matches("[data-autosubmit]") || !usesHtmx(target.form)) return;
    clearTimeout(typing);
    typing = setTimeout(() => target.form.requestSubmit(), 250);
  });
  on("submit", (event) => {
    const { target: form, submitter } = event;
    clean.delete(form);
    if (form.method === "dialog" || usesHtmx(form)) return;
    // After the other listeners: a cancelled submit must not leave a busy button.
    setTimeout(() => event.defaultPrevented || submitter?.setAttribute("aria-busy", "true"));
  });
  addEventListener("pageshow", ({ persisted }) => persisted && $$("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy")));

  const selection = (table) => {
    const boxes = $$("tbody [data-select]", table);
    const chosen = boxes.filter((box) => box.checked);
    boxes.forEach((box) => box.closest("tr").setAttribute("aria-selected", box.checked));
    const all = $("[data-select-all]", table);
    if (all) {
      all.checked = chosen.length > 0 && chosen.length === boxes.length;
      all.indeterminate = chosen.length > 0 && !all.checked;
    }
    const count = $("[data-part=count]", table.closest(".pt-card") ?? document);
    if (count) count.textContent = `${chosen.length} selected`;
  };
  on("change", ({ target }) => {
    const table = target.closest?.("table");
    if (!table || !target.matches("[data-select],[data-select-all]")) return;
    if (target.matches("[data-select-all]"))
      $$("tbody [data-select]", table).forEach((box) => { box.checked = target.checked; });
    selection(table);
  });

  /* Theme --------------------------------------------------------------------------------------------- */
  const THEME = ["accent", "gray", "radius", "scaling", "appearance", "density"];
  let saving;
  const saveTheme = async (form) => {
    const note = $("[data-part=saved]", form);
    const say = (text) => { if (note) note.textContent = text; };
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual", credentials: "same-origin",
      });
      say(answer.ok || answer.type === "opaqueredirect" ? "Saved" : "Could not be saved");
    } catch {
      say("Could not be saved");
    }
  };
  on("change", ({ target }) => {
    const form = target.form;
    if (!form?.matches("[data-theme-form]") || !THEME.includes(target.name)) return;
    root.dataset[target.name] = target.value;
    clearTimeout(saving);
    saving = setTimeout(saveTheme, 250, form);
  });
  on("submit", (event) => {
    if (!event.target.matches("[data-theme-form]")) return;
    event.preventDefault();
    saveTheme(event.target);
  });

  /* Copy, toasts, times ------------------------------------------------------------------------------- */
  customElements.define("pt-copy", class extends HTMLElement {
    connectedCallback() { this.onclick ??= () => this.copy(); }
    async copy() {
      const source = $("pre", this.closest(".pt-code") ?? this);
      const text = this.getAttribute("value") ?? source?.textContent ?? "";
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const area = make("textarea", { class: "pt-vh", "aria-hidden": "true" });
        area.value = text;
        this.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
        $("button", this)?.focus();
      }
      const label = $("[data-part=label]", this);
      this.say(label, "Copied");
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.say(label, this.was), 2000);
    }
    say(label, text) {
      this.was ??= label?.textContent;
      if (label) label.textContent = text;
      const status = $("[role=status]", this);
      if (status) status.textContent = text === this.was ? "" : text;
    }
  });

  customElements.define("pt-toast", class extends HTMLElement {
    connectedCallback() {
      if (this.ready) return;
      this.ready = true;
      $("button", this)?.addEventListener("click", () => this.leave());
      if (this.dataset.tone === "danger") return;
      const start = () => { this.timer = setTimeout(() => this.leave(), 6000); };
      for (const type of ["pointerenter", "focusin"]) this.addEventListener(type, () => clearTimeout(this.timer));
      for (const type of ["pointerleave", "focusout"]) this.addEventListener(type, start);
      start();
    }
    leave() {
      clearTimeout(this.timer);
      this.dataset.leaving = "";
      setTimeout(() => this.remove(), 200);
    }
  });
  const toast = (text, tone = "info") => {
    const host = $(".pt-toasts");
    const template = host && $(`template[data-tone=${CSS.escape(tone)}]`, host);
    if (!template) return;
    const node = template.content.firstElementChild.cloneNode(true);
    $("[data-part=text]", node).textContent = text;
    host.append(node);
    $$("pt-toast", host).slice(0, -3).forEach((old) => old.leave());
  };
  // The server says it with the header `HX-Trigger: {"portal:toast": {"text": "...", "tone": "success"}}`.
  on("portal:toast", ({ detail }) => toast(detail.text, detail.tone));

  const LANGUAGE = root.lang || undefined;
  const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const ago = (date) => {
    const seconds = (date - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? [];
    return unit ? relative.format(Math.round(seconds / size), unit) : "just now";
  };
  const STYLES = {
    date: { dateStyle: "medium" },
    datetime: { dateStyle: "medium", timeStyle: "short" },
    time: { timeStyle: "medium" },
  };
  const formatTime = (node) => {
    const date = new Date(node.dateTime);
    if (isNaN(date)) return;
    const full = date.toLocaleString(undefined, STYLES.datetime);
    const style = node.dataset.format;
    const text = style === "ago" && Math.abs(date - Date.now()) < 6.048e8
      ? ago(date) : date.toLocaleString(undefined, STYLES[style] ?? STYLES.datetime);
    if (node.textContent !== text) node.textContent = text;
    node.title = full;
  };
  customElements.define("pt-time", class extends HTMLElement {
    connectedCallback() { $$("time", this).forEach(formatTime); }
  });
  setInterval(() => $$("pt-time>time[data-format=ago]").forEach(formatTime), 30000);

  /* Tasks --------------------------------------------------------------------------------------------- */
  const STATUS = {
    PENDING: ["Pending", ""], PROCESSING: ["Running", "info"],
    COMPLETED: ["Completed", "success"], ERROR: ["Failed", "danger"],
  };
  const duration = (from, to) => {
    const seconds = Math.max(0, (to - from) / 1000);
    if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  };
  const show = (value) => value == null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);

  customElements.define("pt-task-monitor", class extends HTMLElement {
    connectedCallback() {
      this.seen = new Map();
      this.wait = 500;
      this.gone = false;
      this.connect();
      this.clock = setInterval(() => $$("[data-status=PROCESSING]", this).forEach((row) => this.tick(row)), 1000);
    }
    disconnectedCallback() {
      this.gone = true;
      clearInterval(this.clock);
      clearTimeout(this.timer);
      this.socket?.close();
    }
    state(live, text) {
      const node = $("[data-part=connection]", this);
      if (!node) return;
      node.dataset.live = live;
      node.textContent = text;
    }
    connect() {
      const url = new URL(this.getAttribute("src"), location.href);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = this.socket = new WebSocket(url);
      socket.onopen = () => { this.wait = 500; this.state("on", "Live"); };
      socket.onmessage = ({ data }) => {
        try {
          const message = JSON.parse(data);
          if (message.type === "state_update") this.update(message.seq, message.data);
        } catch { /* one bad message does not end the stream */ }
      };
      socket.onclose = ({ code }) => {
        if (this.gone) return;
        // 4401: the token is no longer good; asking again cannot help.
        if (code === 4401) return this.state("off", "Signed out");
        // 4403: its owner may not see this any more.
        if (code === 4403) return this.state("off", "No access");
        this.state("wait", "Reconnecting…");
        this.timer = setTimeout(() => this.connect(), this.wait * (.5 + Math.random()));
        this.wait = Math.min(this.wait * 2, 30000);
      };
    }
    update(seq, task) {
      const id = task.task_id ?? task.id;
      const last = this.seen.get(id);
      if (last !== undefined && seq <= last) return;
      this.seen.set(id, seq);
      let row = $(`[data-task-id="${CSS.escape(id)}"]`, this);
      if (!row) {
        const template = $("template[data-task]", this);
        if (!template) return;
        row = template.content.firstElementChild.cloneNode(true);
        row.dataset.taskId = id;
        for (const form of $$("form", row)) form.action = form.getAttribute("action").replace("{id}", encodeURIComponent(id)).replace("{state}", encodeURIComponent(task.state));
        $(".pt-tasks", this)?.prepend(row);
      }
      this.fill(row, task);
    }
    fill(row, task) {
      const before = row.dataset.status;
      const [word, tone] = task.error === "cancelled" ? ["Cancelled", ""] : STATUS[task.status] ?? [task.status, ""];
      const part = (name, text) => {
        const node = $(`[data-part=${name}]`, row);
        if (node && node.textContent !== text) node.textContent = text;
        return node;
      };
      row.dataset.status = task.status;
      part("status", word).dataset.tone = tone;
      part("title", task.title || task.name);
      part("name", task.name);
      part("state", task.state);
      part("message", task.message ?? "");
      part("result", show(task.result));
      part("error", task.error === "cancelled" ? "" : show(task.error));
      const box = $("[data-part=progress]", row);
      if (box) {
        box.dataset.tone = task.error === "cancelled" ? "" : tone === "info" ? "" : tone;
        const bar = $("progress", box);
        bar.value = task.progress;
        bar.nextElementSibling.textContent = `${task.progress}%`;
      }
      const time = $("time", row);
      if (time && task.created_at) {
        time.dateTime = task.created_at;
        formatTime(time);
      }
      row.dataset.from = task.started_at ?? task.created_at ?? "";
      row.dataset.to = task.finished_at ?? "";
      this.tick(row);
      if (before && before !== task.status && (task.status === "COMPLETED" || task.status === "ERROR")) {
        const status = $("[data-part=announce]", this);
        if (status) status.textContent = `${task.title || task.name}: ${word}`;
      }
    }
    tick(row) {
      const node = $("[data-part=duration]", row);
      const { from, to } = row.dataset;
      if (node && from && row.dataset.status !== "PENDING")
        node.textContent = duration(new Date(from), to ? new Date(to) : new Date());
    }
  });

  window.portal = { toast, open: (id) => open(document.getElementById(id)) };
})();
