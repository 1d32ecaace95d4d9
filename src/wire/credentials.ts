import * as grpc from "@grpc/grpc-js";
import { ConveyorError } from "../core/errors.ts";
import { withBearer } from "./bearer.ts";
import { type Pem, readCertificates, readPrivateKey, validityProblem } from "./certificates.ts";
import { isLoopback } from "./loopback.ts";

/** How a client shows who it is, and what protects its connection. */
export interface Credentials {
  /**
   * Sent with every call as `authorization: Bearer …`. A function is asked before each call and each stream and answers at once,
   * so that a token can be replaced while the client runs.
   */
  readonly token?: string | (() => string) | undefined;
  /** TLS; true trusts the authorities that Node trusts. Without it everything travels in plain text. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Lets a token travel in plain text beyond this machine: for where something else encrypts, such as a service mesh. */
  readonly insecure?: boolean | undefined;
}

/** All of it PEM, not paths. */
export interface TlsOptions {
  /** The authorities to trust, in place of those that Node trusts. */
  readonly ca?: Pem | undefined;
  /** The client's own certificate with its chain, for a broker that asks for one; needs `key`. */
  readonly cert?: Pem | undefined;
  readonly key?: Pem | undefined;
  /** The name that the broker's certificate must have, where it is not that of the address. */
  readonly serverName?: string | undefined;
}

/** Credentials as a channel takes them. */
export interface Security {
  readonly channel: grpc.ChannelCredentials;
  readonly options: grpc.ChannelOptions;
  readonly interceptors: readonly grpc.Interceptor[];
}

/**
 * Checks credentials for use with all of `addresses`. Throws INVALID_OPTION: a token that cannot be one, PEM that does not parse
 * or has expired, a key of another certificate, a token that would travel to another machine in plain text.
 */
export function securityOf(credentials: Credentials, addresses: readonly string[]): Security {
  const { token, tls = false, insecure = false } = credentials;
  const encrypted = tls !== false;
  const exposed = addresses.find((address) => !isLoopback(address));
  if (token !== undefined && !encrypted && !insecure && exposed !== undefined) {
    throw invalid(
      "token",
      `it would travel to ${exposed} in plain text; connect with tls, or say insecure where something else encrypts`,
    );
  }
  return {
    channel: encrypted ? encryptedChannel(tls === true ? {} : tls) : grpc.credentials.createInsecure(),
    options: encrypted && tls !== true ? serverNameOptions(tls) : {},
    interceptors: token === undefined ? [] : [withBearer(token)],
  };
}

function encryptedChannel({ ca, cert, key }: TlsOptions): grpc.ChannelCredentials {
  if (ca !== undefined) checked("tls.ca", () => readCertificates(ca));
  if (cert === undefined || key === undefined) {
    if (cert !== undefined) throw invalid("tls.key", "a certificate needs its private key");
    if (key !== undefined) throw invalid("tls.cert", "a private key needs its certificate");
    return grpc.credentials.createSsl(bufferOf(ca));
  }
  const [own] = checked("tls.cert", () => readCertificates(cert));
  const expired = own && validityProblem(own, Date.now());
  if (expired !== undefined) throw invalid("tls.cert", expired);
  if (!own?.checkPrivateKey(checked("tls.key", () => readPrivateKey(key)))) {
    throw invalid("tls.key", "the private key does not belong to the certificate");
  }
  return grpc.credentials.createSsl(bufferOf(ca), bufferOf(key), bufferOf(cert));
}

function serverNameOptions({ serverName }: TlsOptions): grpc.ChannelOptions {
  if (serverName === undefined) return {};
  if (!/^[A-Za-z0-9._:-]+$/.test(serverName)) throw invalid("tls.serverName", "it is no host name");
  return { "grpc.ssl_target_name_override": serverName };
}

function checked<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error));
  }
}

function bufferOf(pem: Pem | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

function invalid(path: string, problem: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", `${path}: ${problem}`, { details: { fields: [{ path, problem }] } });
}
