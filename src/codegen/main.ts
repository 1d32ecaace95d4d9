#!/usr/bin/env node
// protoc-gen-conveyor: run by buf or protoc, which talk to it over standard input and output.
import { readVersion } from "../runtime/package-version.ts";
import { generateStubs } from "./generate.ts";

const name = "protoc-gen-conveyor";

try {
  // Whoever generates code with protoc-gen-es has it; it is large, and nothing else here needs it.
  const { createEcmaScriptPlugin, runNodeJs } = await import("@bufbuild/protoplugin");
  const version = `v${await readVersion()}`;
  runNodeJs(createEcmaScriptPlugin({ name, version, generateTs: generateStubs }));
} catch (error) {
  process.stderr.write(`${name}: ${problemOf(error)}\n`);
  process.exitCode = 1;
}

function problemOf(error: unknown): string {
  const absent = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
  if (!absent) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  return 'it needs @bufbuild/protoplugin beside protoc-gen-es: run "npm install --save-dev @bufbuild/protoplugin"';
}
