import type { StoreDescription } from "../store/store.ts";
import type { Terminal } from "./terminal.ts";

/** What there is to say of a broker that has just started. */
export interface Started {
  readonly version: string;
  /** `host:port` as it is listened on: the real port, also when 0 was asked for. */
  readonly address: string;
  readonly loopback: boolean;
  /** Whom it asks for what: principals with tokens, certificates of clients; both empty: nobody for anything. */
  readonly edge: { readonly principals: number | undefined; readonly certificates: boolean; readonly tls: boolean };
  readonly store: StoreDescription;
  /** Full names of the job types that it knows from images. */
  readonly types: readonly string[];
}

const typesShown = 3;

/** Six lines for people, or one line of JSON. */
export function printBanner(started: Started, terminal: Terminal): void {
  if (terminal.format === "table") for (const line of bannerLines(started, terminal)) terminal.data(line);
  else {
    const { edge, ...rest } = started;
    terminal.data(JSON.stringify({ ...rest, auth: asked(edge).join(", ") || "none", tls: edge.tls, pid: process.pid }));
  }
}

function bannerLines(
  { version, address, loopback, edge, store, types }: Started,
  terminal: Terminal,
): readonly string[] {
  const line = (name: string, text: string) => `  ${terminal.paint("dim", name.padEnd(10))}  ${text}`;
  const more = types.length > typesShown ? ` and ${types.length - typesShown} more` : "";
  const known =
    types.length === 0
      ? "none: payloads are opaque bytes; --schema names an image of them"
      : types.slice(0, typesShown).join(", ") + more;
  const flags = [
    ...(address.endsWith(":2668") && loopback ? [] : [` --address ${address}`]),
    ...(edge.principals === undefined ? [] : [" --token-file FILE"]),
    ...(edge.tls ? [" --tls-ca FILE"] : []),
    ...(edge.certificates ? [" --tls-cert FILE --tls-key FILE"] : []),
  ].join("");
  return [
    `${terminal.paint("bold", `conveyor ${version}`)} listens on ${terminal.paint("bold", address)}`,
    line("store", `${store.kind}, ${store.location}`),
    line("durability", store.durability),
    line("auth", authLine(edge, loopback, terminal)),
    line("job types", known),
    line("next", `conveyor enqueue ${types[0] ?? "mail.v1.SendEmail"} -d '{}'${flags}`),
  ];
}

function asked({ principals, certificates }: Started["edge"]): readonly string[] {
  return [...(principals === undefined ? [] : ["tokens"]), ...(certificates ? ["client certificates"] : [])];
}

function authLine(edge: Started["edge"], loopback: boolean, terminal: Terminal): string {
  const names =
    edge.principals === undefined ? "" : ` of ${edge.principals} ${edge.principals === 1 ? "name" : "names"}`;
  const who = asked(edge).join(" or ").replace("tokens", `tokens${names}`) || "none";
  if (loopback) return `${who}; ${edge.tls ? "TLS, " : ""}reachable from this machine alone`;
  if (who === "none") return `none; ${terminal.paint("yellow", "whoever reaches the address may do everything")}`;
  return `${who}; ${edge.tls ? "TLS" : terminal.paint("yellow", "plain text, which shows tokens to whoever listens on the way")}`;
}
