import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** PEM text, as it stands in a file. */
export type Pem = string | Uint8Array;

const blockPattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a file, in its order. Throws an Error that says what is wrong with it. */
export function readCertificates(pem: Pem): readonly X509Certificate[] {
  const blocks = textOf(pem).match(blockPattern) ?? [];
  if (blocks.length === 0) throw new Error('it holds no certificate ("-----BEGIN CERTIFICATE-----")');
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new Error(`its certificate ${index + 1} of ${blocks.length} cannot be read`, { cause: error });
    }
  });
}

/** The private key of a file. Throws an Error that says what is wrong with it, and never what is in it. */
export function readPrivateKey(pem: Pem): KeyObject {
  const text = textOf(pem);
  if (!/-----BEGIN (?:\w+ )*PRIVATE KEY-----/.test(text)) {
    throw new Error('it holds no private key ("-----BEGIN PRIVATE KEY-----")');
  }
  if (/ENCRYPTED/.test(text)) throw new Error("its private key is encrypted; decrypt it first (openssl pkey)");
  try {
    return createPrivateKey(text);
  } catch {
    throw new Error("its private key cannot be read"); // a cause of OpenSSL's says no more, and could say too much
  }
}

/** What keeps a certificate from being used at `nowMs`; undefined: nothing. */
export function validityProblem(certificate: X509Certificate, nowMs: number): string | undefined {
  if (nowMs < certificate.validFromDate.getTime()) {
    return `its certificate is not valid before ${isoOf(certificate.validFromDate)}; is the clock right?`;
  }
  if (nowMs >= certificate.validToDate.getTime())
    return `its certificate expired on ${isoOf(certificate.validToDate)}; renew it`;
  return undefined;
}

/** A moment as people write it to the second. */
function isoOf(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

function textOf(pem: Pem): string {
  return typeof pem === "string" ? pem : Buffer.from(pem).toString("latin1");
}
