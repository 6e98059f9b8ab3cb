// Tasks: lists that follow a monitor, and one task with its log. A separate asset, loaded after
// the others, with its own copies of the basic helpers.
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const STATUS = {
  PENDING: ["Pending", ""], PROCESSING: ["Running", "info"],
  COMPLETED: ["Completed", "success"], ERROR: ["Failed", "danger"],
};
const isFinal = (status) => status === "COMPLETED" || status === "ERROR";
const duration = (from, to) => {
  const seconds = Math.max(0, (to - from) / 1000);
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
};
const formatValue = (value) => value == null ? "" : typeof value === "string" ? value : JSON.stringify(value);
const setPart = (root, name, text) => {
  const node = $(`[data-part=${name}]`, root);
  if (node && node.textContent !== text) node.textContent = text;
  return node;
};
// Renders the parts that the row and the page of a task share.
const renderTask = (root, task) => {
  const cancelled = task.error === "cancelled";
  // State updates do not include a pending cancellation; the page does.
  const cancelling = task.status === "PROCESSING" && "cancelling" in root.dataset;
  const [label, tone] = cancelled ? ["Cancelled", ""] : cancelling ? ["Cancelling…", "warning"] : STATUS[task.status] ?? [task.status, ""];
  const badge = setPart(root, "status", label);
  if (badge) badge.dataset.tone = tone;
  setPart(root, "message", task.message ?? "");
  const box = $("[data-part=progress]", root);
  if (box) {
    box.dataset.tone = tone === "info" || cancelling ? "" : tone;
    const bar = $("progress", box);
    bar.value = task.progress;
    bar.nextElementSibling.textContent = `${task.progress}%`;
  }
  const before = root.dataset.status;
  root.dataset.status = task.status;
  root.dataset.from = task.started_at ?? task.created_at ?? "";
  root.dataset.to = task.finished_at ?? "";
  updateDuration(root);
  return before !== task.status && isFinal(task.status) ? `${task.title || task.name}: ${label}` : "";
};
const updateDuration = (root) => {
  const node = $("[data-part=duration]", root);
  const { from, to, status } = root.dataset;
  if (node && from && status !== "PENDING") node.textContent = duration(new Date(from), to ? new Date(to) : new Date());
};
const setConnection = (root, live, text) => {
  const node = setPart(root, "connection", text);
  if (node) node.dataset.live = live;
};
// A connection can be lost without an event: after the device sleeps, or when the network drops it.
const MAX_SILENCE = 60000;
// Calls `reconnect` when the connection should be reopened; returns a function that stops this.
const watchConnection = (lastMessageAt, reconnect) => {
  const timer = setInterval(() => Date.now() - lastMessageAt() > MAX_SILENCE && reconnect(), 5000);
  addEventListener("online", reconnect);
  return () => {
    clearInterval(timer);
    removeEventListener("online", reconnect);
  };
};
// Maximum numbers of rows of a page, lines of a log, and progress updates of a timeline.
const MAX_ROWS = 200;
const MAX_LINES = 2000;
const MAX_UPDATES = 12;

