import assert from "node:assert/strict";
import { test } from "node:test";
import { assignLetters } from "../src/js/palette/navigation_keys.js";
import { parseRecent, serializeRecent } from "../src/js/palette/recent_items.js";
import { moveSelection, resultsText } from "../src/js/palette/selection.js";

test("keys move the selection and wrap around at the ends", () => {
  assert.equal(moveSelection("ArrowDown", 0, 3), 1);
  assert.equal(moveSelection("ArrowDown", 2, 3), 0);
  assert.equal(moveSelection("ArrowUp", 0, 3), 2);
  assert.equal(moveSelection("Home", 2, 3), 0);
  assert.equal(moveSelection("End", 0, 3), 2);
});

test("page keys do not wrap around", () => {
  assert.equal(moveSelection("PageDown", 0, 20), 5);
  assert.equal(moveSelection("PageDown", 18, 20), 19);
  assert.equal(moveSelection("PageUp", 3, 20), 0);
});

test("selection is empty without results", () => {
  assert.equal(moveSelection("ArrowDown", -1, 0), -1);
});

test("other keys do not move the selection", () => {
  assert.equal(moveSelection("a", 0, 3), undefined);
});

test("number of results is announced", () => {
  assert.deepEqual([0, 1, 2].map(resultsText), ["No results", "1 result", "2 results"]);
});

const item = (href) => ({ title: href, hint: "", href });

test("recent item moves to the front and the oldest is removed", () => {
  let items = [];
  for (const href of ["/a", "/b", "/c", "/d", "/e", "/f", "/b"]) {
    items = parseRecent(serializeRecent(items, item(href), "1"), "1");
  }
  const hrefs = items.map(({ href }) => href);
  assert.deepEqual(hrefs, ["/b", "/f", "/e", "/d", "/c"]);
});

test("recent items of another user are not shown", () => {
  const stored = serializeRecent([], item("/a"), "1");
  assert.equal(parseRecent(stored, "1").length, 1);
  assert.deepEqual(parseRecent(stored, "2"), []);
});

test("missing and invalid recent items are ignored", () => {
  assert.deepEqual(parseRecent(undefined, "1"), []);
  assert.deepEqual(parseRecent("{", "1"), []);
});

test("navigation links have different letters", () => {
  const links = ["Users", "Usage", "1 Üser", "su"].map((textContent) => ({ textContent }));
  const letters = [...assignLetters(links)].map(([letter, link]) => [letter, link.textContent]);
  assert.deepEqual(letters, [
    ["u", "Users"],
    ["s", "Usage"],
    ["e", "1 Üser"],
  ]);
});
