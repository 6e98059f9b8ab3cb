// The bell: its newest messages in a menu, and a toast for those that arrive while the page is open.
let rung = 0;
customElements.define("pt-bell", class extends HTMLElement {
  static observedAttributes = ["data-at", "data-messages"];
  connectedCallback() { this.known ??= +this.dataset.messages; }
  attributeChangedCallback(name, was, now) {
    if (was === null) return;
    if (name === "data-messages") {
      // Some have been read.
      if (+now < this.known) this.known = +now;
    } else if (+now > Math.max(+was, rung)) {
      rung = +now;
      // The other attributes of a page that was rendered again come after this one.
      setTimeout(() => this.announce());
    }
  }
  announce() {
    const { title, text, tone, href, messages } = this.dataset;
    const more = messages - this.known - 1;
    this.known = +messages;
    toast(more > 0 ? `${title}, and ${more} more` : text ? `${title}: ${text}` : title, tone, href);
  }
});
let inboxClosed = 0;
on("click", async (event) => {
  const bell = event.target.closest("a.pt-bell");
  if (!bell || event.ctrlKey || event.metaKey || event.shiftKey || !bell.showPopover) return;
  event.preventDefault();
  // The press that closes the menu is not one that opens it.
  if (event.timeStamp - inboxClosed < 300) return;
  let menu = $("#pt-inbox");
  if (!menu) {
    menu = make("section", { id: "pt-inbox", class: "pt-menu pt-inbox", popover: "", role: "dialog", "aria-labelledby": "pt-inbox-title" });
    menu.onbeforetoggle = ({ newState, timeStamp }) => { if (newState === "closed") inboxClosed = timeStamp; };
    document.body.append(menu);
  }
  try {
    const answer = await fetch(`${bell.href}/latest`);
    if (!answer.ok || answer.redirected) throw answer;
    menu.innerHTML = await answer.text();
    menu.source = bell;
    menu.showPopover({ source: bell });
  } catch {
    location.href = bell.href;
  }
});
// The page of something that is away comes back by itself.
customElements.define("pt-retry", class extends HTMLElement {
  connectedCallback() { this.timer = setInterval(() => this.ask(), this.dataset.after * 1000); }
  disconnectedCallback() { clearInterval(this.timer); }
  async ask() {
    const answer = await fetch(location.href, { method: "HEAD" }).catch(() => 0);
    if (answer && answer.status !== 503) location.reload();
  }
});
