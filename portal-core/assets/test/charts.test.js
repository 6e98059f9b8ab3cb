import assert from "node:assert/strict";
import { test } from "node:test";
import { pointAt, pointPosition, stepPoint, tooltipLeft } from "../src/js/charts/points.js";

test("pointer selects the nearest point of a line chart", () => {
  const points = [0, 0.24, 0.26, 0.5, 0.76, 1].map((fraction) => pointAt(fraction, 3, false));
  assert.deepEqual(points, [0, 0, 1, 1, 2, 2]);
});

test("pointer selects the bar in whose band it is", () => {
  const points = [0, 0.33, 0.34, 0.66, 0.67, 0.99].map((fraction) => pointAt(fraction, 3, true));
  assert.deepEqual(points, [0, 0, 1, 1, 2, 2]);
});

test("selected point is under the pointer", () => {
  for (const hasBands of [true, false]) {
    for (const point of [0, 1, 2, 3]) {
      assert.equal(pointAt(pointPosition(point, 4, hasBands), 4, hasBands), point);
    }
  }
});

test("single point is in the middle of its band", () => {
  assert.equal(pointPosition(0, 1, true), 0.5);
});

test("keys select the neighboring, first and last points", () => {
  assert.equal(stepPoint("ArrowRight", 2, 5), 3);
  assert.equal(stepPoint("ArrowUp", 2, 5), 3);
  assert.equal(stepPoint("ArrowLeft", 2, 5), 1);
  assert.equal(stepPoint("ArrowDown", 2, 5), 1);
  assert.equal(stepPoint("Home", 2, 5), 0);
  assert.equal(stepPoint("End", 2, 5), 4);
  assert.equal(stepPoint("Enter", 2, 5), undefined);
});

test("tooltip is on the side of its point that has room", () => {
  assert.equal(tooltipLeft(100, 50, 400), 112);
  assert.equal(tooltipLeft(380, 50, 400), 318);
  assert.equal(tooltipLeft(20, 50, 60), 0);
});
