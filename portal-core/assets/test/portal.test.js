import assert from "node:assert/strict";
import { test } from "node:test";
import { retryDelay } from "../src/js/portal/backoff.js";
import { serializeFields } from "../src/js/portal/form_state.js";
import { notificationText } from "../src/js/portal/notification_text.js";
import { selectAllState } from "../src/js/portal/selection_state.js";
import { isThemeSetting, themeChoice } from "../src/js/portal/theme_choice.js";
import { timeFormatter } from "../src/js/portal/time_format.js";
import { toastsToDismiss } from "../src/js/portal/toast_limit.js";

test("retry delay doubles up to its limit", () => {
  const delays = [0, 1, 2, 5, 6, 100].map((failures) => retryDelay(failures, 0.5));
  assert.deepEqual(delays, [500, 1000, 2000, 16000, 30000, 30000]);
});

test("retry delay is between 0.5 and 1.5 times its mean", () => {
  assert.equal(retryDelay(1, 0), 500);
  assert.equal(retryDelay(1, 1), 1500);
  for (let i = 0; i < 100; i++) {
    const delay = retryDelay(1);
    assert.ok(delay >= 500 && delay <= 1500, `${delay}`);
  }
});

test("serialized fields differ if a value, a name or the order differs", () => {
  const fields = [
    ["name", "Ann"],
    ["role", "admin"],
  ];
  assert.equal(serializeFields(fields), serializeFields(new Map(fields)));
  assert.notEqual(serializeFields(fields), serializeFields([fields[0]]));
  assert.notEqual(serializeFields(fields), serializeFields([fields[1], fields[0]]));
  assert.notEqual(serializeFields([["name", ""]]), serializeFields([["name", " "]]));
});

test("file is serialized as its name", () => {
  const file = (name, size) => [["photo", { name, size }]];
  assert.equal(serializeFields(file("a.png", 1)), serializeFields(file("a.png", 2)));
  assert.notEqual(serializeFields(file("a.png", 1)), serializeFields(file("b.png", 1)));
});

test("select-all box is checked only if all rows are selected", () => {
  assert.deepEqual(selectAllState(0, 0), { checked: false, indeterminate: false });
  assert.deepEqual(selectAllState(0, 3), { checked: false, indeterminate: false });
  assert.deepEqual(selectAllState(2, 3), { checked: false, indeterminate: true });
  assert.deepEqual(selectAllState(3, 3), { checked: true, indeterminate: false });
});

test("empty theme choice shows the portal's default", () => {
  const field = (value) => ({ name: "accent", value, dataset: { shows: "indigo" } });
  assert.deepEqual(themeChoice(field("tomato")), ["accent", "tomato", "tomato"]);
  assert.deepEqual(themeChoice(field("")), ["accent", "", "indigo"]);
});

test("other fields of a theme form are not theme settings", () => {
  assert.ok(isThemeSetting("density"));
  assert.ok(!isThemeSetting("reset"));
  assert.ok(!isThemeSetting("constructor"));
});

test("toasts above the limit are dismissed, oldest first, errors last", () => {
  const toast = (name, tone = "info") => ({ name, dataset: { tone } });
  const dismissed = (...toasts) => toastsToDismiss(toasts).map(({ name }) => name);
  assert.deepEqual(dismissed(toast("a"), toast("b"), toast("c")), []);
  assert.deepEqual(dismissed(toast("a"), toast("b"), toast("c"), toast("d")), ["a"]);
  assert.deepEqual(dismissed(toast("a", "danger"), toast("b"), toast("c"), toast("d")), ["b"]);
  const [first, second, third] = ["a", "b", "c"].map((name) => toast(name, "danger"));
  assert.deepEqual(dismissed(first, second, third, toast("d")), ["a"]);
  const errors = ["a", "b", "c", "d"].map((name) => toast(name, "danger"));
  assert.deepEqual(dismissed(...errors), ["a"]);
});

test("notification text mentions other new notifications", () => {
  assert.equal(notificationText({ title: "Saved", text: "" }, 0), "Saved");
  assert.equal(notificationText({ title: "Saved", text: "Report" }, 0), "Saved: Report");
  assert.equal(notificationText({ title: "Saved", text: "Report" }, 2), "Saved, and 2 more");
});

const NOW = Date.UTC(2026, 8, 15, 12, 0, 0);
const at = (seconds) => new Date(NOW + seconds * 1000);
const format = (seconds, style, language = "en") =>
  timeFormatter(language, "UTC").format(at(seconds), style, NOW);

test("relative time uses the largest unit", () => {
  assert.equal(format(0, "ago"), "just now");
  assert.equal(format(-59, "ago"), "just now");
  assert.equal(format(-60, "ago"), "1 minute ago");
  assert.equal(format(-90 * 60, "ago"), "1 hour ago");
  assert.equal(format(-24 * 3600, "ago"), "yesterday");
  assert.equal(format(3 * 86400, "ago"), "in 3 days");
});

test("time at least a week ago is shown as a date", () => {
  assert.equal(format(-7 * 86400, "ago"), "8 Sep 2026, 12:00");
  assert.equal(format(-7 * 86400 + 1, "ago"), "7 days ago");
});

test("absolute time depends on style and language", () => {
  assert.equal(format(0, "date"), "15 Sep 2026");
  assert.equal(format(0, "datetime"), "15 Sep 2026, 12:00");
  assert.equal(format(0, "clock"), "12:00:00");
  assert.equal(format(0.25, "precise"), "12:00:00.250");
  assert.equal(format(0, "date", "de"), "15.09.2026");
});

test("unknown time style shows date and time", () => {
  assert.equal(format(0, undefined), "15 Sep 2026, 12:00");
  assert.equal(format(0, "unknown"), "15 Sep 2026, 12:00");
});
