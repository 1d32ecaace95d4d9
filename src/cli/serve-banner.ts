import type { StoreDescription } from "../store/store.ts";
import type { Terminal } from "./terminal.ts";

/** What there is to say of a broker that has just started. */
export interface Started {
  readonly version: string;
  /** `host:port` as it is listened on: the real port, also when 0 was asked for. */
  readonly address: string;
  readonly loopback: boolean;
  readonly store: StoreDescription;
  /** Full names of the job types that it knows from images. */
  readonly types: readonly string[];
}

const typesShown = 3;

/** Six lines for people, or one line of JSON. */
export function printBanner(started: Started, terminal: Terminal): void {
  if (terminal.format === "table") for (const line of bannerLines(started, terminal)) terminal.data(line);
  else terminal.data(JSON.stringify({ ...started, auth: "none", pid: process.pid }));
}

function bannerLines({ version, address, loopback, store, types }: Started, terminal: Terminal): readonly string[] {
  const line = (name: string, text: string) => `  ${terminal.paint("dim", name.padEnd(10))}  ${text}`;
  const reach = loopback
    ? "reachable from this machine alone"
    : terminal.paint("yellow", "whoever reaches the address may do everything");
  const more = types.length > typesShown ? ` and ${types.length - typesShown} more` : "";
  const known =
    types.length === 0
      ? "none: payloads are opaque bytes; --schema names an image of them"
      : types.slice(0, typesShown).join(", ") + more;
  const flag = address.endsWith(":2668") && loopback ? "" : ` --address ${address}`;
  return [
    `${terminal.paint("bold", `conveyor ${version}`)} listens on ${terminal.paint("bold", address)}`,
    line("store", `${store.kind}, ${store.location}`),
    line("durability", store.durability),
    line("auth", `none; ${reach}`),
    line("job types", known),
    line("next", `conveyor enqueue ${types[0] ?? "mail.v1.SendEmail"} -d '{}'${flag}`),
  ];
}