customElements.define("pt-task-monitor", class extends HTMLElement {
  connectedCallback() {
    this.seen = new Map();
    this.pendingRows = [];
    this.retryDelay = 500;
    this.isRemoved = false;
    this.list = $(".pt-tasks", this);
    // The page is current up to its cursor. Later changes arrive when the socket opens.
    this.since = $("meta[name=pt-live]")?.dataset.mark ?? "";
    this.renderedAt = parseInt(this.since.split(".")[1], 16) / 1000;
    this.clock = setInterval(() => this.isLost || $$("[data-status=PROCESSING]", this).forEach(updateDuration), 1000);
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("pointerleave", () => this.isAtTop() && this.showPendingRows());
    $("[data-part=new]", this)?.addEventListener("click", () => {
      this.showPendingRows();
      this.scrollIntoView({ block: "start" });
    });
    if (this.hasAttribute("src")) {
      this.connect();
      // Without active tasks there are no messages.
      const lastMessageAt = () => $("[data-status=PROCESSING],[data-status=PENDING]", this.list) ? this.lastMessageAt : Date.now();
      this.stopWatching = watchConnection(lastMessageAt, () => this.connect());
    } else this.observe();
  }
  disconnectedCallback() {
    this.isRemoved = true;
    clearInterval(this.clock);
    clearTimeout(this.timer);
    this.stopWatching?.();
    this.socket?.close();
    this.observer?.disconnect();
    document.removeEventListener("portal:drawn", this.onRendered);
  }
  connect() {
    clearTimeout(this.timer);
    this.socket?.close();
    this.lastMessageAt = Date.now();
    const url = new URL(this.getAttribute("src"), location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("since", this.since);
    const socket = this.socket = new WebSocket(url);
    socket.onopen = () => { this.retryDelay = 500; this.isLost = false; setConnection(this, "on", "Live"); };
    socket.onmessage = ({ data }) => {
      this.lastMessageAt = Date.now();
      try {
        const message = JSON.parse(data);
        if (message.type === "state_update") this.update(message.seq, message.data);
      } catch { /* one bad message does not end the stream */ }
    };
    socket.onclose = ({ code }) => {
      if (this.isRemoved || socket !== this.socket) return;
      this.isLost = true;
      // 4401: the token is no longer valid; a retry cannot succeed.
      if (code === 4401) return setConnection(this, "off", "Signed out");
      // 4403: its owner no longer has access.
      if (code === 4403) return setConnection(this, "off", "No access");
      setConnection(this, "wait", "Reconnecting…");
      this.timer = setTimeout(() => this.connect(), this.retryDelay * (.5 + Math.random()));
      this.retryDelay = Math.min(this.retryDelay * 2, 30000);
    };
  }
  // A list that is re-rendered as a whole only has to report new rows at the top.
  observe() {
    this.observer = new MutationObserver((changes) => {
      const first = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.matches?.(".pt-task") && node.previousElementSibling === null);
      if (first.length && !this.isAtTop()) this.showNewCount(first.length);
    });
    if (this.list) this.observer.observe(this.list, { childList: true });
    // The clocks of the server and of the browser may differ.
    this.onRendered = () => $$("[data-status=PROCESSING]", this).forEach(updateDuration);
    document.addEventListener("portal:drawn", this.onRendered);
  }
  isAtTop() { return (this.list ?? this).getBoundingClientRect().top >= 0; }
  // Rows do not move under the pointer or while the user reads further down.
  isBusy() { return !this.isAtTop() || this.list.matches(":hover") || this.list.contains(document.activeElement); }
  update(seq, task) {
    const id = task.task_id ?? task.id;
    const last = this.seen.get(id);
    if (last !== undefined && seq <= last) return;
    this.seen.set(id, seq);
    this.since = task.updated_at ?? this.since;
    let row = $(`[data-task-id="${CSS.escape(id)}"]`, this) ?? this.pendingRows.find((row) => row.dataset.taskId === id);
    if (!row) {
      const template = $("template[data-task]", this);
      // A task that had finished when the page was rendered is not part of its list.
      if (!template || isFinal(task.status) && new Date(task.created_at) < this.renderedAt) return;
      row = template.content.firstElementChild.cloneNode(true);
      row.dataset.taskId = id;
      const expandPattern = (pattern) => pattern.replace("{id}", encodeURIComponent(id)).replace("{state}", encodeURIComponent(task.state));
      for (const form of $$("form", row)) form.action = expandPattern(form.getAttribute("action"));
      for (const link of $$("a[href]", row)) link.href = expandPattern(link.getAttribute("href"));
      this.renderRow(row, task);
      this.pendingRows.push(row);
      if (this.isBusy() && this.list.children.length) this.showNewCount(this.pendingRows.length);
      else this.showPendingRows();
      return;
    }
    this.renderRow(row, task);
  }
  showPendingRows() {
    for (const row of this.pendingRows.splice(0)) this.list.prepend(row);
    this.showNewCount(0);
    const rows = [...this.list.children];
    for (const row of rows.slice(MAX_ROWS)) if (isFinal(row.dataset.status)) row.remove();
  }
  showNewCount(count) {
    const pill = $("[data-part=new]", this);
    if (!pill) return;
    pill.hidden = !count;
    pill.textContent = `${count} new`;
  }
  renderRow(row, task) {
    const title = task.title || task.name;
    setPart(row, "title", title);
    for (const [when, verb] of [["active", "Cancel"], ["ended", "Run again"]]) {
      const button = $(`[data-when=${when}] button`, row);
      if (button) for (const name of ["aria-label", "title"]) button.setAttribute(name, `${verb}: ${title}`);
    }
    setPart(row, "name", task.name);
    setPart(row, "state", task.state);
    setPart(row, "attempt", task.attempt > 1 || (task.max_attempts > 1 && task.attempt) ? `${task.attempt}/${Math.max(task.attempt, task.max_attempts)}` : "");
    setPart(row, "result", formatValue(task.result));
    setPart(row, "error", task.error === "cancelled" ? "" : formatValue(task.error));
    const time = $("time", row);
    if (time && task.created_at && !time.dateTime) time.dateTime = task.created_at;
    const before = row.dataset.status;
    const announcement = renderTask(row, task);
    if (before && announcement) setPart(this, "announce", announcement);
  }
  key(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input,select,textarea")) return;
    const row = target.closest(".pt-task");
    if (!row) return;
    const to = { ArrowDown: "nextElementSibling", j: "nextElementSibling", ArrowUp: "previousElementSibling", k: "previousElementSibling" }[key];
    const link = to ? $("[data-task-link]", row[to] ?? row) : key === "c" && $("[data-task-link]", row);
    if (!link) return;
    event.preventDefault();
    if (to) link.focus();
    else openTask(link, true);
  }
});

