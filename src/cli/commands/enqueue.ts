import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import type { JobSpecSchema } from "../../../gen/conveyor/v1/job_pb.ts";
import { EnqueueResponseSchema, JobService, WaitUntil } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { parseSpan } from "../../core/span.ts";
import { msToDuration, msToTimestamp } from "../../wire/time.ts";
import { parseInteger } from "../arguments.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import { askOptions } from "../deadline.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { jobLines } from "../job-lines.ts";
import { jobJson } from "../message-json.ts";
import { payloadText } from "../payload.ts";
import { printJson } from "../print.ts";
import { parseTimeMs } from "../time.ts";
import { exitCodeOfJob, waitForJob } from "../wait-for-job.ts";

type Spec = MessageInitShape<typeof JobSpecSchema>;

export const enqueue: Command = {
  name: "enqueue",
  summary: "Enqueue a job; it is durable when the command ends with 0",
  positionals: ["type"],
  flags: {
    data: { short: "d", value: "JSON|@FILE|-", help: "the payload as JSON, from a file, or from stdin" },
    field: {
      short: "f",
      value: "NAME=VALUE",
      many: true,
      help: "one field of the payload; a.b=1 reaches into messages",
    },
    in: { value: "SPAN", help: "not before this long from now, such as 5m" },
    at: { value: "TIME", help: "not before this time, such as 2030-01-31T08:00:00Z" },
    queue: { value: "QUEUE", help: "the queue (default: the type's)" },
    priority: { value: "N", help: "higher runs first" },
    id: { value: "ID", help: "the job's id; the same id with the same content is the same job" },
    "request-id": { value: "ID", help: "makes a repeat of this command safe without choosing the job's id" },
    "max-attempts": { value: "N", help: "attempts that may fail before the job is dead" },
    wait: { help: "wait for the job's end and print it; exit status 1 when it failed" },
  },
  examples: [
    `conveyor enqueue mail.v1.SendEmail -d '{"to":"a@example.org"}' --in 5m`,
    "conveyor enqueue photos.v1.ResizeImage -f path=cat.jpg -f width=320 --wait",
  ],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, broker, terminal } = context;
  const [type = ""] = args.positionals;
  const spec = specOf(args, { type, json: await payloadText(type, args, broker.types) });
  const request = { item: { case: "job" as const, value: spec } };
  const answer = await broker.call(JobService.method.enqueue, request, askOptions(context));
  const id = answer.job?.id ?? "";
  if (args.has("wait")) {
    terminal.talk(`enqueued ${id}${answer.deduplicated ? " (it was there already)" : ""}; waiting for its end`);
    const job = await waitForJob(id, WaitUntil.TERMINAL, context);
    if (terminal.format === "table")
      for (const line of await jobLines(job, terminal, broker.types)) terminal.data(line);
    else printJson(await jobJson(job, broker.types), terminal);
    return exitCodeOfJob(job);
  }
  if (terminal.format === "table") {
    if (answer.deduplicated) terminal.talk("the job was there already, with the same content");
    terminal.data(id);
  } else {
    printJson(toJson(EnqueueResponseSchema, answer), terminal);
  }
  return exitCodes.ok;
}

function specOf(args: Arguments, payload: { readonly type: string; readonly json: string }): Spec {
  const priority = parseInteger(args.value("priority"), { flag: "--priority", min: -(2 ** 31), max: 2 ** 31 - 1 });
  const maxAttempts = parseInteger(args.value("max-attempts"), {
    flag: "--max-attempts",
    min: 1,
    max: limits.attemptsMax,
  });
  return {
    id: args.value("id") ?? "",
    requestId: args.value("request-id") ?? "",
    queue: args.value("queue") ?? "",
    ...(priority === undefined ? {} : { priority }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    start: startOf(args),
    content: { case: "json", value: payload },
  };
}

function startOf(args: Arguments): NonNullable<Spec["start"]> {
  const delay = args.value("in");
  const time = args.value("at");
  if (delay !== undefined && time !== undefined) {
    throw new ConveyorError("INVALID_OPTION", "--in and --at exclude each other; give one of them");
  }
  if (delay !== undefined) return { case: "delay", value: msToDuration(parseSpan(delay, "--in")) };
  if (time !== undefined) return { case: "runTime", value: msToTimestamp(parseTimeMs(time, "--at")) };
  return { case: undefined };
}
