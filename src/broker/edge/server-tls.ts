import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import { ConveyorError } from "../../core/errors.ts";
import { type Pem, readCertificates, readPrivateKey, validityProblem } from "../../wire/certificates.ts";

/** What a broker shows of itself, and whom it lets in. All of it PEM. */
export interface ServerTls {
  /** The broker's certificate, then its chain. */
  readonly cert: Pem;
  readonly key: Pem;
  /** Authorities: with them every client must show a certificate that one of them has signed. */
  readonly clientCa?: Pem | undefined;
}

/** The TLS of a listening server. */
export interface TlsIdentity {
  readonly credentials: ServerCredentials;
  /** New connections get this one; whether clients are asked for certificates stays. Throws as `createTlsIdentity`. */
  replace(tls: ServerTls): void;
}

/**
 * Throws CERTIFICATE_INVALID, its one field (`tls.cert`, `tls.key`, `tls.clientCa`) saying which part is wrong: no PEM, expired, a
 * key of another certificate.
 */
export function createTlsIdentity(first: ServerTls, nowMs: () => number): TlsIdentity {
  checkServerTls(first, nowMs());
  const asksClients = first.clientCa !== undefined;
  const own = heard({ certificate: bufferOf(first.cert), privateKey: bufferOf(first.key) });
  const authorities = heard({ caCertificate: bufferOf(first.clientCa ?? "") });
  const provider: experimental.CertificateProvider = {
    addIdentityCertificateListener: own.add,
    removeIdentityCertificateListener: own.remove,
    addCaCertificateListener: authorities.add,
    removeCaCertificateListener: authorities.remove,
  };
  // What grpc-js calls experimental here is its only way to change the certificate of a server that listens. Its first two
  // parameters bear each other's names in 1.14: the one that may be null is the provider of authorities.
  const credentials = experimental.createCertificateProviderServerCredentials(
    provider,
    asksClients ? provider : null,
    asksClients,
  );
  return {
    credentials,
    replace(tls) {
      if ((tls.clientCa !== undefined) !== asksClients) {
        throw invalid("tls.clientCa", "whether clients are asked for certificates changes only with a restart");
      }
      checkServerTls(tls, nowMs());
      authorities.set({ caCertificate: bufferOf(tls.clientCa ?? "") });
      own.set({ certificate: bufferOf(tls.cert), privateKey: bufferOf(tls.key) });
    },
  };
}

/** From when to when the broker's certificate is valid, in ms. Throws as `createTlsIdentity`. */
export function checkServerTls(tls: ServerTls, nowMs: number): { readonly fromMs: number; readonly toMs: number } {
  const [leaf] = checked("tls.cert", () => readCertificates(tls.cert));
  if (leaf === undefined) throw invalid("tls.cert", "it holds no certificate");
  const problem = validityProblem(leaf, nowMs);
  if (problem !== undefined) throw invalid("tls.cert", problem);
  if (!leaf.checkPrivateKey(checked("tls.key", () => readPrivateKey(tls.key)))) {
    throw invalid("tls.key", "the private key does not belong to the certificate (the first one of its file)");
  }
  const { clientCa } = tls;
  if (clientCa !== undefined) {
    const problems = checked("tls.clientCa", () => readCertificates(clientCa)).map((ca) => validityProblem(ca, nowMs));
    const [first] = problems;
    if (first !== undefined && problems.every((each) => each !== undefined)) throw invalid("tls.clientCa", first);
  }
  return { fromMs: leaf.validFromDate.getTime(), toMs: leaf.validToDate.getTime() };
}

type Listener<Update> = (update: Update | null) => void;

/** A value whose listeners hear of it and of every change, as grpc-js wants it. */
function heard<Update>(first: Update) {
  const listeners = new Set<Listener<Update>>();
  let latest = first;
  return {
    add(listener: Listener<Update>) {
      listeners.add(listener);
      // Not at once: grpc-js keeps who wants to hear of it only after this returned.
      process.nextTick(() => listener(latest));
    },
    remove: (listener: Listener<Update>) => void listeners.delete(listener),
    set(next: Update) {
      latest = next;
      for (const listener of listeners) listener(next);
    },
  };
}

function checked<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error));
  }
}

function bufferOf(pem: Pem): Buffer {
  return Buffer.from(pem);
}

function invalid(path: string, problem: string): ConveyorError {
  return new ConveyorError("CERTIFICATE_INVALID", `${path}: ${problem}`, { details: { fields: [{ path, problem }] } });
}
