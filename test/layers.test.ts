import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const messages = ["gen", "@bufbuild/protobuf", "@grpc/grpc-js"];

/** What each layer may import beside itself: other layers, gen, npm packages. `node:` modules are open to all but core. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: ["core"],
  store: ["core"],
  "store/memory": ["store", "core"],
  "store/sqlite": ["store", "core", "runtime", "better-sqlite3"],
  "store/postgres": ["store", "core", "runtime", "pg"],
  "store/redis": ["store", "core", "runtime", "ioredis"],
  wire: ["core", ...messages],
  schema: ["core", "wire", ...messages, "@bufbuild/protovalidate"],
  broker: ["core", "runtime", "store", "wire", "schema", ...messages].concat([
    "grpc-health-check",
    "@connectrpc/connect",
    "@connectrpc/connect-node",
  ]),
  client: ["core", "runtime", "wire", ...messages],
  worker: ["core", "runtime", "wire", ...messages],
  embedded: [
    "core",
    "runtime",
    "wire",
    "broker",
    "client",
    "worker",
    "store",
    "store/memory",
    "store/sqlite",
    "store/postgres",
    "store/redis",
  ],
  admin: ["client", "wire"],
  testing: ["core", "runtime", "embedded", "client", "worker", "store", "store/memory"],
  codegen: ["core", "runtime", "wire", "@bufbuild/protobuf", "@bufbuild/protoplugin"],
  index: ["core", "client", "worker", "wire"],
};
const publicEntries = ["src/index.ts", "src/broker/index.ts", "src/embedded/index.ts", "src/testing/index.ts"];
/** The model proof would be blind if the stores it judges asked core for the answer: they decide in their own terms. */
const decisions = ["src/core/transition.ts", "src/core/chain.ts", "src/core/outcome.ts", "src/core/revive.ts"];
const decidingForThemselves = ["store/sqlite", "store/postgres", "store/redis"];

test("layers / every import in src is one its layer may make", () => {
  const files = globSync("src/**/*.ts", { cwd: root }).map((file) => file.split(path.sep).join("/"));
  assert.deepEqual(
    files.flatMap((file) => violations(file, readFileSync(path.join(root, file), "utf8"))),
    [],
  );
});

test("layers / a planted violation is reported", () => {
  const planted: readonly (readonly [file: string, source: string])[] = [
    ["src/core/job.ts", 'import { now } from "../runtime/clock.ts";'],
    ["src/core/job.ts", 'import { readFileSync } from "node:fs";'],
    ["src/core/job.ts", 'import type { Message } from "@bufbuild/protobuf";'],
    ["src/core/job.ts", "const at = Date.now();"],
    ["src/client/client.ts", 'export { openStore } from "../embedded/open-store.ts";'],
    ["src/client/client.ts", 'const store = await import("../store/sqlite/store.ts");'],
    ["src/client/client.ts", 'import {\n  type Broker,\n  serve,\n} from "../broker/server.ts";'],
    ["src/worker/worker.ts", 'import "../client/client.ts";'],
    ["src/store/sqlite/claim.ts", 'import { row } from "../postgres/row.ts";'],
    ["src/store/sqlite/claim.ts", 'import { next } from "../../core/transition.ts";'],
    ["src/store/sqlite/claim.ts", 'const sql = new URL("../postgres/claim.sql", import.meta.url);'],
    ["src/store/memory/claim.ts", 'import Database from "better-sqlite3";'],
    ["src/broker/server.ts", 'import { open } from "../store/memory/store.ts";'],
    ["src/broker/server.ts", "const level = process.env.LOG_LEVEL;"],
    ["src/admin/handler.ts", 'import { createServer } from "@connectrpc/connect-node/http";'],
    ["src/wire/index.ts", "export const nothing = 0;"],
    ["src/helpers/text.ts", "export const nothing = 0;"],
  ];
  for (const [file, source] of planted) assert.equal(violations(file, source).length, 1, `${file}: ${source}`);
});

