import { ConveyorError } from "./errors.ts";
import { limits } from "./limits.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type JobId = Branded<"JobId">;
export type LeaseId = Branded<"LeaseId">;
export type SessionId = Branded<"SessionId">;
export type QueueName = Branded<"QueueName">;
/** Full name of a protobuf message. */
export type TypeName = Branded<"TypeName">;

const queuePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const typePattern = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const printable = /^[\x20-\x7e]+$/;
const typeCharsMax = 512;

/** The default queue of a type that names none. */
export const defaultQueue: QueueName = "default" as QueueName;

/** The root type that no worker runs. */
export const groupType: TypeName = "conveyor.v1.Group" as TypeName;

/** Accepts `[a-z0-9][a-z0-9._-]{0,99}`, else throws INVALID_NAME. */
export function parseQueueName(text: string, path = "queue"): QueueName {
  if (!queuePattern.test(text))
    throw invalidName(
      path,
      "a queue name is 1 to 100 of a-z, 0-9, '.', '_', '-', and starts with a letter or digit",
      text,
    );
  return text as QueueName;
}

/** Accepts the full name of a protobuf message, else throws INVALID_NAME. */
export function parseTypeName(text: string, path = "type"): TypeName {
  if (text.length > typeCharsMax || !typePattern.test(text))
    throw invalidName(path, "a job type is the full name of a protobuf message, such as mail.v1.SendEmail", text);
  return text as TypeName;
}

/** Accepts 1 to 128 printable ASCII characters, else throws INVALID_NAME. */
export function parseJobId(text: string, path = "id"): JobId {
  return parsePrintable(text, path, "a job id") as JobId;
}

/** Accepts 1 to 128 printable ASCII characters, else throws INVALID_NAME. */
export function parsePrintable(text: string, path: string, what: string): string {
  if (text.length > limits.idCharsMax || !printable.test(text))
    throw invalidName(path, `${what} is 1 to ${limits.idCharsMax} printable ASCII characters`, text);
  return text;
}

function invalidName(path: string, rule: string, text: string): ConveyorError {
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  return new ConveyorError("INVALID_NAME", `${path}: ${rule}; got ${shown}`, {
    details: { fields: [{ path, problem: rule }] },
  });
}
