import { createHash } from "node:crypto";
import type { Argument, Client, Reply } from "./client.ts";
import type { ScriptName } from "./connection.ts";
import { scriptSource } from "./script-pieces.ts";
import { answerCode } from "./storage-error.ts";

interface Script {
  readonly source: string;
  readonly sha: string;
}

/** The scripts of `lua/`, each put together from its pieces at its first use. */
export class Scripts {
  readonly #known = new Map<ScriptName, Script>();

  /** Runs it on the server by its hash, or with its text where the server does not have it. */
  async run(client: Client, name: ScriptName, key: string, args: readonly Argument[]): Promise<Reply> {
    const { sha, source } = this.#script(name);
    try {
      return await client.call("EVALSHA", sha, 1, key, ...args);
    } catch (error) {
      if (answerCode(error) !== "NOSCRIPT") throw error;
      return client.call("EVAL", source, 1, key, ...args);
    }
  }

  #script(name: ScriptName): Script {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const source = scriptSource(name);
    const script = { source, sha: createHash("sha1").update(source).digest("hex") };
    this.#known.set(name, script);
    return script;
  }
}
