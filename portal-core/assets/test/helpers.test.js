import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

// The modules need a browser, so this test reads their source code instead of importing them.
const namesIn = async (file) => {
  const text = await readFile(new URL(`../src/js/${file}`, import.meta.url), "utf8");
  const [, names] = text.match(/export const (?:helpers = )?\{([^}]*)\}/);
  return names.split(",").flatMap((name) => name.trim() || []);
};

test("later bundles import exactly the helpers that portal.js provides", async () => {
  const provided = await namesIn("portal/helpers.js");
  assert.ok(provided.length > 5);
  assert.deepEqual(await namesIn("common/helpers.js"), provided);
});
