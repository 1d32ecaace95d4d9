import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Argument, Client, Reply } from "./client.ts";
import type { ScriptName } from "./connection.ts";
import { scriptPieces } from "./script-pieces.ts";
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
    const source = scriptPieces[name].map(readPiece).join("\n");
    const script = { source, sha: createHash("sha1").update(source).digest("hex") };
    this.#known.set(name, script);
    return script;
  }
}

const moduleEnd = /\nreturn ([A-Z][A-Za-z, ]*)\n$/;

/** A piece that ends by returning names is a module: what else is local in it is its own, since a script has room for 200 names. */
function readPiece(piece: string): string {
  const source = readFileSync(new URL(`./lua/${piece}.lua`, import.meta.url), "utf8");
  const names = moduleEnd.exec(source)?.[1];
  return names === undefined ? source : `local ${names} = (function()\n${source}end)()\n`;
}
