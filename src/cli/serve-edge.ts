import type { Broker, BrokerOptions, ServerTls, Tokens } from "../broker/index.ts";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { onFilesChanged } from "./changed-files.ts";
import type { Arguments, Flag } from "./command.ts";
import { isReadableByAll, readSecretFile } from "./secret-file.ts";
import type { Terminal } from "./terminal.ts";

/** Flags by which `serve` is told whom to let in, and what to show of itself. */
export const edgeFlags: Readonly<Record<string, Flag>> = {
  tokens: { value: "FILE", help: "who may call: lines of name:token or name:sha256:HEX; read again when it changes" },
  "tls-cert": { value: "FILE", help: "speak TLS with this certificate and its chain, PEM; read again when it changes" },
  "tls-key": { value: "FILE", help: "the certificate's private key, PEM" },
  "tls-client-ca": { value: "FILE", help: "ask every client for a certificate signed by one of these, PEM" },
  insecure: { help: "listen beyond this machine although TLS, or whom to ask for, is missing" },
};

/** What the files said, and how the broker hears of it when they change. */
export interface Edge {
  readonly options: Pick<BrokerOptions, "authenticate" | "tls">;
  /** How many principals have tokens; undefined: no tokens are asked for. */
  readonly principals: number | undefined;
  readonly certificates: boolean;
  /** Reads the files again on SIGHUP and when they change; what cannot be used is talked about, and the old stays. */
  follow(broker: Broker): Disposable;
}

interface EdgeFiles {
  readonly tokens: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly clientCa: string | undefined;
}

const lookMs = 1_000;
const dayMs = 86_400_000;

/** Reads the files that the flags name. Throws INVALID_OPTION, TOKENS_INVALID, CERTIFICATE_INVALID. */
export async function readEdge(args: Arguments, terminal: Terminal): Promise<Edge> {
  const { authenticationBy, checkServerTls, parseTokens } = await import("../broker/index.ts");
  const files = filesOf(args);
  const read = readTokens();
  const tokens = read && { current: read };
  const tls = readTls();

  function readTokens(): Tokens | undefined {
    if (files.tokens === undefined) return undefined;
    const text = contentOf(files.tokens, "--tokens", "TOKENS_INVALID");
    const read = parseTokens(text, files.tokens);
    if (read.holdsPlain && isReadableByAll(files.tokens))
      warnOfReaders(files.tokens, ", or keep hashes in it (name:sha256:HEX)");
    return read;
  }

  function readTls(): ServerTls | undefined {
    const { cert, key, clientCa } = files;
    if (cert === undefined || key === undefined) return undefined;
    const pem = (path: string, flag: string) => contentOf(path, flag, "CERTIFICATE_INVALID");
    const tls = {
      cert: pem(cert, "--tls-cert"),
      key: pem(key, "--tls-key"),
      ...(clientCa === undefined ? {} : { clientCa: pem(clientCa, "--tls-client-ca") }),
    };
    const { fromMs, toMs } = byFile(files, () => checkServerTls(tls, Date.now()));
    // Long-lived certificates are renewed by people, short-lived ones by programs that do it late.
    if (toMs - Date.now() < Math.min(14 * dayMs, (toMs - fromMs) / 5)) {
      terminal.talk(`warning: the certificate ${cert} expires on ${new Date(toMs).toISOString()}; renew it`);
    }
    if (isReadableByAll(key)) warnOfReaders(key, "");
    return tls;
  }

  function warnOfReaders(path: string, instead: string): void {
    terminal.talk(`warning: every user of this machine can read ${path}; chmod 600 ${path}${instead}`);
  }

  function again(broker: Broker): void {
    attempt("the old tokens stay", () => {
      const next = readTokens();
      if (next === undefined || tokens === undefined) return;
      tokens.current = next;
      broker.recheckCallers();
      terminal.talk(`tokens read again from ${files.tokens}: ${next.principals.length} names`);
    });
    attempt("the old certificate stays", () => {
      const next = readTls();
      if (next === undefined) return;
      broker.replaceTls(next);
      terminal.talk(`certificate read again from ${files.cert}`);
    });
  }

  function attempt(otherwise: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      const text = isConveyorError(error) ? `${error.code}: ${error.message}` : String(error);
      terminal.talk(`${text}; ${otherwise}`);
    }
  }

  return {
    options: {
      authenticate: tokens && authenticationBy(() => tokens.current),
      tls,
    },
    principals: read?.principals.length,
    certificates: tls?.clientCa !== undefined,
    follow(broker) {
      const paths = Object.values(files).filter((path) => path !== undefined);
      const onChange = () => again(broker);
      const watch = onFilesChanged(paths, { everyMs: lookMs, onChange });
      // Without files a SIGHUP means what it does to every program: the terminal is gone.
      if (paths.length > 0) process.on("SIGHUP", onChange);
      return {
        [Symbol.dispose]() {
          watch[Symbol.dispose]();
          process.off("SIGHUP", onChange);
        },
      };
    },
  };
}

function filesOf(args: Arguments): EdgeFiles {
  const files = {
    tokens: args.value("tokens"),
    cert: args.value("tls-cert"),
    key: args.value("tls-key"),
    clientCa: args.value("tls-client-ca"),
  };
  if (files.cert !== undefined && files.key === undefined) throw incomplete("--tls-cert", "--tls-key");
  if (files.key !== undefined && files.cert === undefined) throw incomplete("--tls-key", "--tls-cert");
  if (files.clientCa !== undefined && files.cert === undefined)
    throw incomplete("--tls-client-ca", "--tls-cert and --tls-key");
  return files;
}

function incomplete(flag: string, needed: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", `${flag} needs ${needed} beside it`);
}

function contentOf(path: string, flag: string, code: "TOKENS_INVALID" | "CERTIFICATE_INVALID"): string {
  try {
    return readSecretFile(path);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConveyorError(code, `${flag}: ${path} cannot be read: ${text}`, { cause: error });
  }
}

/** The broker speaks of options, an operator thinks of flags and files. */
function byFile<T>(files: EdgeFiles, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const field = isConveyorError(error) ? error.details.fields?.[0] : undefined;
    if (field === undefined) throw error;
    const [flag, path] =
      field.path === "tls.cert"
        ? ["--tls-cert", files.cert]
        : field.path === "tls.key"
          ? ["--tls-key", files.key]
          : ["--tls-client-ca", files.clientCa];
    throw new ConveyorError("CERTIFICATE_INVALID", `${flag}: ${path}: ${field.problem}`, { cause: error });
  }
}
