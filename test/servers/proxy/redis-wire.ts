import { createHash } from "node:crypto";
import { readPieces, type Wire, type WireRequest } from "./wire.ts";

const lineEnd = "\r\n";
/**
 * Source: the Redis serialization protocol, versions 2 and 3. A request is an array of strings, a reply any value. Its kind is
 * what `nameOf` says of the hash of the script that it runs.
 */
export function redisWire(nameOf: (sha: string) => string | undefined): Wire {
  return {
    requests: () =>
      readPieces(
        (held) => valueEnd(held, 0),
        (bytes): WireRequest => {
          const sha = scriptOf(bytes);
          return { kind: sha === undefined ? undefined : nameOf(sha), bytes, hasReply: true };
        },
      ),
    replies: () =>
      readPieces(
        (held) => valueEnd(held, 0),
        (bytes) => bytes,
      ),
    isDeferred: (reply) => reply.toString("latin1", 0, 9) === "-NOSCRIPT",
  };
}

/** The hash of the script that a request runs. */
function scriptOf(bytes: Buffer): string | undefined {
  const command = stringOf(bytes, 0)?.toLowerCase();
  if (command !== "evalsha" && command !== "eval") return undefined;
  const script = stringOf(bytes, 1) ?? "";
  return command === "evalsha" ? script : createHash("sha1").update(script, "latin1").digest("hex");
}

/** The string at an index of a request. */
function stringOf(bytes: Buffer, index: number): string | undefined {
  let at = bytes.indexOf(lineEnd) + 2;
  for (let left = index; left > 0; left -= 1) at = valueEnd(bytes, at) ?? at;
  const end = valueEnd(bytes, at);
  return end === undefined ? undefined : bytes.toString("latin1", bytes.indexOf(lineEnd, at) + 2, end - 2);
}

/** The offset behind the value that begins at `start`; undefined: it is not whole. */
function valueEnd(held: Buffer, start: number): number | undefined {
  const line = held.indexOf(lineEnd, start);
  if (line === -1) return undefined;
  const after = line + 2;
  const type = String.fromCharCode(held[start] ?? 0);
  const size = Number(held.toString("latin1", start + 1, line));
  switch (type) {
    case "$":
    case "=":
    case "!": {
      const end = size < 0 ? after : after + size + 2;
      return end <= held.length ? end : undefined;
    }
    case "*":
    case "~":
    case ">":
      return endOfAll(held, after, Math.max(0, size));
    case "%":
      return endOfAll(held, after, 2 * size);
    default:
      return after;
  }
}

function endOfAll(held: Buffer, start: number, count: number): number | undefined {
  let at: number | undefined = start;
  for (let left = count; left > 0 && at !== undefined; left -= 1) at = valueEnd(held, at);
  return at;
}
