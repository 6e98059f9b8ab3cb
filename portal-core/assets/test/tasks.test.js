import assert from "node:assert/strict";
import { test } from "node:test";
import {
  attemptText,
  cursorTime,
  expandPattern,
  formatDuration,
  formatValue,
  isFinal,
  statusBadge,
} from "../src/js/tasks/format.js";
import { matchesFilter } from "../src/js/tasks/log_filter.js";

test("duration shows the two largest units", () => {
  const durations = [0, 9.94, 10, 59.4, 60, 3599, 3600, 90061].map((seconds) =>
    formatDuration(0, seconds * 1000),
  );
  const expected = ["0.0 s", "9.9 s", "10 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min"];
  assert.deepEqual(durations, [...expected, "25 h 1 min"]);
});

test("duration is not negative if the clocks differ", () => {
  assert.equal(formatDuration(new Date(5000), new Date(0)), "0.0 s");
});

test("status badge reports cancellation", () => {
  assert.deepEqual(statusBadge({ status: "PROCESSING" }, false), ["Running", "info"]);
  assert.deepEqual(statusBadge({ status: "PROCESSING" }, true), ["Cancelling…", "warning"]);
  assert.deepEqual(statusBadge({ status: "ERROR", error: "cancelled" }, true), ["Cancelled", ""]);
  assert.deepEqual(statusBadge({ status: "ERROR", error: "timeout" }, true), ["Failed", "danger"]);
});

test("unknown status is shown unchanged", () => {
  assert.deepEqual(statusBadge({ status: "PAUSED" }, false), ["PAUSED", ""]);
});

test("completed and failed tasks are final", () => {
  assert.deepEqual(["PENDING", "PROCESSING", "COMPLETED", "ERROR"].map(isFinal), [
    false,
    false,
    true,
    true,
  ]);
});

test("string is shown unchanged and other values as JSON", () => {
  assert.equal(formatValue(null), "");
  assert.equal(formatValue(undefined), "");
  assert.equal(formatValue("done"), "done");
  assert.equal(formatValue(0), "0");
  assert.equal(formatValue({ rows: 2 }), '{"rows":2}');
});

test("attempt is shown if there can be several attempts", () => {
  assert.equal(attemptText({ attempt: 1, max_attempts: 1 }), "");
  assert.equal(attemptText({ attempt: 0, max_attempts: 3 }), "");
  assert.equal(attemptText({ attempt: 1, max_attempts: 3 }), "1/3");
  assert.equal(attemptText({ attempt: 4, max_attempts: 3 }), "4/4");
});

test("values in a URL pattern are escaped", () => {
  const task = { id: "a/b", state: "my group" };
  assert.equal(expandPattern("/tasks/{state}/{id}", task), "/tasks/my%20group/a%2Fb");
});

test("cursor contains the time in microseconds", () => {
  const microseconds = Date.UTC(2026, 0, 1) * 1000;
  assert.equal(cursorTime(`7.${microseconds.toString(16)}`), Date.UTC(2026, 0, 1));
  assert.ok(Number.isNaN(cursorTime("")));
});

test("log filter combines minimum level and text", () => {
  const line = { level: "WARN", text: "WARN Disk is full" };
  assert.ok(matchesFilter(line, {}));
  assert.ok(matchesFilter(line, { level: "WARN" }));
  assert.ok(matchesFilter(line, { level: "INFO", text: "DISK" }));
  assert.ok(!matchesFilter(line, { level: "ERROR", text: "disk" }));
  assert.ok(!matchesFilter(line, { level: "WARN", text: "network" }));
});
