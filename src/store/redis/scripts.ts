import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Client, Reply } from "./client.ts";
import type { ScriptCall } from "./connection.ts";
import { answerCode } from "./storage-error.ts";

interface Script {
  readonly source: string;
  readonly sha: string;
}

/** The scripts beside this file, each read at its first use: what `prelude.lua` defines stands before each. */
export class Scripts {
  readonly #known = new Map<string, Script>();
  #prelude: string | undefined;

  /** Runs it on the server by its hash, or with its text where the server does not have it. */
  async run(client: Client, { script, keys, args }: ScriptCall): Promise<Reply> {
    const { sha, source } = this.#script(script);
    try {
      return await client.call("EVALSHA", sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (answerCode(error) !== "NOSCRIPT") throw error;
      return client.call("EVAL", source, keys.length, ...keys, ...args);
    }
  }

  #script(name: string): Script {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    this.#prelude ??= readFileSync(new URL("./lua/prelude.lua", import.meta.url), "utf8");
    const source = this.#prelude + readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");
    const script = { source, sha: createHash("sha1").update(source).digest("hex") };
    this.#known.set(name, script);
    return script;
  }
}
