import assert from "node:assert/strict";
import { test } from "node:test";
import { proveModel } from "./model/prove.ts";

const crashPointsMin = 500;

proveModel({
  stage: "sqlite",
  sequences: 2_000,
  rowCountMin: 50,
  evaluatedMin: 100,
  heirsMin: 100,
  more(totals) {
    test(`model / the power was cut within ${crashPointsMin} commits or more, at every frame of their logs`, () => {
      const { crashPoints, cuts } = totals();
      assert.ok(crashPoints >= crashPointsMin, `${crashPoints} crash points`);
      assert.ok(cuts >= 3 * crashPoints, `${cuts} cuts`);
    });
  },
});
