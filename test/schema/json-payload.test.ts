import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { isConveyorError } from "../../src/core/errors.ts";
import { parseTypeName } from "../../src/core/names.ts";
import { createSchemaRegistry } from "../../src/schema/registry.ts";
import { throwsCode } from "../wire/throws-code.ts";
import { bufImage, shopImage } from "./images.ts";

const registry = createSchemaRegistry();
registry.addImage(shopImage(), "shop.binpb");
registry.addImage(
  bufImage({
    "deep/v1/deep.proto": `
      syntax = "proto3";
      package deep.v1;
      import "conveyor/v1/options.proto";
      import "google/protobuf/any.proto";
      import "google/protobuf/struct.proto";
      message Tree {
        option (conveyor.v1.job) = {};
        string name = 1;
        repeated Tree trees = 2;
        map<string, Tree> by_name = 3;
        map<string, int32> counts = 4;
        Tree left = 5;
        oneof either { string text = 6; int32 number = 7; }
        google.protobuf.Any any = 8;
        google.protobuf.Value value = 9;
        repeated int32 numbers = 10;
      }`,
  }),
  "deep.binpb",
);

const email = parseTypeName("shop.v1.SendEmail");
const tree = parseTypeName("deep.v1.Tree");
const problem = (json: string, type = tree) =>
  throwsCode("PAYLOAD_INVALID", () => registry.transcodeJson(type, json)).message;

test("json / a message in protobuf's JSON form becomes its bytes", () => {
  const json = `{"to":"a@b.c","urgency":"URGENCY_HIGH","written":"2024-01-02T03:04:05Z","worth":"90s","attachments":["AAE="],"headers":{"x":"y"}}`;
  const message = fromBinary(SendEmailSchema, registry.transcodeJson(email, json));
  assert.equal(message.to, "a@b.c");
  assert.equal(message.urgency, 2);
  assert.equal(message.written?.seconds, 1_704_164_645n);
  assert.equal(message.worth?.seconds, 90n);
  assert.deepEqual(message.attachments, [new Uint8Array([0, 1])]);
  assert.deepEqual(message.headers, { x: "y" });
  assert.equal(registry.transcodeJson(email, "{}").byteLength, 0);
});

test("json / an Any inside is resolved by the registry", () => {
  const bytes = registry.transcodeJson(tree, '{"any":{"@type":"x/shop.v1.Chore","script":"ok"}}');
  assert.match(Buffer.from(bytes).toString("latin1"), /shop\.v1\.Chore/);
  assert.match(problem('{"any":{"@type":"x/un.Known"}}'), /^\$\.any: .*un\.Known/);
});

test("json / the place of a problem is named, however deep", () => {
  const table: readonly (readonly [json: string, message: RegExp])[] = [
    ['{"nam":"x"}', /^\$\.nam: key "nam" is unknown$/],
    ['{"name":5}', /^\$\.name: expected string, got 5$/],
    ['{"left":{"left":{"name":[]}}}', /^\$\.left\.left\.name: expected string/],
    ['{"trees":[{},{"trees":[{},{"name":false}]}]}', /^\$\.trees\[1\]\.trees\[1\]\.name: /],
    ['{"trees":{}}', /^\$\.trees: /],
    ['{"trees":[{},null]}', /^\$\.trees\[1\]: /],
    ['{"by_name":{"a b":{"name":1}}}', /^\$\.by_name\["a b"\]\.name: /],
    ['{"byName":{"a":{"byName":{"b":{"xx":1}}}}}', /^\$\.byName\.a\.byName\.b\.xx: /],
    ['{"counts":{"a":1,"b":"two"}}', /^\$\.counts\.b: /],
    ['{"numbers":[1,2,2147483648]}', /^\$\.numbers\[2\]: /],
    ['{"text":"a","number":1}', /^\$: oneof set multiple times by text and number$/],
    ["[]", /^\$: .* is no message deep\.v1\.Tree$/],
    ["null", /^\$: null is no message deep\.v1\.Tree$/],
    ['"x"', /^\$: "x" is no message deep\.v1\.Tree$/],
    ["{", /^\$: it is not JSON: /],
    ["", /^\$: it is not JSON: /],
    ['{"__proto__":{"a":1}}', /^\$\.__proto__: key "__proto__" is unknown$/],
  ];
  for (const [json, message] of table) assert.match(problem(json), message, json);
  assert.match(problem('{"urgency":"SOON"}', email), /^\$\.urgency: "SOON" is no enum shop\.v1\.Urgency$/);
  assert.match(problem('{"written":"yesterday"}', email), /^\$\.written: invalid RFC 3339/);
});

test("json / what is nested without end is refused, not a full stack", () => {
  for (const levels of [200, 20_000]) {
    assert.match(problem(`${'{"left":'.repeat(levels)}{}${"}".repeat(levels)}`), /^\$/);
    assert.match(problem(`{"value":${"[".repeat(levels)}${"]".repeat(levels)}}`), /^\$\.value: /);
  }
});

test("json / a type that the broker does not know, and a message that is no job type, are UNKNOWN_JOB_TYPE", () => {
  const unknown = throwsCode("UNKNOWN_JOB_TYPE", () => registry.transcodeJson(parseTypeName("un.Known"), "{}"));
  assert.match(unknown.message, /no schema of un\.Known; start it with --schema/);
  const result = parseTypeName("shop.v1.EmailSent");
  const message = throwsCode("UNKNOWN_JOB_TYPE", () => registry.transcodeJson(result, "{}"));
  assert.match(message.message, /is no job type/);
});

test("json / any JSON at all is a message or PAYLOAD_INVALID", () => {
  const keys = fc.constantFrom(
    "name",
    "trees",
    "byName",
    "counts",
    "left",
    "text",
    "number",
    "any",
    "value",
    "numbers",
    "@type",
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, 1, 1.5, "x", "", -1),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(keys, tie("any"), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (json) => {
      try {
        registry.transcodeJson(tree, JSON.stringify(json));
      } catch (error) {
        assert.ok(isConveyorError(error) && error.code === "PAYLOAD_INVALID", String(error));
        assert.ok(error.message.startsWith("$"), error.message);
        assert.ok(Buffer.byteLength(error.message) < 1_000);
      }
    }),
    { numRuns: 500 },
  );
});
