// Event stream for the page: one per tab. It delivers the names of changed topics, and cursors from
// which the stream can resume.
import { retryDelay } from "../backoff.js";
import { parseEvent, splitBlocks } from "./event_stream.js";
import { liveRegions, source } from "./page.js";
import { cancelOffline, showOffline, showOnline } from "./status.js";
import { includesAll, joinTopics } from "./topics.js";

// The server sends heartbeats at shorter intervals than this.
const MAX_SILENCE = 40000;
const SILENCE_CHECK_INTERVAL = 5000;
// A rejected request is retried after a longer delay.
const REJECTED_FAILURES = 5;

let cursor = source?.dataset.mark ?? "";
let connection;
let subscribedTopics = "";
let deniedTopics;
let lastMessageAt;
let retryTimer;
let failures = 0;
let handlers;

/**
 * Sets the handlers of the stream.
 *
 * `onChanged` receives the changed topics, or nothing if all may have changed. `onClosed` receives
 * the code with which the server ended the connection.
 */
export const setStreamHandlers = (newHandlers) => {
  handlers = newHandlers;
};

/** Closes the stream. */
export const disconnect = () => {
  clearTimeout(retryTimer);
  connection?.abort();
  connection = undefined;
};

/** Returns `true` if the stream is open or being opened. */
export const isConnected = () => Boolean(connection);

/** Opens the stream without a delay, after the user has returned or the network is back. */
export const reconnect = () => {
  failures = 0;
  connect();
};

/** Reopens the stream if it does not cover the topics of all regions. */
export const coverRegions = () => {
  const isCovered = ({ dataset }) => includesAll(subscribedTopics, dataset.topics);
  if (!liveRegions().every(isCovered)) connect();
};

/** Opens the stream for the topics of all regions, and reopens it when it ends. */
export const connect = async () => {
  disconnect();
  subscribedTopics = joinTopics(liveRegions().map((region) => region.dataset.topics));
  if (!subscribedTopics || !source || document.hidden) return;
  const controller = new AbortController();
  connection = controller;
  lastMessageAt = Date.now();
  showOffline(5000);
  let isRejected = false;
  try {
    const { body, ok, status } = await requestStream(subscribedTopics, controller.signal);
    isRejected = status === 204 || (status >= 400 && status < 500);
    if (status === 401 || status === 403) handleDenied(subscribedTopics);
    if (ok || isRejected) showOnline();
    // There is no stream for this page.
    if (status === 204) return disconnect();
    if (ok) await readStream(body.pipeThrough(new TextDecoderStream()).getReader());
  } catch {
    // The connection was lost; it is retried below.
  }
  if (controller !== connection) return;
  if (isRejected) failures = Math.max(failures, REJECTED_FAILURES);
  else {
    cancelOffline();
    showOffline();
  }
  retryTimer = setTimeout(connect, retryDelay(failures++));
};

const requestStream = (topics, signal) => {
  const query = new URLSearchParams({ topics, since: cursor });
  const headers = { Accept: "text/event-stream" };
  return fetch(`${source.content}?${query}`, { headers, signal, cache: "no-store" });
};

const readStream = async (reader) => {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    lastMessageAt = Date.now();
    const { blocks, rest } = splitBlocks(text + value);
    text = rest;
    blocks.forEach(handleBlock);
  }
};

const handleBlock = (block) => {
  const { id, type, data } = parseEvent(block);
  cursor = id ?? cursor;
  if (type === "changed") handlers.onChanged(data);
  if (type === "ready") {
    failures = 0;
    if (data.denied.length) handleDenied(subscribedTopics, data.denied);
  }
  if (type === "closed") handlers.onClosed(data.code);
};

// Requests the page once, to find out whether the session has ended or is about to be renewed.
const handleDenied = (topics, denied) => {
  if (deniedTopics !== topics) handlers.onChanged(denied);
  deniedTopics = topics;
};

// After the device wakes up, the stream may be dead without any event that reports it.
setInterval(() => {
  if (connection && Date.now() - lastMessageAt > MAX_SILENCE) connect();
}, SILENCE_CHECK_INTERVAL);