test("layers / what the table allows is not reported", () => {
  const fine: readonly (readonly [file: string, source: string])[] = [
    [
      "src/core/job.ts",
      '/** See the table.\n * import { now } from "../runtime/clock.ts";\n */\nimport { limits } from "./limits.ts";',
    ],
    [
      "src/store/memory/store.ts",
      'import { next } from "../../core/transition.ts";\nimport type { Store } from "../store.ts";',
    ],
    ["src/store/sqlite/store.ts", 'import Database from "better-sqlite3";\nimport { once } from "node:events";'],
    ["src/broker/services/job.ts", 'import { JobSchema } from "../../../gen/conveyor/v1/job_pb.ts";'],
    ["src/wire/status.ts", 'import { anyPack } from "@bufbuild/protobuf/wkt";'],
    [
      "src/core/state.ts",
      'export type Color =\n  | "red"\n  | "green";\nexport const names = ["from", "to"] as const;',
    ],
    ["src/broker/index.ts", 'export { serve } from "./server.ts";'],
    ["src/codegen/generate.ts", 'const stub = f.import("JobStub", "conveyor-jobs", true);'],
    ["src/cli/main.ts", 'import { open } from "../store/memory/store.ts";\nconst color = process.env.NO_COLOR;'],
  ];
  for (const [file, source] of fine) assert.deepEqual(violations(file, source), [], `${file}: ${source}`);
});

/** One sentence for each thing in a source file that its layer forbids. */
function violations(file: string, source: string): readonly string[] {
  const layer = layerOf(file);
  if (layer === "cli") return [];
  const allowed = layers[layer];
  if (!allowed) return [`${file}: there is no layer "${layer}"`];
  const code = source.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, "");
  const found: string[] = [];
  if (file.endsWith("/index.ts") && !publicEntries.includes(file))
    found.push(`${file}: only public entries are index files`);
  if (/\bprocess\.env\b|\benv\b[^;]*from "node:process"/.test(code))
    found.push(`${file}: only cli reads the environment`);
  if (layer === "core" && /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval)\(/.test(code)) {
    found.push(`${file}: core has no clock, timer or randomness`);
  }
  for (const specifier of importsOf(code)) {
    const target = targetOf(file, specifier);
    const decides = decidingForThemselves.includes(layer) && decisions.includes(target.file);
    const open = target.layer === "node" ? layer !== "core" : target.layer === layer || allowed.includes(target.layer);
    if (!open || decides) found.push(`${file}: ${layer} must not import ${specifier}`);
  }
  return found;
}

function importsOf(code: string): readonly string[] {
  const statement = /^\s*(?:import|export)\s(?:[\w$\s{},*]*?\bfrom\s*)?["']([^"']+)["']/gm;
  const call = /(?<!\.)\b(?:import|require|import\.meta\.resolve)\(\s*["'`]([^"'`]+)["'`]/g;
  const beside = /\bnew URL\(\s*["'`](\.[^"'`]+)["'`],\s*import\.meta\.url/g;
  return [statement, call, beside].flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ""));
}

function targetOf(file: string, specifier: string): { readonly layer: string; readonly file: string } {
  if (specifier.startsWith("node:")) return { layer: "node", file: specifier };
  if (specifier.startsWith(".")) {
    const target = path.posix.join(path.posix.dirname(file), specifier);
    return { layer: layerOf(target), file: target };
  }
  const [scope = "", name] = specifier.split("/");
  return { layer: scope.startsWith("@") ? `${scope}/${name}` : scope, file: specifier };
}

/** src/core/job.ts is in core, src/store/sqlite/claim.ts in store/sqlite, src/store/store.ts in store, src/index.ts in index. */
function layerOf(file: string): string {
  const [top = "", folder = "", ...rest] = file.split("/");
  if (top !== "src") return top;
  if (folder === "store" && rest.length > 1) return `store/${rest[0]}`;
  return folder.replace(/\.ts$/, "");
}
