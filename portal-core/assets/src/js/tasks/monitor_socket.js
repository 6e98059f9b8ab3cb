// Client for a monitor's WebSocket.
import { retryDelay } from "../common/helpers.js";
import { watchSilence } from "./silence.js";

// The token is no longer valid, or its owner no longer has access; a retry cannot succeed.
const FINAL_CODES = { 4401: "Signed out", 4403: "No access" };

/** Returns the URL of a WebSocket that resumes from a cursor. */
const socketUrl = (path, cursor) => {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("since", cursor);
  return url;
};

/** Receives task changes, and reconnects when the connection is lost. */
export class MonitorSocket {
  /**
   * `cursor` returns the cursor from which to resume; `expectsMessages` returns a falsy value while
   * no task is active. `onUpdate` receives a sequence number and a task; `onConnection` receives a
   * state and text.
   */
  constructor(path, { cursor, expectsMessages, onUpdate, onConnection }) {
    Object.assign(this, { path, cursor, onUpdate, onConnection });
    this.failures = 0;
    this.connect();
    const lastMessageAt = () => (expectsMessages() ? this.lastMessageAt : Date.now());
    this.stopWatching = watchSilence(lastMessageAt, () => this.connect());
  }

  connect() {
    clearTimeout(this.timer);
    this.socket?.close();
    this.lastMessageAt = Date.now();
    const socket = new WebSocket(socketUrl(this.path, this.cursor()));
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.onConnection("on", "Live");
    };
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = ({ code }) => {
      if (socket === this.socket) this.handleClose(code);
    };
  }

  receive(data) {
    this.lastMessageAt = Date.now();
    try {
      const message = JSON.parse(data);
      if (message.type === "state_update") this.onUpdate(message.seq, message.data);
    } catch {
      // An invalid message is ignored and does not end the stream.
    }
  }

  handleClose(code) {
    const reason = FINAL_CODES[code];
    if (reason) return this.onConnection("off", reason);
    this.onConnection("wait", "Reconnecting…");
    this.timer = setTimeout(() => this.connect(), retryDelay(this.failures++));
  }

  /** Closes the connection permanently. */
  close() {
    clearTimeout(this.timer);
    this.stopWatching();
    const { socket } = this;
    this.socket = undefined;
    socket.close();
  }
}
