import type { Command, CommandContext } from "../command.ts";
import { connectBroker } from "../connection.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { printJson } from "../print.ts";
import { watchChain } from "../watch-chain.ts";

export const demo: Command = {
  name: "demo",
  summary: "Show a chain from its start to its end, with a broker and a worker in this process; nothing is left behind",
  positionals: [],
  flags: {},
  examples: ["conveyor demo"],
  run,
};

const pictures = Array.from({ length: 9 }, (_, index) => `picture-${index + 1}.jpg`);
/** It takes five seconds. */
const timeoutMsDefault = 60_000;

async function run(context: CommandContext): Promise<ExitCode> {
  // Loaded on use: the other commands need neither broker nor worker.
  const { startDemoBroker } = await import("../demo/broker.ts");
  const { startDemoWorker } = await import("../demo/worker.ts");
  const { connect } = await import("../../client/conveyor.ts");
  const { MakeAlbumJob } = await import("../../../gen/demo/v1/demo_jobs.ts");
  const { terminal, timeoutMs = timeoutMsDefault } = context;
  await using started = await startDemoBroker();
  terminal.talk(
    `a broker listens on ${started.address}, its jobs are in memory; one worker takes three jobs at a time`,
  );
  await using _worker = startDemoWorker(started.address);
  await using conveyor = connect(started.address);
  const album = await conveyor.enqueue(MakeAlbumJob, { pictures });
  terminal.talk("MakeAlbum declares a ResizeImage for each picture, and PublishAlbum as their heir; some fail once\n");
  const broker = connectBroker(started.address, () => ({}));
  try {
    await watchChain({ id: album.id }, { ...context, broker, timeoutMs });
  } finally {
    broker.close();
  }
  const { thumbnails } = await album.result({ signal: AbortSignal.timeout(timeoutMs) });
  if (terminal.format === "table") terminal.data(`\nthe album's result: ${thumbnails.join(", ")}`);
  else printJson({ result: { thumbnails } }, { ...terminal, format: "jsonl" });
  terminal.talk('next: "conveyor serve" starts a broker that keeps its jobs');
  return exitCodes.ok;
}
