import type { EnqueueAck, EnqueueStreamResponse } from "../../../gen/conveyor/v1/job_service_pb.ts";
import type { FrameStream } from "../../wire/stream.ts";

/** Acknowledgements on their way to a producer, all of a turn in frames of a good size. */
export interface AckBox {
  add(ack: Omit<EnqueueAck, "$typeName">): void;
  /** Nothing waits to be sent. */
  readonly empty: boolean;
}

const acksPerFrameMax = 1_000;
/** An error's status takes up to 4 KiB. */
const errorsPerFrameMax = 100;

export function createAckBox(
  stream: FrameStream<EnqueueStreamResponse>,
  { onSent }: { readonly onSent: () => void },
): AckBox {
  let acks: EnqueueAck[] = [];
  let errors = 0;
  let scheduled = false;

  function send(): void {
    if (acks.length === 0) return;
    const value = { $typeName: "conveyor.v1.EnqueueAcks" as const, acks };
    acks = [];
    errors = 0;
    stream.send({ $typeName: "conveyor.v1.EnqueueStreamResponse", frame: { case: "acks", value } });
  }

  return {
    add(ack) {
      acks.push({ $typeName: "conveyor.v1.EnqueueAck", ...ack });
      if (ack.error !== undefined) errors += 1;
      if (acks.length >= acksPerFrameMax || errors >= errorsPerFrameMax) send();
      if (scheduled) return;
      scheduled = true;
      // All items of a commit are answered within one turn: one frame names them.
      setImmediate(() => {
        scheduled = false;
        send();
        onSent();
      });
    },
    get empty() {
      return acks.length === 0;
    },
  };
}
