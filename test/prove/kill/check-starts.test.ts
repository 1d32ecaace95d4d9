import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AttemptOutcome, AttemptSchema, JobSchema } from "../../../gen/conveyor/v1/job_pb.ts";
import { checkStarts } from "./check-starts.ts";
import { grouped } from "./grouped.ts";
import type { Connection, End, Refusal } from "./ledger.ts";
import type { Kill } from "./schedule.ts";

const from = 1_800_000_000_000;
const lostWorker = "worker-1";

interface Planted {
  /** How the first attempt, claimed at 0 and given up at 40,000 ms, is recorded. */
  readonly recorded?: AttemptOutcome;
  readonly kills?: readonly Pick<Kill, "at" | "worker">[];
  readonly connections?: readonly (readonly [at: number, state: Connection["state"], worker?: string])[];
  readonly ends?: readonly Pick<End, "at" | "how">[];
  readonly refusals?: readonly Pick<Refusal, "at" | "code" | "attempt">[];
  /** Attempts that the ledgers saw start. */
  readonly started?: readonly number[];
}

test("kill proof / accepts a second start after a killed worker", () => {
  const { findings, afterKilledWorker } = verdict({ kills: [{ at: 10_000, worker: lostWorker }] });
  assert.deepEqual(findings, []);
  assert.equal(afterKilledWorker, 1);
});

test("kill proof / accepts a second start when the cut worker was told so, or still was away", () => {
  const cut = ["connected", "disconnected"] as const;
  const away = [[-1_000, cut[0]] as const, [5_000, cut[1]] as const];
  for (const planted of [
    { connections: away },
    { connections: [...away, [41_000, "connected"] as const], ends: [{ at: 41_000, how: "lost" as const }] },
    {
      connections: [...away, [39_000, "connected"] as const],
      refusals: [{ at: 41_000, code: "LEASE_LOST", attempt: 1 }],
    },
  ]) {
    const { findings, afterCutSession } = verdict(planted);
    assert.deepEqual(findings, []);
    assert.equal(afterCutSession, 1);
  }
});

test("kill proof / names a second start that nothing in the worker's own ledger explains", () => {
  const connected = [[-1_000, "connected"]] as const;
  const back = [...connected, [5_000, "disconnected"], [6_000, "connected"]] as const;
  for (const [why, planted] of Object.entries<Planted>({
    "only a broker was killed": { kills: [{ at: 39_000, worker: "" }], connections: connected },
    "another worker was killed": { kills: [{ at: 39_000, worker: "worker-9" }], connections: connected },
    "it was killed before the claim": { kills: [{ at: -1, worker: lostWorker }], connections: connected },
    "it was killed after the lease was given up": {
      kills: [{ at: 40_001, worker: lostWorker }],
      connections: connected,
    },
    "it was cut off and came back in time": { connections: back },
    "it was cut off before the claim": { connections: [[-2_000, "disconnected"], ...connected] },
    "it was cut off afterwards": { connections: [...connected, [40_001, "disconnected"]] },
    "another worker was cut off": { connections: [...connected, [5_000, "disconnected", "worker-9"]] },
    "it was told so and never cut off": { connections: connected, ends: [{ at: 41_000, how: "lost" }] },
    "its handler was aborted for another reason": { connections: back, ends: [{ at: 41_000, how: "aborted" }] },
    "the refusal is of another attempt": {
      connections: back,
      refusals: [{ at: 41_000, code: "LEASE_LOST", attempt: 2 }],
    },
    "the refusal has another reason": {
      connections: back,
      refusals: [{ at: 41_000, code: "RESULT_CONFLICT", attempt: 1 }],
    },
  })) {
    const { findings } = verdict(planted);
    assert.deepEqual(
      findings.map((finding) => finding.kind),
      ["unmatched start"],
      why,
    );
  }
});

test("kill proof / names a start twice in one lease, one without a history, and one after an accepted success", () => {
  const killed = { kills: [{ at: 10_000, worker: lostWorker }] };
  assert.equal(verdict({ ...killed, started: [1, 1, 2] }).findings.length, 1);
  assert.equal(verdict({ ...killed, started: [1, 2, 3] }).findings.length, 1);
  assert.equal(verdict({ ...killed, recorded: AttemptOutcome.SUCCEEDED }).findings.length, 1);
});

function verdict({
  recorded = AttemptOutcome.CRASHED,
  kills = [],
  connections = [],
  ends = [],
  refusals = [],
  started = [1, 2],
}: Planted) {
  const jobId = "job";
  const time = (ms: number) => timestampFromMs(from + ms);
  const attempts = [
    create(AttemptSchema, {
      number: 1,
      worker: lostWorker,
      outcome: recorded,
      claimTime: time(0),
      endTime: time(40_000),
    }),
    create(AttemptSchema, {
      number: 2,
      worker: "worker-2",
      outcome: AttemptOutcome.SUCCEEDED,
      claimTime: time(40_100),
      endTime: time(40_200),
    }),
  ];
  const workerOf = (attempt: number) => (attempt === 1 ? lostWorker : "worker-2");
  const lines = connections.map(
    ([at, state, worker = lostWorker]): Connection => ({ what: "connection", at: from + at, worker, state }),
  );
  return checkStarts({
    jobs: new Map([[jobId, create(JobSchema, { id: jobId, attempt: 2, attempts })]]),
    starts: new Map([
      [
        jobId,
        started.map((attempt) => ({
          what: "start",
          at: from + attempt,
          jobId,
          attempt,
          worker: workerOf(attempt),
          heir: false,
        })),
      ],
    ]),
    ends: new Map([
      [jobId, ends.map((end) => ({ ...end, what: "end", at: from + end.at, jobId, attempt: 1, worker: lostWorker }))],
    ]),
    refusals: refusals.map((each) => ({
      ...each,
      what: "refusal",
      at: from + each.at,
      jobId,
      worker: lostWorker,
      text: "",
    })),
    connections: grouped(lines, (line) => line.worker),
    kills: kills.map((kill) => ({
      what: kill.worker === "" ? "broker" : "worker",
      ...kill,
      at: from + kill.at,
      until: from + kill.at,
    })),
  });
}
