import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";

/** Unary calls by generated descriptors and nothing else of Conveyor, so that a checker shares no code with what it checks. */
export interface Caller {
  /** One call, 30 s at most. */
  call<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
  ): Promise<MessageShape<Method["output"]>>;
  /** Repeats the call while the broker cannot be reached, for at most `patienceMs`. */
  callPatiently<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
    patienceMs: number,
  ): Promise<MessageShape<Method["output"]>>;
  close(): void;
}

const callMsMax = 30_000;
const answerBytesMax = 64 * 1024 * 1024;

/** `address`: HOST:PORT of IPv4, or several with commas between them: the first that can be reached is asked. */
export function createCaller(address: string): Caller {
  const client = new Client(`ipv4:${address}`, credentials.createInsecure(), {
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 250,
    "grpc.max_receive_message_length": answerBytesMax,
    "grpc.enable_retries": 0,
  });

  function call<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
  ): Promise<MessageShape<Method["output"]>> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest<MessageInitShape<Method["input"]>, MessageShape<Method["output"]>>(
        `/${method.parent.typeName}/${method.name}`,
        (init) => Buffer.from(toBinary<Method["input"]>(method.input, create<Method["input"]>(method.input, init))),
        (bytes) => fromBinary<Method["output"]>(method.output, bytes),
        request,
        { deadline: Date.now() + callMsMax },
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  }

  async function callPatiently<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
    patienceMs: number,
  ): Promise<MessageShape<Method["output"]>> {
    for (const end = Date.now() + patienceMs; ; ) {
      try {
        return await call(method, request);
      } catch (error) {
        if (statusOf(error) !== status.UNAVAILABLE || Date.now() > end) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  return { call, callPatiently, close: () => client.close() };
}

/** The gRPC status code of a failed call; undefined for any other error. */
function statusOf(error: unknown): status | undefined {
  return error instanceof Error && "code" in error ? (error as ServiceError).code : undefined;
}
