import { readPieces, type Wire, type WireRequest } from "./wire.ts";

// Source: PostgreSQL's documentation, "Message Formats". After the first packet each message is a type byte and a length
// that counts itself.
const typeByte = 1;
const query = "Q".charCodeAt(0);
const parse = "P".charCodeAt(0);
const sync = "S".charCodeAt(0);
const terminate = "X".charCodeAt(0);
const password = "p".charCodeAt(0);
const readyForQuery = "Z".charCodeAt(0);

/** A request ends with Sync, Query or Terminate, its reply with ReadyForQuery; the start of a connection is one request. */
export const postgresWire: Wire = {
  requests() {
    let hasStarted = false;
    return readPieces(
      (held) => {
        if (hasStarted) return endAfter(held, [query, sync, terminate, password]);
        return held.length >= 4 && held.length >= held.readInt32BE(0) ? held.readInt32BE(0) : undefined;
      },
      (bytes) => {
        if (hasStarted) return request(bytes);
        hasStarted = true;
        return { kind: undefined, bytes, hasReply: true };
      },
    );
  },
  replies: () =>
    readPieces(
      (held) => endAfter(held, [readyForQuery]),
      (bytes) => bytes,
    ),
  isDeferred: () => false,
};

function request(bytes: Buffer): WireRequest {
  const type = bytes[0];
  if (type === terminate || type === password) return { kind: undefined, bytes, hasReply: false };
  if (type === query) return { kind: kindOf(textAt(bytes, 5)), bytes, hasReply: true };
  // Parse: the statement's name, then its text.
  const text = type === parse ? textAt(bytes, 5 + textAt(bytes, 5).length + 1) : "";
  return { kind: kindOf(text), bytes, hasReply: true };
}

/** The function that a statement calls, else what it does to which table; undefined for what sets up a connection. */
function kindOf(statement: string): string | undefined {
  const word = /[a-z]+/i.exec(statement)?.[0].toLowerCase() ?? "nothing";
  if (settingUp.includes(word)) return undefined;
  const [, called] = /"?\w+"?\."?([a-z_]\w*)"?\s*\(/i.exec(statement) ?? [];
  if (called !== undefined) return called.toLowerCase();
  const [, table] = /\b(?:from|update|into)\s+(?:"?\w+"?\.)?"?([a-z_]\w*)/i.exec(statement) ?? [];
  if (table === undefined) return word;
  return /^pg_/i.test(table) ? undefined : `${word} ${table.toLowerCase()}`;
}

const settingUp: readonly string[] = [
  "begin",
  "commit",
  "create",
  "listen",
  "notify",
  "reset",
  "rollback",
  "set",
  "show",
  "unlisten",
];

function textAt(bytes: Buffer, start: number): string {
  return bytes.toString("utf8", start, bytes.indexOf(0, start));
}

/** The offset behind the first whole message of one of these types. */
function endAfter(held: Buffer, types: readonly number[]): number | undefined {
  for (let at = 0; at + typeByte + 4 <= held.length; ) {
    const end = at + typeByte + held.readInt32BE(at + typeByte);
    if (end > held.length) return undefined;
    if (types.includes(held[at] ?? 0)) return end;
    at = end;
  }
  return undefined;
}
