import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** What buf and protoc-gen-conveyor make of some proto files. */
export interface Generated extends AsyncDisposable {
  readonly code: number;
  /** What they said on standard error. */
  readonly said: string;
  read(path: string): Promise<string>;
  /** Type checks all that was generated under the strictest rules; answers what the compiler says. */
  compile(): Promise<string>;
}

/** Generates code for `protos`, by path, with protoc-gen-conveyor, and with protoc-gen-es unless its `messages` are not needed. */
export async function generate(
  protos: Readonly<Record<string, string>>,
  {
    opt = ["target=ts", "import_extension=ts"],
    messages = "needed",
  }: { readonly opt?: readonly string[]; readonly messages?: "needed" | "not needed" } = {},
): Promise<Generated> {
  const folder = await mkdtemp(join(tmpdir(), "conveyor-codegen-"));
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  for (const [path, text] of Object.entries(protos)) await write(join("proto", path), text);
  await cp(join(repository, "proto"), join(folder, "vendor"), { recursive: true });
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  await write("package.json", '{"type":"module"}');
  await write("buf.yaml", JSON.stringify({ version: "v2", modules: [{ path: "proto" }, { path: "vendor" }] }));
  const sources = relative(join(folder, "gen"), join(repository, "src/index.ts"));
  const es = join(repository, "node_modules/.bin/protoc-gen-es");
  const plugins = [
    ...(messages === "needed" ? [{ local: es, out: "gen", opt: [...opt, "erasable_syntax=true"] }] : []),
    {
      local: [process.execPath, join(repository, "src/codegen/main.ts")],
      out: "gen",
      opt: [...opt, `rewrite_imports=conveyor-jobs:./${sources}`],
    },
  ];
  await write("buf.gen.yaml", JSON.stringify({ version: "v2", plugins }));
  const { code, stderr } = await run("buf", ["generate"], folder);
  return {
    code,
    said: stderr,
    read: (path) => readFile(join(folder, "gen", path), "utf8"),
    async compile() {
      const compilerOptions = { ...strictest, typeRoots: [join(repository, "node_modules/@types")] };
      await write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["gen"] }));
      const { stdout } = await run("tsc", ["-p", "tsconfig.json", "--pretty", "false"], folder);
      // The package's own sources are held to the repository's rules.
      return stdout
        .split("\n")
        .filter((line) => line.startsWith("gen/"))
        .join("\n");
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const strictest = {
  target: "es2022",
  lib: ["es2023", "esnext.disposable"],
  module: "nodenext",
  types: ["node"],
  strict: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  declaration: true,
  isolatedDeclarations: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
};

function run(command: string, args: readonly string[], cwd: string) {
  return new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
    execFile(join(repository, "node_modules/.bin", command), args, { cwd }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, stdout, stderr });
    });
  });
}
