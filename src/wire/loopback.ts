/** Whether a host, or the host of `host:port`, is this machine alone: localhost, 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$|^::1$/i.test(address);
}
