// Client for the event stream of a single task.
import { retryDelay } from "../common/helpers.js";
import { watchSilence } from "./silence.js";

/** Receives the log entries and state of a task, and reconnects when the connection is lost. */
export class TaskEventStream {
  /**
   * `pageUrl` is the URL of the task's page; its response status shows whether a retry can succeed.
   * `onEntry` and `onState` receive the parsed data, `onEnd` receives nothing, and `onConnection`
   * receives a state and text.
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
      // If the source is not closed, the browser reconnects automatically.
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
      // An invalid message is ignored; the next message may be valid.
    }
  }

  // Schedules a check of the page after a response that was not an event stream.
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

  /** Closes the connection permanently. */
  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.stopWatching();
    this.source.close();
  }
}
