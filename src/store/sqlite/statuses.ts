import type { JobId } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { JobStatus } from "../query.ts";
import type { Reading } from "./transactions.ts";

const selectStatus = "SELECT state, ran_at IS NOT NULL, version FROM job WHERE id = ''||?";

export function getStatuses(reading: Reading, ids: readonly JobId[]): readonly (JobStatus | undefined)[] {
  return ids.map((id) => {
    const [state, ran, version] = reading.sql.tuple<[number, number, number]>(selectStatus, id) ?? [];
    return state === undefined || version === undefined
      ? undefined
      : { state: stateOf(state), ran: ran === 1, version };
  });
}
