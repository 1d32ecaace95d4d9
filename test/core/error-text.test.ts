import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutError, cutText, recordedError, textBytes } from "../../src/core/error-text.ts";
import { errorFingerprint } from "../../src/core/fingerprint.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { limits } from "../../src/core/limits.ts";
import { effectiveOptions } from "../../src/core/precedence.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

test("error text / is the longest beginning that fits, and splits no character", () => {
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(texts, fc.nat(40), (text, bytesMax) => {
      const cut = cutText(text, bytesMax);
      assert.ok(text.startsWith(cut) && bytesOf(cut) <= bytesMax);
      assert.equal(textBytes(text), bytesOf(text));
      const next = [...text.slice(cut.length)][0];
      if (next !== undefined) assert.ok(bytesOf(cut) + bytesOf(next) > bytesMax);
    }),
  );
  assert.equal(cutText("aé€😀", 5), "aé");
  assert.equal(cutText("aé€😀", 6), "aé€");
});

test("error text / name, message and stack are each cut to their limit", () => {
  const long = "é".repeat(40_000);
  const cut = cutError({ name: long, message: long, stack: long });
  assert.deepEqual(
    [bytesOf(cut.name), bytesOf(cut.message), bytesOf(cut.stack)],
    [limits.errorNameBytesMax, limits.errorMessageBytesMax, limits.errorStackBytesMax],
  );
  const short = { name: "Error", message: "broken", stack: "" };
  assert.deepEqual(cutError(short), short);
});

test("error text / what a store records itself has a name and a text", () => {
  const lost = recordedError("WORKER_LOST");
  assert.deepEqual(lost, { name: "WORKER_LOST", message: "the worker was lost while it held this job", stack: "" });
});

test("fingerprint / numbers, ids and addresses do not tell errors apart, all else does", () => {
  const print = (message: string, name = "Error", type = "a.B") => errorFingerprint(type, { name, message });
  assert.match(print("x"), /^[0-9a-f]{16}$/);
  assert.equal(print("row 17 of 3.5 s"), print("row 18 of 1,000 s"));
  assert.equal(print("at 0x7ffe12"), print("at 0x1"));
  assert.equal(print("job 0190b3c4-1111-7abc-8def-0123456789ab"), print("job 0190b3c4-2222-7abc-8def-ba9876543210"));
  assert.notEqual(print("cannot read"), print("cannot write"));
  assert.notEqual(print("x"), print("x", "TypeError"));
  assert.notEqual(print("x"), print("x", "Error", "a.C"));
  assert.equal(print("x"), "7411937322247886");
});

test("precedence / the job's own value wins over the queue's, the queue's over the server's", () => {
  const none = { maxAttempts: undefined, backoff: undefined, timeoutMs: undefined };
  const queue = { ...none, maxAttempts: 7, crashLimit: 9 };
  assert.deepEqual(effectiveOptions(none, undefined, serverDefaults), serverDefaults);
  const expected = { ...serverDefaults, maxAttempts: 7, crashLimit: 9 };
  assert.deepEqual(effectiveOptions(none, queue, serverDefaults), expected);
  assert.equal(effectiveOptions({ ...none, maxAttempts: 1 }, queue, serverDefaults).maxAttempts, 1);
});
