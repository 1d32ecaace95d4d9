import { readFile } from "node:fs/promises";

/** The version of this package; "unknown" where its package.json is not beside the code. */
export async function readVersion(): Promise<string> {
  // Two folders up in the repository, three in the published package, whose code lies below dist.
  for (const place of ["../../package.json", "../../../package.json"]) {
    try {
      const json: unknown = JSON.parse(await readFile(new URL(place, import.meta.url), "utf8"));
      if (typeof json === "object" && json !== null && "version" in json) return String(json.version);
    } catch {
      // The next place may have it.
    }
  }
  return "unknown";
}
