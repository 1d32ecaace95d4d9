import { createHash } from "node:crypto";
import { ConveyorError } from "../core/errors.ts";

const bindingBytes = 12;
const tokenCharsMax = 4_096;

/** A store's cursor as a page token that only goes with the same request (`filter`: its text without size and token); empty for no cursor. */
export function pageTokenOf(cursor: string | undefined, filter: string): string {
  if (cursor === undefined) return "";
  return Buffer.concat([bindingOf(cursor, filter), Buffer.from(cursor, "utf8")]).toString("base64url");
}

/** The cursor inside a page token; undefined for the first page, BAD_TOKEN for one of another request or no token at all. */
export function cursorOf(token: string, filter: string): string | undefined {
  if (token === "") return undefined;
  const bytes = token.length > tokenCharsMax ? Buffer.alloc(0) : Buffer.from(token, "base64url");
  const cursor = bytes.toString("utf8", bindingBytes);
  if (bytes.byteLength >= bindingBytes && bindingOf(cursor, filter).equals(bytes.subarray(0, bindingBytes)))
    return cursor;
  const problem = "it is no next_page_token of this request; repeat the request without it";
  throw new ConveyorError("BAD_TOKEN", `page_token: ${problem}`, {
    details: { fields: [{ path: "page_token", problem }] },
  });
}

function bindingOf(cursor: string, filter: string): Buffer {
  return createHash("sha256").update(`${filter}\n${cursor}`).digest().subarray(0, bindingBytes);
}
