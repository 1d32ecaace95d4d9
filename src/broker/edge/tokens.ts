import { createHash, createHmac, randomBytes } from "node:crypto";
import { ConveyorError } from "../../core/errors.ts";
import { isToken } from "../../wire/bearer.ts";

/** The tokens of a broker, by hash: what a token was cannot be read out of them. */
export interface Tokens {
  /** Whose a token is; undefined: nobody's. Takes as long for one that is almost right as for any other. */
  principalOf(token: string): string | undefined;
  /** Everybody who has a token. */
  readonly principals: readonly string[];
  /** Whether the file holds a token itself, not only hashes. */
  readonly holdsPlain: boolean;
}

const tokensMax = 10_000;
/** Fewer characters could be guessed, or looked up in a table of hashes. */
const tokenCharactersMin = 16;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@/-]{0,127}$/;

/**
 * Reads a token file: one `name:token` or `name:sha256:HEX` a line, several lines for one name, `#` begins a comment line. Throws
 * TOKENS_INVALID with every wrong line by number and never what stands in it.
 */
export function parseTokens(text: string, path: string): Tokens {
  const hashes = new Map<string, { readonly name: string; readonly line: number }>();
  const problems: string[] = [];
  let holdsPlain = false;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const entry = raw.trim();
    if (entry === "" || entry.startsWith("#")) continue;
    const line = index + 1;
    const read = readEntry(entry);
    const before = "hash" in read ? hashes.get(read.hash) : undefined;
    if ("problem" in read) problems.push(`line ${line}: ${read.problem}`);
    else if (before !== undefined) problems.push(`line ${line}: it is the same token as in line ${before.line}`);
    else hashes.set(read.hash, { name: read.name, line });
    holdsPlain ||= "isPlain" in read && read.isPlain;
  }
  if (problems.length === 0 && hashes.size === 0) problems.push("it holds no token, so nobody could call");
  if (hashes.size > tokensMax) problems.push(`it holds ${hashes.size} tokens, at most ${tokensMax} are taken`);
  if (problems.length > 0) throw unusable(path, problems);
  return { ...indexed(hashes), holdsPlain };
}

type Entry = { readonly problem: string } | { readonly name: string; readonly hash: string; readonly isPlain: boolean };

function readEntry(entry: string): Entry {
  const colon = entry.indexOf(":");
  if (colon < 0) return { problem: "there is no colon; write name:token or name:sha256:HEX" };
  const name = entry.slice(0, colon).trim();
  const secret = entry.slice(colon + 1).trim();
  if (!namePattern.test(name)) {
    return { problem: "before the colon stands a name of letters, digits and . _ @ / -, at most 128 characters" };
  }
  const [, hex] = /^sha256:(.*)$/i.exec(secret) ?? [];
  if (hex !== undefined) {
    if (!/^[0-9a-f]{64}$/i.test(hex))
      return { problem: "after sha256: stand the 64 hexadecimal digits of a token's hash" };
    return { name, hash: hex.toLowerCase(), isPlain: false };
  }
  if (!isToken(secret)) return { problem: "a token has letters, digits and the signs . _ ~ + / - = only" };
  if (secret.length < tokenCharactersMin) {
    return { problem: `a token has at least ${tokenCharactersMin} characters; take 32 random bytes or more` };
  }
  return { name, hash: hashOf(secret), isPlain: true };
}

/** Looked up by a keyed hash: how long the look-up takes tells nothing about the hashes that are there. */
function indexed(hashes: ReadonlyMap<string, { readonly name: string }>): Omit<Tokens, "holdsPlain"> {
  const key = randomBytes(32);
  const keyed = (hash: string) => createHmac("sha256", key).update(hash).digest("base64");
  const names = new Map([...hashes].map(([hash, { name }]) => [keyed(hash), name]));
  return { principalOf: (token) => names.get(keyed(hashOf(token))), principals: [...new Set(names.values())] };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

const problemsShown = 5;

function unusable(path: string, problems: readonly string[]): ConveyorError {
  const more = problems.length > problemsShown ? [`and ${problems.length - problemsShown} more`] : [];
  const shown = [...problems.slice(0, problemsShown), ...more].join("; ");
  return new ConveyorError("TOKENS_INVALID", `the token file ${path} cannot be used: ${shown}`);
}
