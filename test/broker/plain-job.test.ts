import assert from "node:assert/strict";
import { test } from "node:test";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { startWorld } from "./world.ts";

test("broker / a plain job goes from enqueue over a worker to completed", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const job = await call.enqueueChore("sweep");
  const [delivery] = await at.deliveries(1);
  assert.equal(delivery?.jobId, job.id);
  assert.equal(delivery?.attempt, 1);
  at.result({ leaseId: delivery?.leaseId ?? "", outcome: { case: "success", value: {} } });
  const [ack] = await at.acks(1);
  assert.equal(ack?.state, JobState.COMPLETED);
  assert.equal(ack?.error, undefined);
  const waited = await call.waitJob(job.id);
  assert.equal(waited.reached, true);
  assert.equal(waited.job?.state, JobState.COMPLETED);
  assert.equal(waited.job?.attempts.length, 1);
});
