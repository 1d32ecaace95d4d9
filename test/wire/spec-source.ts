import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { GroupSchema } from "../../gen/conveyor/v1/group_pb.ts";
import { type JobSpec, JobSpecSchema } from "../../gen/conveyor/v1/job_pb.ts";
import {
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
} from "../../gen/shop/v1/shop_pb.ts";
import { ConveyorError } from "../../src/core/errors.ts";
import { type JobId, parseJobId, type TypeName } from "../../src/core/names.ts";
import { jobOptionsOf, type TypeOptions, typeOptionsFromWire } from "../../src/wire/job-options.ts";
import type { SpecContext } from "../../src/wire/spec-to-job.ts";

const known = new Map<string, TypeOptions>();
for (const schema of [
  GroupSchema,
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
]) {
  const options = jobOptionsOf(schema);
  if (options) known.set(schema.typeName, typeOptionsFromWire(options, schema.typeName));
}

/** What a broker with the shop's types would bring; ids count up from minted-1. */
export function specSource(changes: Partial<SpecContext> = {}): SpecContext {
  let minted = 0;
  return {
    path: "job",
    isRoot: true,
    principal: "",
    nowMs: 1_700_000_000_000,
    mintId: (): JobId => {
      minted += 1;
      return parseJobId(`minted-${minted}`);
    },
    typeOptions: (type: TypeName) => known.get(type),
    schemaIdOf: (type: TypeName) => (known.has(type) ? `schema of ${type}` : ""),
    transcodeJson: (type) => {
      throw new ConveyorError("UNKNOWN_JOB_TYPE", `no schema of ${type}`);
    },
    ...changes,
  };
}

/** A specification of a job of this type, empty but for what is given. */
export function specOf(type: string, init: MessageInitShape<typeof JobSpecSchema> = {}): JobSpec {
  const content = {
    case: "payload" as const,
    value: { typeUrl: `type.googleapis.com/${type}`, value: new Uint8Array() },
  };
  return create(JobSpecSchema, { content, ...init });
}

export function choreBytes(script: string): Uint8Array {
  return toBinary(ChoreSchema, create(ChoreSchema, { script }));
}
