import { type ChannelInterface, type Deadline, Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { createHalf } from "./half.ts";
import { type ServedMethod, type ServerEnd, serveCall } from "./serve-call.ts";

/** A call as a client of grpc-js drives it. */
type ClientCall = ReturnType<ChannelInterface["createCall"]>;
type Listener = Parameters<ClientCall["start"]>[1];

export interface CallOptions {
  readonly path: string;
  readonly deadline: Deadline;
  /** Undefined: nothing serves this path. */
  readonly method: ServedMethod | undefined;
  readonly number: number;
  /** Called once, when the call has ended. */
  readonly onOver: () => void;
}

/** A call and its way to be ended from outside. */
export interface OpenCall {
  readonly client: ClientCall;
  cancel(code: status, details: string): void;
}

/** A call from its start to its one end: the server's status, the client's cancel, the deadline, or the server's shutdown. */
export function createCall(options: CallOptions): OpenCall {
  const { path, deadline, method } = options;
  let listener: Listener | undefined;
  let server: ServerEnd | undefined;
  let deadlineTimer: NodeJS.Timeout | undefined;
  let answered = false;
  let over = false;

  const toServer = createHalf((message) => {
    if (!over) server?.receive(message);
  });
  const toClient = createHalf((message) => {
    if (!answered) listener?.onReceiveMetadata(new Metadata());
    answered = true;
    listener?.onReceiveMessage(message);
  });

  function finish(end: StatusObject): void {
    if (over) return;
    over = true;
    clearTimeout(deadlineTimer);
    toClient.end(() => listener?.onReceiveStatus(end));
    options.onOver();
  }

  /** Ends the call from outside: the server learns it, too. */
  function cancel(code: status, details: string): void {
    if (over) return;
    finish({ code, details, metadata: new Metadata() });
    setImmediate(() => server?.cancel());
  }

  function begin(metadata: Metadata): void {
    if (over) return;
    if (method === undefined) {
      finish({ code: status.UNIMPLEMENTED, details: `nothing serves ${path}`, metadata: new Metadata() });
      return;
    }
    const { definition } = method;
    server = serveCall(method, {
      path,
      deadline,
      metadata,
      demand: toServer.demand,
      send: (message, done) => toClient.send(definition.responseSerialize(message), done),
      finish,
    });
  }

  const client: ClientCall = {
    start(metadata, started) {
      listener = started;
      const leftMs = Number(deadline) - Date.now();
      if (Number.isFinite(leftMs)) {
        deadlineTimer = setTimeout(() => cancel(status.DEADLINE_EXCEEDED, "the deadline is over"), leftMs);
      }
      setImmediate(() => begin(metadata.clone()));
    },
    sendMessageWithContext: ({ callback }, message) => toServer.send(message, () => callback?.()),
    halfClose: () => toServer.end(() => server?.halfClose()),
    startRead: toClient.demand,
    cancelWithStatus: cancel,
    getPeer: () => "in-process",
    getCallNumber: () => options.number,
    setCredentials: () => undefined,
    getAuthContext: () => null,
  };
  return { client, cancel };
}
