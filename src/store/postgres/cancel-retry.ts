import type { RetryRefusal } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { CancelAnswer, CancelAnswers, CancelItem, RetryAnswer, RetryAnswers, RetryItem } from "../change.ts";
import { stateOf } from "../codes.ts";
import type { Connection, Value } from "./connection.ts";
import { decodeEffects, type EncodedEffects } from "./effects.ts";
import { integerMax } from "./integer-max.ts";

/** What a function answers: per item null (missing) or its tuple, and the effects. */
interface Said<Tuple> {
  readonly a: readonly (Tuple | null)[];
  readonly e: EncodedEffects;
}

type CancelTuple = readonly [state: number, changed: boolean];
type RetryTuple =
  | readonly [kind: "retried" | "unchanged", state: number, epoch: number]
  | readonly [kind: "refused", why: RetryRefusal, state: number, blocker: JobId | null];

export async function cancel(connection: Connection, items: readonly CancelItem[]): Promise<CancelAnswers> {
  const heirs = items.map(({ includeHeirs }) => (includeHeirs ? "true" : "false"));
  const said = await ask<CancelTuple>(connection, "cancel_jobs", [idsOf(items), heirs]);
  return { answers: said.a.map(decodeCancel), effects: decodeEffects(said.e) };
}

export async function retry(connection: Connection, items: readonly RetryItem[]): Promise<RetryAnswers> {
  const epochs = items.map(({ expectedEpoch }) =>
    expectedEpoch === undefined ? null : Math.min(expectedEpoch, integerMax),
  );
  const said = await ask<RetryTuple>(connection, "retry_jobs", [idsOf(items), epochs]);
  return { answers: said.a.map(decodeRetry), effects: decodeEffects(said.e) };
}

function idsOf(items: readonly { readonly id: JobId }[]): readonly string[] {
  return items.map(({ id }) => id);
}

async function ask<Tuple>(connection: Connection, name: string, values: readonly Value[]): Promise<Said<Tuple>> {
  const [row] = await connection.write<{ readonly said: Said<Tuple> }>(() => ({
    text: `SELECT ${connection.schema}.${name}($1, $2, $3) AS said`,
    values: [connection.nowMs(), ...values],
  }));
  if (row === undefined) throw new Error(`${name} answered nothing`);
  return row.said;
}

function decodeCancel(tuple: CancelTuple | null): CancelAnswer {
  if (tuple === null) return { kind: "missing" };
  const [state, changed] = tuple;
  return { kind: "cancelled", state: stateOf(state), changed };
}

function decodeRetry(tuple: RetryTuple | null): RetryAnswer {
  if (tuple === null) return { kind: "missing" };
  if (tuple[0] === "refused") {
    const [kind, why, state, blocker] = tuple;
    return { kind, why, state: stateOf(state), blocker: blocker ?? undefined };
  }
  const [kind, state, epoch] = tuple;
  return { kind, state: stateOf(state), epoch };
}
