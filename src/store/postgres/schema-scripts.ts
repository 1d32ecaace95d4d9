import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** A piece of SQL that is installed once; it names no schema. */
export interface SchemaScript {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text, hex. */
  readonly checksum: string;
}

/** The changes of the tables, in order: `migrations/0001-tables.sql` and what followed it. */
export function migrationScripts(): readonly SchemaScript[] {
  return filesIn("migrations").map(({ name, text }, index) => {
    const number = Number.parseInt(name, 10);
    if (number !== index + 1) throw new Error(`the migration ${name} has not the number ${index + 1}`);
    return { number, name: name.replace(/\.sql$/, ""), text, checksum: checksumOf(text) };
  });
}

/** All functions as one piece: they replace those of before, and what was granted on those stays. */
export function functionScript(): SchemaScript {
  const text = filesIn("functions")
    .map((file) => file.text)
    .join("\n");
  return { number: 0, name: "functions", text, checksum: checksumOf(text) };
}

function filesIn(folder: "migrations" | "functions"): readonly { readonly name: string; readonly text: string }[] {
  const url = new URL(folder === "migrations" ? "./migrations/" : "./functions/", import.meta.url);
  const names = readdirSync(url).filter((name) => name.endsWith(".sql"));
  return names.sort().map((name) => ({ name, text: readFileSync(new URL(name, url), "utf8") }));
}

function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
