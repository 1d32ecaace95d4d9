import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddresses } from "../../src/wire/addresses.ts";
import { throwsCode } from "./throws-code.ts";

test("addresses / one or several, as a text or a list, each with its port and once", () => {
  assert.deepEqual(parseAddresses("localhost"), ["localhost:2668"]);
  assert.deepEqual(parseAddresses("a:1,b:2"), ["a:1", "b:2"]);
  assert.deepEqual(parseAddresses(" a:1 , b "), ["a:1", "b:2668"]);
  assert.deepEqual(parseAddresses(["a:1", "[::1]:5"]), ["a:1", "[::1]:5"]);
  assert.deepEqual(parseAddresses(["a:1,b:2", "b:2", "a"]), ["a:1", "b:2", "a:2668"]);
});

test("addresses / what is none is named", () => {
  for (const bad of ["", "a,", ",", "http://a:1", "a:1 b:2", "a:0", "a:99999", [], [""], [7 as never]]) {
    const error = throwsCode("INVALID_OPTION", () => parseAddresses(bad));
    assert.match(error.message, /address/);
  }
});
