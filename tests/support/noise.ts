const MOST = 65_536;

/** Bytes that no compression makes smaller. */
export function noise(bytes: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += MOST) {
    crypto.getRandomValues(all.subarray(at, Math.min(bytes, at + MOST)));
  }
  return all;
}
