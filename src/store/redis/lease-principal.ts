import type { LeaseId } from "../../core/names.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { bytesOf, listOf, textOf, unpack } from "./msgpack.ts";
import { leasePlace } from "./shards.ts";

/** Who opened the session that the lease was given to; names of sessions stay when they end. */
export async function leasePrincipal(connection: Connection, leaseId: LeaseId): Promise<string | undefined> {
  const place = leasePlace(leaseId, connection.shards);
  if (place === undefined) return undefined;
  const answer = await ask(connection, place.shard, "lease", [place.job, place.nonce]);
  if (answer === false) return undefined;
  const [, principal] = listOf(unpack(bytesOf(answer)));
  return textOf(principal);
}
