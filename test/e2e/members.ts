import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Worker processes, and all that they tell. */
export interface Members<Report> extends AsyncDisposable {
  readonly reports: readonly Report[];
  /** Resolves when `done` holds; asked after each report. Rejects when a member ends before. */
  until(done: (reports: readonly Report[]) => boolean): Promise<void>;
}

/** Starts `count` processes of a script beside this file. */
export function startMembers<Report>(script: string, args: readonly string[], count: number): Members<Report> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const reports: Report[] = [];
  const watchers = new Set<() => void>();
  let stopping = false;
  let failure: Error | undefined;
  const tell = () => {
    for (const watcher of [...watchers]) watcher();
  };
  const members = Array.from({ length: count }, () => {
    const member = fork(path, [...args], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    member.on("message", (report) => {
      reports.push(report as Report); // what the script sends is declared beside it
      tell();
    });
    member.once("exit", (code, signal) => {
      if (!stopping) failure = new Error(`${script} ended with ${code ?? signal}`);
      tell();
    });
    return member;
  });
  return {
    reports,
    until: (done) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!done(reports) && failure === undefined) return;
          watchers.delete(look);
          if (failure === undefined) resolve();
          else reject(failure);
        };
        watchers.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      stopping = true;
      await Promise.all(members.map(stop));
    },
  };
}

async function stop(member: ChildProcess): Promise<void> {
  if (member.exitCode !== null || member.signalCode !== null) return;
  const exited = once(member, "exit");
  const hardly = setTimeout(() => member.kill("SIGKILL"), 5_000);
  member.kill("SIGTERM");
  await exited;
  clearTimeout(hardly);
}
