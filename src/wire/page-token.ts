import { createHash } from "node:crypto";
import { ConveyorError } from "../core/errors.ts";

const bindingBytes = 12;
const tokenCharsMax = 4_096;

/** A text as an opaque token that only goes with the same request, `binding`. */
export function sealToken(text: string, binding: string): string {
  return Buffer.concat([digestOf(text, binding), Buffer.from(text, "utf8")]).toString("base64url");
}

/** The text inside a token; undefined when the token is of another request, or none at all. */
export function openToken(token: string, binding: string): string | undefined {
  const bytes = token.length > tokenCharsMax ? Buffer.alloc(0) : Buffer.from(token, "base64url");
  const text = bytes.toString("utf8", bindingBytes);
  const fits = bytes.byteLength >= bindingBytes && digestOf(text, binding).equals(bytes.subarray(0, bindingBytes));
  return fits ? text : undefined;
}

/** A store's cursor as a page token that only goes with the same request (`filter`: its text without size and token); empty for no cursor. */
export function pageTokenOf(cursor: string | undefined, filter: string): string {
  return cursor === undefined ? "" : sealToken(cursor, filter);
}

/** The cursor inside a page token; undefined for the first page, BAD_TOKEN for one of another request or no token at all. */
export function cursorOf(token: string, filter: string): string | undefined {
  if (token === "") return undefined;
  const cursor = openToken(token, filter);
  if (cursor !== undefined) return cursor;
  const problem = "it is no next_page_token of this request; repeat the request without it";
  throw new ConveyorError("BAD_TOKEN", `page_token: ${problem}`, {
    details: { fields: [{ path: "page_token", problem }] },
  });
}

function digestOf(text: string, binding: string): Buffer {
  return createHash("sha256").update(`${binding}\n${text}`).digest().subarray(0, bindingBytes);
}
