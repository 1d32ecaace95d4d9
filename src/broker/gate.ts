import { ConveyorError, isConveyorError } from "../core/errors.ts";
import type { QueueName, TypeName } from "../core/names.ts";
import type { CallOrigin } from "../wire/call-origin.ts";

/** What someone asks to do. `queue` and `type` are set where the call is about one. */
export interface AccessRequest {
  /** Empty without authentication. */
  readonly principal: string;
  /** Path of the gRPC method, such as /conveyor.v1.JobService/Enqueue; what a result declares asks for Enqueue. */
  readonly method: string;
  readonly queue: QueueName | undefined;
  readonly type: TypeName | undefined;
}

/** Says who may do what; a throw counts as no. */
export type Authorize = (request: AccessRequest) => boolean;

/**
 * Who calls: the principal, or a throw of NO_CREDENTIALS, CREDENTIALS_INVALID or CREDENTIALS_EXPIRED. Any other throw counts as
 * CREDENTIALS_INVALID and goes nowhere: its text may hold a token.
 */
export type Authenticate = (caller: CallOrigin) => string;

export interface Gate {
  authenticate: Authenticate;
  /** Throws ROLE_MISSING. */
  admit(request: Pick<AccessRequest, "principal" | "method"> & Partial<AccessRequest>): void;
  /** Keeps an eye on one who was let in as `principal`, until the function it answers is called. */
  watch(caller: CallOrigin, principal: string, onRefused: (error: unknown) => void): () => void;
  /** Asks everyone who is watched again. */
  recheck(): void;
}

/** Without hooks everyone is the principal "" and may do everything. */
export function createGate(hooks: {
  readonly authenticate?: Authenticate | undefined;
  readonly authorize?: Authorize | undefined;
}): Gate {
  const { authenticate: ask = () => "", authorize } = hooks;
  const watches = new Set<() => void>();
  const authenticate: Authenticate = (caller) => {
    try {
      return ask(caller);
    } catch (error) {
      if (isConveyorError(error)) throw error;
      throw new ConveyorError("CREDENTIALS_INVALID", "the credentials could not be checked");
    }
  };
  return {
    authenticate,
    admit(request) {
      if (authorize === undefined || allowed(authorize, { queue: undefined, type: undefined, ...request })) return;
      const what = [request.type, request.queue && `queue ${request.queue}`].filter(Boolean).join(" in ");
      throw new ConveyorError("ROLE_MISSING", `you may not call ${request.method}${what === "" ? "" : ` for ${what}`}`);
    },
    watch(caller, principal, onRefused) {
      const check = () => {
        try {
          if (authenticate(caller) === principal) return;
        } catch (error) {
          return onRefused(error);
        }
        onRefused(new ConveyorError("CREDENTIALS_INVALID", "the credentials are those of someone else now"));
      };
      watches.add(check);
      return () => watches.delete(check);
    },
    recheck() {
      for (const check of [...watches]) check();
    },
  };
}

function allowed(authorize: Authorize, request: AccessRequest): boolean {
  try {
    return authorize(request);
  } catch {
    return false;
  }
}
