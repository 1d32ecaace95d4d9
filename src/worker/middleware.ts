import { ConveyorError } from "../core/errors.ts";
import { controlOf } from "./control.ts";
import type { HandledType } from "./handled-type.ts";
import type { JobContext } from "./job-context.ts";

/**
 * Stands around every handler: what it does before `next()` comes before the handler, what it does after it comes after. `next`
 * resolves with what the handler returned and throws what it threw. A throw ends the attempt as a handler's does. What it returns
 * is dropped, unless it is `job.snooze()`, `discard()` and the like; without a call of `next` it must be one of these.
 */
export type Middleware = (job: JobContext, next: () => Promise<unknown>) => unknown;

/** The handler within its layers, the first of them outermost. */
export function within(layers: readonly Middleware[], run: HandledType["run"]): HandledType["run"] {
  return layers.length === 0
    ? run
    : (payload, context) => runWithin(layers, context, async () => run(payload, context));
}

async function runWithin(
  layers: readonly Middleware[],
  context: JobContext,
  run: () => Promise<unknown>,
): Promise<unknown> {
  let handler: Promise<unknown> | undefined;
  let ended = false;
  let decided: unknown;

  /** A layer that gave up waiting for the handler must not end the attempt before it. */
  const given = () => (ended ? handler?.catch(() => undefined) : handler);

  async function enter(index: number): Promise<unknown> {
    const layer = layers[index];
    if (layer === undefined) {
      handler = run().finally(() => {
        ended = true;
      });
      return handler;
    }
    let called = false;
    const next = async () => {
      if (called) throw new ConveyorError("INVALID_OPTION", "a middleware calls next() once");
      called = true;
      return enter(index + 1);
    };
    let entered: Promise<unknown> | undefined;
    let waited = false;
    const returned = await layer(context, () => {
      const entering = next();
      entering.catch(() => undefined); // told below, whether or not the layer looks
      entered ??= entering;
      return watched(entering, () => {
        waited = true;
      });
    });
    if (controlOf(returned) !== undefined) decided = returned;
    // A layer that never waited has not dealt with what was thrown.
    else if (!waited && entered !== undefined) return entered;
    return given();
  }

  const result = await enter(0);
  if (decided !== undefined) return decided;
  if (handler !== undefined) return result;
  throw new ConveyorError(
    "INVALID_OPTION",
    "a middleware returned without calling next(), so the handler did not run: call it, or throw job.discard() or the like",
  );
}

/** The same promise; `onWait` hears of whoever waits for it. */
function watched<Value>(promise: Promise<Value>, onWait: () => void): Promise<Value> {
  return new Proxy(promise, {
    get(target, key) {
      onWait();
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
