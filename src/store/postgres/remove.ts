import type { JobId } from "../../core/names.ts";
import type { RemoveAnswer } from "../change.ts";
import { stateOf } from "../codes.ts";
import type { Connection } from "./connection.ts";

/** What the function answers of one root; null: missing. */
type Said =
  | { readonly open: number }
  | { readonly below: JobId }
  | { readonly n: number; readonly more: boolean }
  | null;

export async function remove(
  connection: Connection,
  roots: readonly JobId[],
  max: number,
): Promise<readonly RemoveAnswer[]> {
  const [row] = await connection.write<{ readonly said: readonly Said[] }>(() => ({
    text: `SELECT ${connection.schema}.remove_chains($1, $2, $3) AS said`,
    values: [connection.nowMs(), roots, max],
  }));
  if (row === undefined) throw new Error("remove_chains answered nothing");
  return row.said.map(decode);
}

function decode(said: Said): RemoveAnswer {
  if (said === null) return { kind: "missing" };
  if ("open" in said) return { kind: "open", state: stateOf(said.open) };
  if ("below" in said) return { kind: "below", rootId: said.below };
  return { kind: "removed", count: said.n, more: said.more };
}
