import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

interface Manifest {
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A folder of a user in which this package is installed as it would be published. */
export interface PackedProject extends AsyncDisposable {
  readonly folder: string;
  write(path: string, text: string): Promise<void>;
  /** Does what `npm install …` would: the packed package, and links to those of this repository for the others. */
  install(line: string): Promise<void>;
  uninstall(name: string): Promise<void>;
  /** Runs a shell line in the folder; answers what it prints, and its exit status. */
  shell(line: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** Starts a program in the folder; it is killed with the project. */
  start(command: string, args: readonly string[]): ChildProcess;
}

/** Builds and packs this repository, beside its work tree, and makes an empty folder for a user. */
export async function packedProject(): Promise<PackedProject> {
  const place = await mkdtemp(join(tmpdir(), "conveyor-package-"));
  const archive = await pack(join(place, "package"));
  const folder = join(place, "user");
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, ".bin"), { recursive: true });
  // As a shell of the user's would have it: their project's programs come by npx alone.
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  const children = new Set<ChildProcess>();

  async function installOne(name: string): Promise<void> {
    const target = join(modules, name);
    await rm(target, { recursive: true, force: true });
    await mkdir(dirname(target), { recursive: true });
    if (name === "conveyor-jobs") {
      await mkdir(target);
      await run("tar", ["-xzf", archive, "--strip-components=1", "-C", target]);
    } else {
      await symlink(join(repository, "node_modules", name), target);
    }
    const { bin = {}, dependencies = {} } = await manifestOf(target);
    for (const [command, file] of Object.entries(typeof bin === "string" ? { [name]: bin } : bin)) {
      await rm(join(modules, ".bin", command), { force: true });
      await symlink(join(target, file), join(modules, ".bin", command));
    }
    // npm puts what is needed by one beside it.
    for (const dependency of Object.keys(dependencies)) await linkIfNew(dependency);
  }

  async function linkIfNew(name: string): Promise<void> {
    const source = join(repository, "node_modules", name);
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(source, join(modules, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }

  return {
    folder,
    async write(path, text) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    },
    async install(line) {
      const words = line.split(" ");
      assert.deepEqual(words.slice(0, 2), ["npm", "install"], line);
      for (const name of words.slice(2).filter((word) => !word.startsWith("-"))) await installOne(name);
    },
    uninstall: (name) => rm(join(modules, name)),
    async shell(line) {
      try {
        return { code: 0, ...(await run("sh", ["-c", line], { cwd: folder, env })) };
      } catch (error) {
        const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
        return { code: 1, stdout, stderr };
      }
    },
    start(command, args) {
      const child = spawn(command, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
      children.add(child);
      child.once("close", () => children.delete(child));
      return child;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** What `npm publish` would send, made of a copy: the repository's own dist stays as it is. */
async function pack(folder: string): Promise<string> {
  await mkdir(folder);
  const { files } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { files: string[] };
  for (const file of [...files.filter((each) => each !== "dist"), "package.json", "README.md", "LICENSE"]) {
    await cp(join(repository, file), join(folder, file), { recursive: true });
  }
  await run(process.execPath, [join(repository, "tools/build.ts"), join(folder, "dist")], {
    env: { ...process.env, PATH: [join(repository, "node_modules/.bin"), process.env.PATH].join(delimiter) },
  });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", dirname(folder)], { cwd: folder });
  const [packed] = JSON.parse(stdout) as readonly { readonly filename: string }[];
  return join(dirname(folder), packed?.filename ?? assert.fail(stdout));
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}
