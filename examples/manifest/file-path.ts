/**
 * A path as its bytes, one character a byte (latin1): names are bytes to the system, and such strings compare as their bytes do.
 */
export type BytePath = string;

/** A path in a message: as text, or raw where its bytes are not UTF-8. */
export interface WirePath {
  readonly path: string;
  readonly rawPath: Uint8Array;
}

const noBytes = new Uint8Array();

export function fromText(text: string): BytePath {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function toBytes(path: BytePath): Buffer {
  return Buffer.from(path, "latin1");
}

export function toWire(path: BytePath): WirePath {
  const bytes = toBytes(path);
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { path: text, rawPath: noBytes } : { path: "", rawPath: bytes };
}

export function fromWire({ path, rawPath }: WirePath): BytePath {
  return rawPath.length > 0 ? Buffer.from(rawPath).toString("latin1") : fromText(path);
}

/** The path of `name` in the folder; "." and "" are the root itself. */
export function below(folder: BytePath, name: BytePath): BytePath {
  return folder === "" || folder === "." ? name : `${folder}/${name}`;
}

/** The file that a path relative to `root` names, as the system takes it. */
export function absolute(root: string, path: BytePath): Buffer {
  return toBytes(below(fromText(root), path));
}

/** A path for people. */
export function shown(path: BytePath): string {
  return toBytes(path).toString("utf8");
}
