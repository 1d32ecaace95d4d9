import type { Declaration } from "../../gen/conveyor/v1/job_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { jobSpecBytes } from "../wire/job-spec.ts";
import type { StageLine } from "./staging.ts";

/** Children beyond what one result may hold, gathered to frames of a good size. */
export interface Spill {
  add(child: Declaration): void;
  /** Throws why children were refused, or PAYLOAD_TOO_LARGE when more than `bytesMax` wait for their acknowledgement. */
  check(bytesMax: number): void;
  /** Sends what is gathered; resolves when all is acknowledged, throws why it was refused. */
  emptied(): Promise<void>;
  close(): void;
}

/** Small enough for a broker to take one between other work. */
const childrenPerFrame = 500;
const frameBytesSoft = 256 * 1024;
/** What a declaration takes beside its job. */
const declarationBytes = 32;

export function createSpill(line: StageLine): Spill {
  let gathered: Declaration[] = [];
  let bytes = 0;

  function send(): void {
    if (gathered.length > 0) line.push(gathered, bytes);
    gathered = [];
    bytes = 0;
  }

  return {
    add(child) {
      const childBytes = declarationBytes + (child.job ? jobSpecBytes(child.job) : 0);
      if (gathered.length >= childrenPerFrame || bytes + childBytes > frameBytesSoft) send();
      gathered.push(child);
      bytes += childBytes;
    },
    check(bytesMax) {
      if (line.refusal !== undefined) throw line.refusal;
      if (line.bytes <= bytesMax) return;
      throw new ConveyorError(
        "PAYLOAD_TOO_LARGE",
        `${line.bytes} bytes of children wait for the broker; await context.flush() after every few thousand children`,
      );
    },
    emptied() {
      send();
      return line.emptied();
    },
    close: line.close,
  };
}
