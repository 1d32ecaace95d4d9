import { readFile } from "node:fs/promises";
import { ConveyorError, isConveyorError } from "../../core/errors.ts";
import { serverDefaults } from "../../core/job.ts";
import { parseSpan } from "../../core/span.ts";
import { createLogger, type Logger, type LogLevel, logLevels } from "../../runtime/logger.ts";
import { readVersion } from "../../runtime/package-version.ts";
import type { SchemaRegistry } from "../../schema/registry.ts";
import { isLoopback } from "../../wire/loopback.ts";
import { parseChoice } from "../arguments.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { report } from "../report.ts";
import { retentionFlags, retentionOf } from "../retention.ts";
import { printBanner } from "../serve-banner.ts";
import { edgeFlags, readEdge } from "../serve-edge.ts";
import { stopSignals } from "../stop-signals.ts";
import { storeUrlOf } from "../store-url.ts";
import { boundYoungHeap } from "../young-heap.ts";

export const serve: Command = {
  name: "serve",
  summary: "Run a broker until SIGTERM or Ctrl-C; a second signal ends it at once",
  positionals: [],
  flags: {
    store: { value: "URL", help: "where jobs are kept (default CONVEYOR_STORE, else sqlite:conveyor.db)" },
    "store-password-file": {
      value: "FILE",
      help: "holds the password of the store's URL (else CONVEYOR_STORE_PASSWORD_FILE, CONVEYOR_STORE_PASSWORD)",
    },
    listen: { value: "HOST:PORT", help: "where to listen (default 127.0.0.1:2668); port 0 takes a free one" },
    schema: { value: "IMAGE", many: true, help: 'job types: what "buf build -o IMAGE" writes, or a FileDescriptorSet' },
    ...retentionFlags,
    "drain-grace": {
      value: "SPAN",
      help: "how long a stop waits for workers to move to another broker (default 3s)",
    },
    ...edgeFlags,
    "allow-lossy": { help: "accept a store whose settings can lose acknowledged jobs" },
  },
  examples: [
    "conveyor serve --store sqlite:/var/lib/conveyor.db --schema schema.binpb",
    "conveyor serve --listen 0.0.0.0:2668 --tokens tokens.txt --tls-cert cert.pem --tls-key key.pem",
  ],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  // Before anything takes time: a signal during the start is a wish to stop, too.
  using signals = stopSignals();
  try {
    await using running = await startBroker(context);
    const why = await signals.first;
    context.terminal.talk(`stopping (${why}); the same signal again ends it at once`);
    await running.stop();
    return exitCodes.ok;
  } catch (error) {
    report(error, { usage: undefined, format: context.terminal.format });
    // What is wrong with a flag is usage; whatever else stands in the way of a start is not.
    return isConveyorError(error) && error.code === "INVALID_OPTION" ? exitCodes.usage : exitCodes.internal;
  }
}

interface Running extends AsyncDisposable {
  readonly stop: () => Promise<void>;
}

async function startBroker({ args, terminal }: CommandContext): Promise<Running> {
  // Loaded on use: the other commands need neither broker nor store.
  const { createBroker } = await import("../../broker/index.ts");
  const { openStore } = await import("../../embedded/open-store.ts");
  const { createSchemaRegistry } = await import("../../schema/registry.ts");
  const schema = createSchemaRegistry();
  const types = await addImages(schema, args.values("schema"));
  const listen = args.value("listen") ?? "127.0.0.1:2668";
  const edge = await readEdge(args, terminal);
  const url = storeUrlOf(args, process.env);
  const retention = retentionOf(args);
  const store = await openStore(url, { defaults: serverDefaults, retention, allowLossy: args.has("allow-lossy") });
  try {
    const insecure = args.has("insecure");
    const intervals = intervalsOf(args);
    const broker = createBroker({
      store,
      schema,
      listen,
      insecure,
      intervals,
      ...edge.options,
      logger: stderrLogger(),
    });
    await broker.start();
    boundYoungHeap();
    const files = edge.follow(broker);
    const { address } = broker;
    const { principals, certificates } = edge;
    const shown = { principals, certificates, tls: edge.options.tls !== undefined };
    printBanner(
      {
        version: await readVersion(),
        address,
        loopback: isLoopback(address),
        edge: shown,
        store: store.description,
        types,
      },
      terminal,
    );
    const stop = async () => {
      files[Symbol.dispose]();
      await broker.stop();
      await store.close();
    };
    return { stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Longer than this nobody who stops a broker waits. */
const drainMsMax = 3_600_000;

function intervalsOf(args: Arguments): { readonly drainMs?: number } {
  const text = args.value("drain-grace");
  return text === undefined ? {} : { drainMs: parseSpan(text, "--drain-grace", drainMsMax) };
}

async function addImages(schema: SchemaRegistry, paths: readonly string[]): Promise<readonly string[]> {
  const types = new Set<string>();
  for (const path of paths) {
    for (const type of schema.addImage(await readImageFile(path), path)) types.add(type.name);
  }
  return [...types];
}

async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConveyorError("SCHEMA_INCOMPATIBLE", `--schema ${path} cannot be read: ${text}`, { cause: error });
  }
}

function stderrLogger(): Logger {
  const level: LogLevel = parseChoice(process.env.CONVEYOR_LOG ?? "warn", logLevels, "CONVEYOR_LOG");
  return createLogger({ level });
}
