import type { Retention } from "../../core/job.ts";
import type { LeaseId, SessionId } from "../../core/names.ts";
import type { PromoteAnswer, ReapAnswer, UpkeepAnswer } from "../effects.ts";
import type { Connection } from "./connection.ts";
import { decodeEffects, type EncodedEffects } from "./effects.ts";
import type { WriteDefaults } from "./write-defaults.ts";

interface UpkeepSaid {
  /** Rows worked on. */
  readonly n: number;
  readonly more: boolean;
  readonly e: EncodedEffects;
}

interface PromoteSaid extends UpkeepSaid {
  readonly next: number | null;
}

interface ReapSaid extends UpkeepSaid {
  readonly sessions: readonly SessionId[];
  readonly taken: readonly (readonly [sessionId: SessionId, leaseId: LeaseId])[];
}

interface ReapRequest {
  readonly max: number;
  readonly bufferedMsMax: number;
  readonly jitter: number;
}

export async function promote(connection: Connection, max: number): Promise<PromoteAnswer> {
  const said = await upkeep<PromoteSaid>(connection, "promote($1, $2)", [max]);
  return { ...answerOf(said), nextInMs: said.next ?? undefined };
}

export async function propagate(connection: Connection, max: number): Promise<UpkeepAnswer> {
  return answerOf(await upkeep(connection, "propagate($1, $2)", [max]));
}

export async function cascade(connection: Connection, max: number): Promise<UpkeepAnswer> {
  return answerOf(await upkeep(connection, "cascade($1, $2)", [max]));
}

export async function expand(connection: Connection, max: number): Promise<UpkeepAnswer> {
  return answerOf(await upkeep(connection, "expand($1, $2)", [max]));
}

export async function prune(connection: Connection, retention: Retention, max: number): Promise<UpkeepAnswer> {
  return answerOf(await upkeep(connection, "prune($1, $2, $3)", [JSON.stringify(retention), max]));
}

export async function reap(
  connection: Connection,
  { encoded }: WriteDefaults,
  { max, bufferedMsMax, jitter }: ReapRequest,
): Promise<ReapAnswer> {
  const call = "reap($1, $2, $3, $4, $5)";
  const said = await upkeep<ReapSaid>(connection, call, [encoded, max, bufferedMsMax, jitter]);
  const taken = said.taken.map(([sessionId, leaseId]) => ({ sessionId, leaseId }));
  return { ...answerOf(said), sessions: said.sessions, taken };
}

/** One step of a function of functions/09-upkeep.sql, 10-reap.sql, 13-cascade.sql, 18-expand.sql or 19-prune.sql; its first parameter is the time. */
async function upkeep<Said extends UpkeepSaid>(
  connection: Connection,
  call: string,
  values: readonly (string | number)[],
): Promise<Said> {
  const [row] = await connection.write<{ readonly said: Said }>(() => ({
    text: `SELECT ${connection.schema}.${call} AS said`,
    values: [connection.nowMs(), ...values],
  }));
  if (row === undefined) throw new Error(`${call} answered nothing`);
  return row.said;
}

function answerOf({ n, more, e }: UpkeepSaid): UpkeepAnswer {
  return { count: n, more, effects: decodeEffects(e) };
}
