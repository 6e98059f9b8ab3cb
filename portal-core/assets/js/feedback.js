// Copy, toasts, times.
customElements.define("pt-copy", class extends HTMLElement {
  connectedCallback() { this.onclick ??= () => this.copy(); }
  async copy() {
    const source = $("pre", this.closest(".pt-code") ?? this);
    const text = this.getAttribute("value") ?? source?.textContent ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { class: "pt-sr-only", "aria-hidden": "true" });
      area.value = text;
      this.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      $("button", this)?.focus();
    }
    const label = $("[data-part=label]", this);
    this.setLabel(label, "Copied");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.setLabel(label, this.labelText), 2000);
  }
  setLabel(label, text) {
    this.labelText ??= label?.textContent;
    if (label) label.textContent = text;
    const status = $("[role=status]", this);
    if (status) status.textContent = text === this.labelText ? "" : text;
  }
});

customElements.define("pt-toast", class extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    $("[data-dismiss]", this)?.addEventListener("click", () => this.dismiss());
    if (this.dataset.tone === "danger") return;
    const start = () => {
      clearTimeout(this.timer);
      if (!this.matches(":hover,:focus-within")) this.timer = setTimeout(() => this.dismiss(), 6000);
    };
    for (const type of ["pointerenter", "focusin", "pointerleave", "focusout"]) this.addEventListener(type, () => setTimeout(start));
    start();
  }
  dismiss() {
    clearTimeout(this.timer);
    this.dataset.leaving = "";
    setTimeout(() => this.remove(), 200);
  }
});
const toast = (text, tone = "info", href, linkLabel) => {
  const region = $(".pt-toasts:has(>template)");
  const template = region && ($(`template[data-tone=${CSS.escape(tone)}]`, region) ?? $("template", region));
  if (!template) return;
  // Content below an open dialog can be neither seen nor reached.
  const modal = $$("dialog:modal").at(-1);
  const host = modal ? $(":scope>.pt-toasts", modal) : region;
  if (!host) {
    // Screen readers do not announce the initial content of a region.
    const fresh = make("div", { class: "pt-toasts", role: "status", "aria-atomic": "false" });
    fresh.queue = [[text, tone, href, linkLabel]];
    modal.append(fresh);
    setTimeout(() => {
      const { queue } = fresh;
      delete fresh.queue;
      queue.forEach((it) => toast(...it));
    }, 100);
    return;
  }
  if (host.queue) return void host.queue.push([text, tone, href, linkLabel]);
  const node = template.content.firstElementChild.cloneNode(true);
  const label = $("[data-part=text]", node);
  label.textContent = text;
  if (href) label.after(make("a", { class: "pt-btn", "data-kind": "outline", "data-size": "1", href }, linkLabel ?? "View"));
  host.append(node);
  // At most three; errors are removed last.
  const all = $$("pt-toast:not([data-leaving])", host);
  const isError = (it) => it.dataset.tone === "danger";
  all.slice(0, -1).sort((one, other) => isError(one) - isError(other)).slice(0, Math.max(0, all.length - 3)).forEach((it) => it.dismiss());
};
// Toasts of a dialog stay when it closes.
on("close", ({ target }) => $(".pt-toasts:has(>template)")?.append(...$$(":scope>.pt-toasts>pt-toast", target)), true);
on("click", ({ target }) => {
  const wraps = target.closest?.("[data-wraps]");
  if (wraps) wraps.setAttribute("aria-pressed", wraps.closest(".pt-code").toggleAttribute("data-wrap"));
});
// The server sends the header `HX-Trigger: {"portal:toast": {"text": "...", "tone": "success"}}`.
on("portal:toast", ({ detail }) => toast(detail.text, detail.tone));

// Creating a formatter takes longer than formatting a page of times, so each is created once, on first use.
// In English the formats match those of the server (`time.rs`), so that nothing changes when this runs.
const formats = {};
const language = root.lang.replace(/^en$/, "en-GB") || "en-GB";
const relative = () => formats.ago ??= new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const absolute = (style) => formats[style] ??= new Intl.DateTimeFormat(language, STYLES[style]);
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const formatRelative = (date) => {
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? [];
  return unit ? relative().format(Math.round(seconds / size), unit) : "just now";
};
const STYLES = {
  date: { dateStyle: "medium" },
  datetime: { dateStyle: "medium", timeStyle: "short" },
  clock: { timeStyle: "medium" },
  precise: { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 },
};
const formatTime = (node) => {
  const date = new Date(node.dateTime);
  if (isNaN(date)) return;
  const format = (style) => absolute(style).format(date).replace("Sept", "Sep");
  const full = format("datetime");
  const style = node.dataset.format;
  const text = style === "ago" && Math.abs(date - Date.now()) < 6.048e8
    ? formatRelative(date) : STYLES[style] ? format(style) : full;
  if (node.textContent !== text) node.textContent = text;
  node.title = full;
};
// In a separate task, so that typing and clicking do not wait for the whole script.
let isFormatted;
setTimeout(() => {
  customElements.define("pt-time", class extends HTMLElement {
    connectedCallback() { if (isFormatted) $$("time", this).forEach(formatTime); }
  });
  formatTimes();
  isFormatted = true;
});
const formatTimes = (part) => {
  $$("time[data-format]", part).forEach(formatTime);
  const name = $(".pt-zone>span");
  if (name) name.textContent = zone;
};
on("htmx:after:swap", ({ detail: { ctx } }) => {
  formatTimes();
  fetchStyles(document, ctx?.response?.headers);
});
setInterval(() => $$("time[data-format=ago]").forEach(formatTime), 30000);
// The server renders times in the time zone of the browser: `zone.rs`.
const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
const isSecure = location.protocol === "https:";
const zoneCookie = `${isSecure ? "__Host-" : ""}portal_zone=${encodeURIComponent(zone)}`;
if (!document.cookie.includes(zoneCookie)) document.cookie = `${zoneCookie};path=/;max-age=31536000;samesite=lax${isSecure ? ";secure" : ""}`;

// On a phone, the tab of this page may be off-screen.
for (const tab of $$(".pt-tabs [aria-current]")) {
  const bar = tab.closest(".pt-tabs");
  const [one, all] = [tab, bar].map((it) => it.getBoundingClientRect());
  bar.scrollLeft += one.left + one.width / 2 - all.left - all.width / 2;
}
