import type { JobId } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { JobStatus } from "../store.ts";
import type { Reading } from "./transactions.ts";

const selectStatus = "SELECT state, ran_at IS NOT NULL FROM job WHERE id = ''||?";

export function getStatuses(reading: Reading, ids: readonly JobId[]): readonly (JobStatus | undefined)[] {
  return ids.map((id) => {
    const [state, ran] = reading.sql.tuple<[number, number]>(selectStatus, id) ?? [];
    return state === undefined ? undefined : { state: stateOf(state), ran: ran === 1 };
  });
}
