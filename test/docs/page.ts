import assert from "node:assert/strict";
import { compiles, printed, type Served, type UserProject, userProject, writeNamed } from "./user-project.ts";

/**
 * Follows a page of the documentation from its top to its end, as a reader would who types all of it:
 * its .proto files are linted and generated, all TypeScript is compiled under strict rules, and then block by block
 * - a script runs to its end, and prints what the comments behind its `console.log` lines say; one that says `await worker.run()` stays
 *   up to the end of the page;
 * - a shell block runs, where `conveyor serve` stays up to the end, too; `npm install`, `npx conveyor init` and `npx buf` are what
 *   the project begins with, and `node FILE` has been run where the file stood.
 * A page without `conveyor serve` finds a broker running, as after the README's first five minutes.
 */
export async function followPage(page: string): Promise<void> {
  await using project = await userProject(page);
  const blocks = project.inOrder();
  const files = blocks.filter(({ language }) => language === "proto");
  for (const { text } of files) await writeNamed(project.folder, text);
  if (files.length > 0) await project.shell("buf lint proto && buf generate");
  await project.shell("buf build -o schema.binpb");
  const sources = blocks.filter(({ language }) => language === "ts");
  const names = await Promise.all(sources.map(({ text }) => writeNamed(project.folder, text)));
  if (names.length > 0) await compiles(project, names);

  const up = createRunning(project);
  // What still runs after a failure, the project's end kills.
  if (!blocks.some(({ language, text }) => language === "sh" && /^(npx )?conveyor serve/m.test(text)))
    await up.serve("conveyor serve");
  for (const { language, text } of blocks) {
    if (language === "ts") await up.script(await writeNamed(project.folder, text), text);
    else if (language === "sh") await up.shell(text);
  }
  await up.stop();
}

/** What runs on while the page is followed. */
function createRunning(project: UserProject) {
  let broker: Served | undefined;
  const workers: { readonly child: ReturnType<UserProject["script"]>; readonly said: Promise<string> }[] = [];

  async function serve(line: string): Promise<void> {
    const schema = line.includes("--schema") ? [] : ["--schema", "schema.binpb"];
    broker = await project.serve(line, ["--listen", "127.0.0.1:0", ...schema]);
    project.replace("localhost:2668", broker.address);
    project.replace("127.0.0.1:2668", broker.address);
  }

  return {
    serve,
    async script(name: string, source: string): Promise<void> {
      const child = project.script(name, env());
      const said = printed(child);
      if (/^await worker\.run\(/m.test(source)) {
        said.catch(() => undefined); // awaited in stop
        workers.push({ child, said });
        return;
      }
      const lines = (await said).trim().split("\n");
      for (const line of promisedBy(source)) {
        const at = lines.indexOf(line);
        assert.ok(at >= 0, `${name} did not print "${line}", but:\n${lines.join("\n")}`);
        lines.splice(0, at + 1);
      }
    },
    async shell(text: string): Promise<void> {
      for (const line of text.trim().split("\n")) {
        if (/^(npx )?conveyor serve/.test(line)) await serve(line);
      }
      const rest = text.replaceAll(
        /^((npx )?conveyor serve|npm install|npx (conveyor init|buf (generate|build))|node ).*\n/gm,
        "",
      );
      if (rest.trim() !== "") await project.shell(rest, env());
    },
    async stop(): Promise<void> {
      for (const { child } of workers) child.kill("SIGTERM");
      for (const { said } of workers) await said;
      await broker?.[Symbol.asyncDispose]();
    },
  };

  function env(): Readonly<Record<string, string>> {
    return broker === undefined ? {} : { CONVEYOR_ADDRESS: broker.address };
  }
}

/** The lines that a script promises: `console.log(job.state); // COMPLETED`. */
function promisedBy(source: string): readonly string[] {
  return [...source.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map(([, line = ""]) => line);
}
