import { spawn } from "node:child_process";

// Reads until this process closes the pipe: with a line when all is well, without one when it died, however it did.
const script = `read -r line && exit 0
kill -QUIT "$1" 2>/dev/null && sleep 1
kill -KILL "$1" 2>/dev/null
shift
rm -rf -- "$@"`;

/** Sees to it that the server ends and its folders are removed when this process dies first; call what it answers when it has ended. */
export function guard(pid: number, scratch: readonly string[]): () => void {
  const watcher = spawn("/bin/sh", ["-c", script, "guard", String(pid), ...scratch], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  // On a machine without this shell servers still end with those who stop them.
  watcher.on("error", () => undefined);
  watcher.stdin.on("error", () => undefined);
  watcher.unref();
  return () => {
    watcher.stdin.end("done\n");
  };
}
