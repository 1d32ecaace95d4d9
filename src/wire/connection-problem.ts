/** What stands in the way of a connection, out of what grpc-js says of its last try: in words of ours where TLS is the matter. */
export function connectionProblem(said: string): string {
  const text = said
    .replace(/^No connection established\. Last error: (?:Error(?: \[\w+\])?: )?/, "")
    .replace(/\.?\s*Resolution note:\s*$/, "")
    .replace(/^[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):[\s\S]*$/, "$1")
    .trim();
  const found = hints.find(([pattern]) => pattern.test(text));
  return found === undefined ? text : found[1](text);
}

const hints: readonly (readonly [pattern: RegExp, say: (text: string) => string])[] = [
  [/wrong version number|packet length too long/, () => "it speaks plain text, and TLS was tried; leave tls away"],
  [
    /^Failed to connect \(/,
    () => "it ended the connection at once; it may speak TLS (see tls), or not take the certificate of this client",
  ],
  [/altnames|ALTNAME/, (text) => `its certificate is for another name (${text}); tls.serverName says which is meant`],
  [/certificate has expired/, () => "its certificate has expired"],
  [
    /alert.*certificate|certificate required/,
    (text) => `it does not take the certificate of this client (${text}); see tls.cert and tls.key`,
  ],
  [
    /certificate|self.signed/,
    (text) => `its certificate is not trusted (${text}); tls.ca names the authority that has signed it`,
  ],
];
