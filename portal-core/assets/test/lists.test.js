import assert from "node:assert/strict";
import { test } from "node:test";
import { filterQuery, isSamePage } from "../src/js/lists/url.js";

const url = (path) => new URL(path, "https://example.com");

test("different queries and fragments belong to the same page", () => {
  assert.ok(isSamePage(url("/admin/users?page=2"), url("/admin/users#row-1")));
  assert.ok(!isSamePage(url("/admin/users/1"), url("/admin/users")));
  assert.ok(!isSamePage(new URL("https://example.org/admin/users"), url("/admin/users")));
});

test("empty fields are omitted except for filters", () => {
  const query = filterQuery([
    ["q", ""],
    ["sort", "name"],
    ["filter[email][empty]", ""],
  ]);
  assert.equal(query.toString(), "sort=name&filter%5Bemail%5D%5Bempty%5D=");
});
