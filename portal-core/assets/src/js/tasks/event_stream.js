// Client of the event stream of one task.
import { retryDelay } from "../common/helpers.js";
import { watchSilence } from "./silence.js";

/** Receives log entries and state of a task, and reconnects when the connection is lost. */
export class TaskEventStream {
  /**
   * `pageUrl` is that of the task's page, whose status shows if a retry can succeed. `onEntry` and
   * `onState` receive data, `onEnd` nothing; `onConnection` receives state and text.
   */
  constructor(path, pageUrl, { onEntry, onState, onEnd, onConnection }) {
    Object.assign(this, { path, pageUrl, onEntry, onState, onEnd, onConnection });
    this.failures = 0;
    this.connect();
    this.stopWatching = watchSilence(
      () => this.lastMessageAt,
      () => this.connect(),
    );
  }

  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.lastMessageAt = Date.now();
    const url = new URL(this.path, location.href);
    if (this.lastId) url.searchParams.set("after", this.lastId);
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.onConnection("on", "Live");
    };
    source.onerror = () => {
      this.onConnection("wait", "Reconnecting…");
      // Otherwise the browser reconnects.
      if (source.readyState === EventSource.CLOSED) this.retry();
    };
    source.addEventListener("entry", (event) => this.receive(event, this.onEntry));
    source.addEventListener("state", (event) => this.receive(event, this.onState));
    source.addEventListener("end", () => {
      this.close();
      this.onConnection("off", "Finished");
      this.onEnd();
    });
  }

  receive({ data, lastEventId }, handle) {
    this.lastMessageAt = Date.now();
    this.lastId = lastEventId || this.lastId;
    try {
      handle(JSON.parse(data));
    } catch {
      // The next one may be valid.
    }
  }

  // The response was not an event stream.
  retry() {
    this.timer = setTimeout(() => this.checkPage(), retryDelay(this.failures++));
  }

  async checkPage() {
    const headers = { accept: "text/html" };
    const unavailable = { status: 503, redirected: false };
    const { status, redirected } = await fetch(this.pageUrl, { headers }).catch(() => unavailable);
    if (this.isClosed) return;
    if (redirected || (status > 400 && status < 429)) {
      this.close();
      this.onConnection("off", "No access");
    } else if (status < 400) this.connect();
    else this.retry();
  }

  /** Closes the connection for good. */
  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.stopWatching();
    this.source.close();
  }
}