customElements.define("pt-task", class extends HTMLElement {
  connectedCallback() {
    this.log = $("[data-part=log]", this);
    this.pendingLines = [];
    this.isFollowing = true;
    this.log?.addEventListener("scroll", () => this.setFollowing(this.isAtEnd()));
    this.addEventListener("input", ({ target }) => target.matches("[data-log]") && this.filter());
    this.addEventListener("click", ({ target }) => this.runLogAction(target.closest("[data-log]")?.dataset.log));
    this.addEventListener("submit", (event) => this.submitCancel(event));
    this.scrollToEnd();
    this.clock = setInterval(() => {
      if (this.dataset.status === "PROCESSING" && !this.isLost) updateDuration(this);
      const countdown = $("[data-part=countdown]", this);
      if (countdown) countdown.textContent = `, in ${duration(Date.now(), new Date(countdown.dataset.at))}`;
    }, 1000);
    if (!this.dataset.stream) return;
    this.retryDelay = 500;
    this.connect();
    this.stopWatching = watchConnection(() => this.lastMessageAt, () => this.connect());
  }
  disconnectedCallback() {
    clearInterval(this.clock);
    clearTimeout(this.timer);
    this.stopWatching?.();
    this.source?.close();
  }
  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.lastMessageAt = Date.now();
    const url = new URL(this.dataset.stream, location.href);
    if (this.last) url.searchParams.set("after", this.last);
    const source = this.source = new EventSource(url);
    const parsed = (handle) => ({ data, lastEventId }) => {
      this.lastMessageAt = Date.now();
      this.last = lastEventId || this.last;
      try { handle(JSON.parse(data)); } catch { /* the next one may be valid */ }
    };
    source.onopen = () => { this.retryDelay = 500; this.isLost = false; setConnection(this, "on", "Live"); };
    source.onerror = () => {
      this.isLost = true;
      setConnection(this, "wait", "Reconnecting…");
      if (source.readyState === 2) this.retry();
    };
    source.addEventListener("entry", parsed((entry) => this.addEntry(entry)));
    source.addEventListener("state", parsed((task) => this.applyState(task)));
    source.addEventListener("end", () => {
      this.stopWatching();
      source.close();
      setConnection(this, "off", "Finished");
      this.refresh();
    });
  }
  // The response was not an event stream. The status of the page shows whether a retry can succeed.
  retry() {
    this.timer = setTimeout(async () => {
      const { status, redirected } = await fetch(this.dataset.href, { headers: { accept: "text/html" } }).catch(() => ({ status: 503 }));
      if (!this.isConnected) return;
      if (redirected || status > 400 && status < 429) {
        this.stopWatching();
        return setConnection(this, "off", "No access");
      }
      if (status < 400) this.connect();
      else this.retry();
    }, this.retryDelay * (.5 + Math.random()));
    this.retryDelay = Math.min(this.retryDelay * 2, 30000);
  }
  applyState(task) {
    const before = this.dataset.status;
    const announcement = renderTask(this, task);
    if (announcement) setPart(this, "announce", announcement);
    if (before !== task.status && !isFinal(task.status)) this.refresh();
  }
  addEntry({ kind, at, level, message, progress, fields }) {
    if (kind === "status") return;
    const time = make("time", { datetime: at, "data-format": "precise" });
    window.portal?.helpers.formatTimes(make("p", {}, time));
    if (kind === "update") {
      const line = make("li", { "data-kind": kind }, make("b", {}, `${progress}%`), make("span", {}, message ?? ""), time);
      $(".pt-timeline", this)?.append(line);
      $$("[data-kind=update]", this).slice(0, -MAX_UPDATES).forEach((old) => old.remove());
      return;
    }
    const text = make("span", {}, message ?? "");
    for (const [name, value] of Object.entries(fields ?? {})) text.append(" ", make("i", {}, name + "="), formatValue(value));
    this.pendingLines.push(make("li", { "data-level": level }, time, make("b", {}, level), text));
    this.frame ??= requestAnimationFrame(() => this.flush());
  }
  flush() {
    this.frame = undefined;
    const lines = this.pendingLines.splice(0);
    lines.forEach((line) => { line.hidden = !this.matchesFilter(line); });
    this.log.append(...lines);
    while (this.log.children.length > MAX_LINES) this.log.firstElementChild.remove();
    if (this.isFollowing) this.scrollToEnd();
  }
  isAtEnd() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 12; }
  scrollToEnd() { if (this.log) this.log.scrollTop = this.log.scrollHeight; }
  setFollowing(isFollowing) {
    this.isFollowing = isFollowing;
    $("[data-log=follow]", this)?.setAttribute("aria-pressed", isFollowing);
  }
  matchesFilter(line) {
    const ranks = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
    const level = $("[data-log=level]", this)?.value;
    const text = $("[data-log=text]", this)?.value.toLowerCase();
    return (!level || ranks.indexOf(line.dataset.level) >= ranks.indexOf(level)) && (!text || line.textContent.toLowerCase().includes(text));
  }
  filter() {
    for (const line of this.log.children) line.hidden = !this.matchesFilter(line);
    if (this.isFollowing) this.scrollToEnd();
  }
  async runLogAction(action) {
    if (action === "follow") {
      this.setFollowing(!this.isFollowing);
      if (this.isFollowing) this.scrollToEnd();
    } else if (action === "copy") {
      const lines = [...this.log.children].filter((line) => !line.hidden);
      const text = lines.map((line) => [...line.children].map((cell) => cell.textContent).join(" ")).join("\n");
      try { await navigator.clipboard.writeText(text); } catch { return window.portal?.toast("Couldn't copy the log", "danger"); }
      setPart(this, "announce", "Copied");
      window.portal?.toast("Log copied", "success");
    }
  }
  // The page stays open while its task is cancelled.
  async submitCancel(event) {
    const form = event.target;
    if (!form.action.endsWith("/cancel") || event.defaultPrevented) return;
    event.preventDefault();
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
    if (!response?.ok) return window.portal?.toast("Couldn't cancel the task. Try again.", "danger");
    form.closest("dialog")?.close();
    this.refresh();
  }
  async refresh() {
    const fresh = await load(this.dataset.href).catch(() => null);
    if (!fresh) return;
    for (const section of $$("[data-swap]", fresh)) {
      const old = $(`[data-swap=${section.dataset.swap}]`, this);
      if (!old || $("dialog[open]", old)) continue;
      const hadFocus = old.contains(document.activeElement);
      old.replaceWith(section);
      if (hadFocus) { const to = $("h1,h2", section) ?? section; to.tabIndex = -1; to.focus(); }
    }
    this.dataset.status = fresh.dataset.status;
    this.toggleAttribute("data-cancelling", "cancelling" in fresh.dataset);
    if (isFinal(fresh.dataset.status)) $(".pt-log-empty", this)?.replaceWith($(".pt-log-empty", fresh) ?? "");
  }
});

