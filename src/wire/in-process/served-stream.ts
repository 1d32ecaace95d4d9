import { Duplex } from "node:stream";
import { type Deadline, Metadata, type StatusObject, status } from "@grpc/grpc-js";

/** What the server's end of a call is made of. */
export interface ServedCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly deadline: Deadline;
  /** Asks for one more message of the client. */
  demand(): void;
  /** Sends a message to the client; `done` is called once there is room for another. */
  send(message: unknown, done: () => void): void;
  /** Ends the call; only the first end counts. */
  finish(status: StatusObject): void;
}

const peer = "in-process";

/** A call as grpc-js gives it to a handler: a stream of the client's messages, taking the server's. */
export class ServedStream extends Duplex {
  readonly metadata: Metadata;
  readonly request: unknown;
  cancelled = false;
  readonly #call: ServedCall;
  #status = statusOk();

  constructor(call: ServedCall, request?: unknown) {
    super({ objectMode: true });
    this.#call = call;
    this.metadata = call.metadata;
    this.request = request;
    // How a handler ends its call with a status.
    this.on("error", (error) => {
      this.#status = statusOf(error);
      this.end();
    });
  }

  getPeer(): string {
    return peer;
  }
  getDeadline(): Deadline {
    return this.#call.deadline;
  }
  getPath(): string {
    return this.#call.path;
  }
  getHost(): string {
    return peer;
  }
  getAuthContext(): Record<string, never> {
    return {};
  }
  sendMetadata(): void {}

  /** The client is gone or does not want it any more. */
  cancel(): void {
    this.cancelled = true;
    this.emit("cancelled", "cancelled");
    this.destroy();
  }

  override _read(): void {
    this.#call.demand();
  }

  override _write(message: unknown, _encoding: string, done: () => void): void {
    this.#call.send(message, done);
  }

  override _final(done: () => void): void {
    done();
    this.#call.finish(this.#status);
  }
}

/** The end of a call that went well. */
export function statusOk(): StatusObject {
  return { code: status.OK, details: "OK", metadata: new Metadata() };
}

/** The status that something thrown, or handed to a callback, stands for. */
export function statusOf(error: unknown): StatusObject {
  const known = typeof error === "object" && error !== null ? error : {};
  const code = "code" in known && typeof known.code === "number" ? known.code : status.UNKNOWN;
  const text = "details" in known ? known.details : error instanceof Error ? error.message : String(error);
  const metadata = "metadata" in known && known.metadata instanceof Metadata ? known.metadata : new Metadata();
  return { code, details: String(text), metadata };
}
