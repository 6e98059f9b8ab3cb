import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEvent, splitBlocks } from "../src/js/portal/live/event_stream.js";
import { hasAny, includesAll, joinTopics } from "../src/js/portal/live/topics.js";

test("incomplete block is kept for the next chunk", () => {
  const first = splitBlocks("id: 1\nevent: ready\n\nid: 2\neve");
  assert.deepEqual(first, { blocks: ["id: 1\nevent: ready"], rest: "id: 2\neve" });
  const second = splitBlocks(`${first.rest}nt: changed\n\n`);
  assert.deepEqual(second, { blocks: ["id: 2\nevent: changed"], rest: "" });
});

test("event has an id, a type and data", () => {
  const event = parseEvent('id: 7.0a\nevent: changed\ndata: ["users","tasks"]');
  assert.deepEqual(event, { id: "7.0a", type: "changed", data: ["users", "tasks"] });
});

test("heartbeat and block without data have no type", () => {
  assert.deepEqual(parseEvent(": heartbeat"), { id: undefined, type: undefined, data: undefined });
  assert.equal(parseEvent("id: 8").id, "8");
});

test("field name inside a value is not a field", () => {
  const event = parseEvent('event: changed\ndata: ["id: 9"]');
  assert.equal(event.id, undefined);
});

test("invalid data is an error", () => {
  assert.throws(() => parseEvent("event: changed\ndata: {"), SyntaxError);
});

test("joined topics are sorted and unique", () => {
  assert.equal(joinTopics(["users tasks", "tasks roles"]), "roles,tasks,users");
  assert.equal(joinTopics([]), "");
});

test("region is covered only if all its topics are joined", () => {
  assert.ok(includesAll("roles,tasks,users", "users roles"));
  assert.ok(!includesAll("roles,tasks", "users roles"));
  assert.ok(!includesAll("", "users"));
  assert.ok(!includesAll("user", "users"));
});

test("region is stale if one of its topics has changed", () => {
  assert.ok(hasAny("users roles", ["roles"]));
  assert.ok(!hasAny("users roles", ["role"]));
  assert.ok(!hasAny("users roles", []));
});