const load = async (href) => {
  const response = await fetch(href, { headers: { accept: "text/html" } });
  if (!response.headers.get("content-type")?.startsWith("text/html")) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  window.portal?.helpers.formatTimes(page);
  return response.ok && !response.redirected ? document.adoptNode($("pt-task", page)) : null;
};

// The page of a task, in a drawer next to its list.
let drawer;
const openTask = async (link, confirmCancel) => {
  const { href } = link;
  if (!drawer?.isConnected) {
    const closeButton = make("button", { type: "button", class: "pt-btn", "data-kind": "outline", "data-size": "1", "data-closes": "" }, "Close");
    const pageLink = make("a", { class: "pt-btn", "data-kind": "ghost", "data-size": "1", "data-part": "whole" }, "Open as page");
    drawer = make("dialog", { class: "pt-drawer pt-task-drawer", "aria-labelledby": "task-title" },
      make("div", { class: "pt-drawer-head" }, make("div"), pageLink, closeButton), make("div", { class: "pt-drawer-body" }));
    document.body.append(drawer);
    drawer.addEventListener("close", () => {
      $(".pt-drawer-body", drawer).replaceChildren();
      if (!location.hash) return;
      if (history.state?.drawer) history.back();
      else history.replaceState(null, "", location.pathname + location.search);
    });
  }
  const task = await load(href).catch(() => null);
  if (!task) return location.assign(href);
  $("[data-part=whole]", drawer).href = href;
  $(".pt-drawer-body", drawer).replaceChildren(task);
  if (!drawer.open) {
    drawer.showModal();
    // The URL stays that of the list, which may re-render from it; the fragment identifies the drawer.
    if (!location.hash) history.pushState({ drawer: true }, "", `#task-${task.dataset.taskId}`);
  }
  if (confirmCancel) $("[data-key=c]", task)?.click();
};
addEventListener("popstate", () => drawer?.open && drawer.close());
const initialLink = /^#task-[\da-f-]{36}$/.test(location.hash) && $("[data-task-link]");
if (initialLink) openTask({ href: initialLink.href.replace(/[^/]+$/, location.hash.slice(6)) });
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-task-link]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  openTask(link);
});
document.addEventListener("keydown", (event) => {
  try { if (localStorage["portal:keys"] === "off") return; } catch { /* not allowed */ }
  if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input,select,textarea,.pt-task,dialog[role=alertdialog]")) return;
  $("pt-task [data-key=c]:enabled")?.click();
});
// The buttons of a row are small, and their actions cannot be undone.
const confirmAction = (title, text, dismiss, verb, kind) => new Promise((resolve) => {
  const button = (kind, label, value) => make("button", { class: "pt-btn", "data-kind": kind, value }, label);
  const dialog = make("dialog", { class: "pt-dialog", role: "alertdialog", "aria-labelledby": "pt-sure", "aria-describedby": "pt-sure-text" },
    make("div", { class: "pt-dialog-body" }, make("h2", { id: "pt-sure" }, title), make("p", { id: "pt-sure-text" }, text)),
    make("form", { method: "dialog", class: "pt-dialog-foot" }, button("outline", dismiss, ""), button(kind, verb, "yes")));
  dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  document.body.append(dialog);
  dialog.showModal();
});
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const row = form.closest?.(".pt-task");
  const { when } = form.dataset;
  if (!row || !when || event.defaultPrevented) return;
  event.preventDefault();
  const name = $("[data-part=title]", row)?.textContent;
  const isConfirmed = await (when === "active"
    ? confirmAction(`Cancel “${name}”?`, "Work already done is kept. You can run the task again later.", "Keep running", "Cancel task", "danger")
    : confirmAction(`Run “${name}” again?`, "A new task starts with the same arguments.", "Don't run", "Run again", "solid"));
  // Not `requestSubmit`, which would ask for confirmation again. The list may have been re-rendered.
  if (isConfirmed) (form.isConnected ? form : $(`#${row.id} form[data-when=${when}]`))?.submit();
});
// Shows the fields of the selected variant.
document.addEventListener("change", ({ target }) => {
  if (!target.matches("select[data-variants]")) return;
  for (const group of target.closest(".pt-field").parentElement.children)
    if (group.dataset.variant) group.hidden = group.dataset.variant !== target.value;
});
