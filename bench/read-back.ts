import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { AttemptOutcome, JobRole, JobState } from "../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../gen/conveyor/v1/job_service_pb.ts";
import { QueueService } from "../gen/conveyor/v1/queue_service_pb.ts";
import { EmailSentSchema } from "../gen/shop/v1/shop_pb.ts";
import type { Caller } from "../test/prove/process/caller.ts";
import { jobIdOf, payloadOf } from "./prefill.ts";

/** Asserts that a drained job has all that a user would look for: a rate that costs history or counts is no rate. */
export async function checkOneJob(caller: Caller, count: number): Promise<void> {
  const number = count - 1;
  const { job } = await caller.call(JobService.method.getJob, { id: jobIdOf(number) });
  assert.ok(job);
  assert.equal(job.state, JobState.COMPLETED);
  assert.equal(job.type, "shop.v1.SendEmail");
  assert.equal(job.queue, "mail");
  assert.equal(job.role, JobRole.ROOT);
  assert.equal(job.rootId, job.id);
  assert.deepEqual([...(job.payload?.value ?? [])], [...payloadOf(number).value]);
  assert.equal(Number(job.payloadBytes), job.payload?.value.length);
  assert.ok(job.result);
  assert.equal(fromBinary(EmailSentSchema, job.result.value).messageId, `${number}@example.com`);
  assert.ok(job.createTime && job.updateTime && job.runTime && job.runEndTime && job.finishTime);
  assert.ok(job.version > 1n);
  assert.equal(job.attempt, 1);
  assert.equal(job.attempts.length, 1);
  const [attempt] = job.attempts;
  assert.equal(attempt?.outcome, AttemptOutcome.SUCCEEDED);
  assert.equal(attempt?.number, 1);
  assert.equal(attempt?.worker, "bench");
  assert.ok(attempt?.sessionId && attempt.claimTime && attempt.endTime);
  const { queue } = await caller.call(QueueService.method.getQueue, { name: "mail" });
  assert.deepEqual(
    queue?.counts.map((each) => [each.state, Number(each.count)]),
    [[JobState.COMPLETED, count]],
  );
}
