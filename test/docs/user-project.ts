import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const languages = ["sh", "ts", "sql", "proto"] as const;
type Language = (typeof languages)[number];

/** A code block of a page. */
interface Block {
  readonly language: Language;
  readonly text: string;
}

/** A user's project: the README's types, and the code blocks of a page of the documentation in it. */
export interface UserProject extends AsyncDisposable {
  readonly folder: string;
  /** All blocks of the page in its order; they count as taken. Each is replaced in when it is read. */
  inOrder(): readonly Block[];
  /** The page's blocks of a language that were not taken yet; they count as taken. */
  blocks(language: Language): readonly string[];
  /** Replaces text of the page, such as the address of an example, by what there is; in blocks and in lines alike. */
  replace(from: string, to: string): void;
  /** Runs shell lines in the project's folder and answers with what they print. */
  shell(lines: string, env?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs a `conveyor serve` line, with more arguments, and answers with the address once it listens. */
  serve(line: string, args: readonly string[]): Promise<Served>;
  /** Starts a script of the page. */
  script(name: string, env?: Readonly<Record<string, string>>): ChildProcess;
  /** Fails when a block of the page was not taken. */
  allTaken(): void;
}

export interface Served extends AsyncDisposable {
  readonly address: string;
  readonly banner: Readonly<Record<string, unknown>>;
  readonly stderr: () => string;
}

/** Reads `docs/NAME`, writes its TypeScript into files, and generates code for the README's types. */
export async function userProject(page: string): Promise<UserProject> {
  const text = await readFile(join(repository, page), "utf8");
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const folder = await mkdtemp(join(tmpdir(), "conveyor-docs-"));
  const replacements: (readonly [from: string, to: string])[] = [];
  const all = blocksOf(text, page);
  const left = new Map<string, string[]>();
  for (const { language, text } of all) left.set(language, [...(left.get(language) ?? []), text]);
  const children = new Set<ChildProcess>();
  const replaced = (source: string) => replacements.reduce((all, [from, to]) => all.replaceAll(from, to), source);

  await install(folder);
  for (const block of fenced(readme, "proto")) await writeNamed(folder, block);
  const path = [join(folder, "bin"), join(repository, "node_modules", ".bin"), dirname(process.execPath)];
  const env = { ...process.env, PATH: [...path, process.env.PATH].join(delimiter) };
  const shell: UserProject["shell"] = async (lines, more = {}) => {
    const { stdout } = await run("sh", ["-e", "-c", replaced(lines)], { cwd: folder, env: { ...env, ...more } });
    return stdout;
  };
  for (const line of fenced(readme, "sh").join("").split("\n"))
    if (/^npx (conveyor init|buf (generate|build))/.test(line)) await shell(line);

  return {
    folder,
    shell,
    inOrder() {
      left.clear();
      return all.map(({ language, text }) => ({
        language,
        get text() {
          return replaced(text);
        },
      }));
    },
    blocks(language) {
      const blocks = left.get(language) ?? [];
      left.delete(language);
      return blocks.map(replaced);
    },
    replace: (from, to) => void replacements.push([from, to]),
    async serve(line, args) {
      const words = `exec ${replaced(line)} -o json ${args.map((arg) => `'${arg}'`).join(" ")}`;
      const child = spawn("sh", ["-c", words], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      children.add(child);
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (more: string) => {
        said += more;
      });
      const closed = once(child, "close");
      const first = await Promise.race([once(createInterface({ input: child.stdout }), "line"), closed]);
      if (child.exitCode !== null) assert.fail(`${line} ended with ${child.exitCode}: ${said}`);
      const banner = JSON.parse(String(first[0])) as Readonly<Record<string, unknown>>;
      return {
        banner,
        address: String(banner.address),
        stderr: () => said,
        async [Symbol.asyncDispose]() {
          child.kill("SIGTERM");
          await closed;
          children.delete(child);
        },
      };
    },
    script(name, more = {}) {
      const child = spawn(process.execPath, [name], {
        cwd: folder,
        env: { ...env, ...more },
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.add(child);
      child.once("close", () => children.delete(child));
      return child;
    },
    allTaken: () => assert.deepEqual([...left.keys()], [], `${page}: blocks that no test has run`),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function blocksOf(text: string, page: string): readonly Block[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, name = "", text = ""]) => {
    if (name === "") return []; // a drawing
    const language = languages.find((each) => each === name);
    return language === undefined ? assert.fail(`${page}: no test runs a block of "${name}"`) : [{ language, text }];
  });
}

/** Writes a block into the file that its first line names. */
export async function writeNamed(folder: string, block: string): Promise<string> {
  const name = /^(?:\/\/|#) (\S+)\n/.exec(block)?.[1] ?? assert.fail(`a block names no file: ${block}`);
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), block);
  return name;
}

/** Type checks scripts of the project under strict rules. */
export async function compiles(project: UserProject, files: readonly string[]): Promise<void> {
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    typeRoots: [join(repository, "node_modules", "@types")],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  };
  await writeFile(join(project.folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  await project.shell("tsc -p tsconfig.json");
}

/** What a script printed, once it has ended well. */
export async function printed(child: ChildProcess): Promise<string> {
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  await once(child, "close");
  assert.equal(
    child.exitCode,
    0,
    `${child.spawnargs.at(-1)} ended with ${child.exitCode ?? child.signalCode}: ${said}`,
  );
  return said;
}

function fenced(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

/** What `npm install conveyor-jobs pg` would have made, and `conveyor` on the PATH. */
async function install(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, "@types"), { recursive: true });
  for (const name of ["@bufbuild", "pg", "@types/pg"]) {
    await symlink(join(repository, "node_modules", name), join(modules, name));
  }
  await installConveyor(join(modules, "conveyor-jobs"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await mkdir(join(folder, "bin"));
  const binaries = {
    conveyor: `"${process.execPath}" "${repository}src/cli/main.ts" "$@"`,
    "protoc-gen-conveyor": `"${process.execPath}" "${repository}src/codegen/main.ts" "$@"`,
    npx: '"$@"', // all it would find is on the PATH
  };
  for (const [name, command] of Object.entries(binaries)) {
    const binary = join(folder, "bin", name);
    await writeFile(binary, `#!/bin/sh\nexec ${command}\n`);
    await chmod(binary, 0o755);
  }
}

/** The package's entries, led to the sources of this repository. */
async function installConveyor(folder: string): Promise<void> {
  // buf follows no link out of a module.
  await cp(join(repository, "proto"), join(folder, "proto"), { recursive: true });
  await symlink(join(repository, "src"), join(folder, "src"));
  const { exports } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const entries = Object.entries(exports).flatMap(([entry, to]) =>
    typeof to === "string" ? [] : [[entry, to.default.replace("./dist/", "./").replace(/\.js$/, ".ts")]],
  );
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ type: "module", exports: Object.fromEntries(entries) }),
  );
}
