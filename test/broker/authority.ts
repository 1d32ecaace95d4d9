import { generate } from "selfsigned";

/** A certificate with its private key, PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test's own. */
export interface Authority {
  readonly ca: string;
  /** For servers: valid for localhost and 127.0.0.1 unless `host` names another. Valid until tomorrow, or until `notAfter`. */
  issue(commonName: string, options?: { readonly notAfter?: Date; readonly host?: string }): Promise<Issued>;
}

const dayMs = 86_400_000;

export async function createAuthority(name = "test authority"): Promise<Authority> {
  const options = { keyType: "ec", algorithm: "sha256" } as const;
  const root = await generate([{ name: "commonName", value: name }], {
    ...options,
    notAfterDate: new Date(Date.now() + 2 * dayMs),
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true },
    ],
  });
  return {
    ca: root.cert,
    async issue(commonName, { notAfter = new Date(Date.now() + dayMs), host = "localhost" } = {}) {
      const issued = await generate([{ name: "commonName", value: commonName }], {
        ...options,
        ca: { key: root.private, cert: root.cert },
        notBeforeDate: new Date(Date.now() - dayMs),
        notAfterDate: notAfter,
        extensions: [
          { name: "basicConstraints", cA: false },
          {
            name: "subjectAltName",
            altNames: [
              { type: 2, value: host },
              ...(host === "localhost" ? [{ type: 7 as const, ip: "127.0.0.1" }] : []),
            ],
          },
        ],
      });
      return { cert: issued.cert, key: issued.private };
    },
  };
}
