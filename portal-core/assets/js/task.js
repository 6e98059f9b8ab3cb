// Tasks.
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
