import assert from "node:assert/strict";
import { test } from "node:test";
import { wrapIndex } from "../src/js/common/wrap_index.js";
import { listTop } from "../src/js/widgets/list_position.js";
import { filterItems, isNewLabel, matchesText } from "../src/js/widgets/options.js";

const ITEMS = [
  { value: "1", label: "Berlin", hint: "Germany" },
  { value: "2", label: "Paris", hint: "France" },
  { value: "3", label: "Rome" },
];
const labels = (query) => filterItems(ITEMS, query).map(({ label }) => label);

test("items are found by label and hint, ignoring case", () => {
  assert.deepEqual(labels(""), ["Berlin", "Paris", "Rome"]);
  assert.deepEqual(labels("PAR"), ["Paris"]);
  assert.deepEqual(labels("germ"), ["Berlin"]);
  assert.deepEqual(labels("undefined"), []);
});

test("existing label is not new", () => {
  assert.ok(isNewLabel(ITEMS, "Oslo"));
  assert.ok(!isNewLabel(ITEMS, "rome"));
  assert.ok(!isNewLabel(ITEMS, ""));
});

test("number of matches is announced", () => {
  assert.deepEqual([0, 1, 2].map(matchesText), ["0 matches", "1 match", "2 matches"]);
});

test("index wraps around at the ends", () => {
  assert.deepEqual(
    [-1, 0, 2, 3].map((index) => wrapIndex(index, 3)),
    [2, 0, 2, 0],
  );
  assert.equal(wrapIndex(0, 0), -1);
});

test("list is above its field if only that side has room", () => {
  const field = (top) => ({ top, bottom: top + 32 });
  assert.equal(listTop(field(100), 200, 800), 132);
  assert.equal(listTop(field(700), 200, 800), 492);
  assert.equal(listTop(field(150), 200, 300), 182);
});
