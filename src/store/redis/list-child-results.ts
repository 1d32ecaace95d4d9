import type { LeaseId, TypeName } from "../../core/names.ts";
import { isTerminalCode, reasonOf, stateOf } from "../codes.ts";
import type { ChildFilter, ChildResultRecord, Page, PageRequest } from "../query.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { parseCursor } from "./cursor.ts";
import { errorOf, resultOf } from "./job-record.ts";
import { bytesOf, listOf, numberOf, textOf, type Unpacked } from "./msgpack.ts";
import { readRecord } from "./record.ts";
import { leasePlace } from "./shards.ts";

/** The children beside the heir that holds this live lease, in declaration order. */
export async function listChildResults(
  connection: Connection,
  request: { readonly leaseId: LeaseId; readonly filter: ChildFilter; readonly page: PageRequest },
): Promise<Page<ChildResultRecord> | undefined> {
  const { leaseId, filter, page } = request;
  const place = leasePlace(leaseId, connection.shards);
  if (place === undefined) return undefined;
  const [seen = 0] = page.cursor === undefined ? [] : parseCursor(page.cursor);
  const bytesMax = Number.isFinite(filter.bytesMax) ? filter.bytesMax : -1;
  const completedOnly = filter.completedOnly ? 1 : 0;
  const asked = [place.job, place.nonce, filter.type ?? false, completedOnly, seen, page.size, bytesMax];
  const answer = await ask(connection, place.shard, "children", asked);
  if (answer === false) return undefined;
  const [rows, next] = listOf(answer);
  return { items: listOf(rows).map(recordOf), cursor: numberOf(next) < 0 ? undefined : String(next) };
}

function recordOf(row: Unpacked): ChildResultRecord {
  const [bytes, key, type, result, failure] = listOf(row);
  const record = readRecord(bytesOf(bytes));
  return {
    jobId: record.id,
    // Names were checked before they were stored.
    type: textOf(type) as TypeName,
    key: textOf(key),
    state: stateOf(record.state),
    reason: isTerminalCode(record.state) ? reasonOf(record.reason) : undefined,
    result: resultOf(result),
    error: failure === false || failure === undefined ? undefined : errorOf(failure),
  };
}
