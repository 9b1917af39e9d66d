/** Reads the headers of a fetched message, which stay in librdkafka's memory. */
import { Buffer } from "node:buffer";
import {
  addressIn,
  addressOf,
  memoryAt,
  pointerAt,
  readCString,
} from "./memory.ts";
import type { ReadHeader } from "./message.ts";
import type { CoreSymbols } from "./symbols.ts";

const NO_HEADERS: readonly ReadHeader[] = [];
const decoder = new TextDecoder();

// What the calls write to, made once: a record costs several calls.
const list = new BigUint64Array(1);
const listOut = new Uint8Array(list.buffer);
const fields = new Uint32Array(6);
/** The same, as arguments of another call. */
const cells = new BigUint64Array(fields.buffer);
const [firstOut, secondOut, thirdOut] = [0, 8, 16].map((at) =>
  new Uint8Array(fields.buffer, at, 8)
) as [Out, Out, Out];
type Out = Uint8Array<ArrayBuffer>;

const SCRATCH_BYTES = 1024;
/** Where short values are copied to: a view of each would cost several times more. */
let scratch: { readonly buffer: Buffer; readonly address: bigint } | undefined;

/** @param message its address */
export function readHeaders(
  symbols: CoreSymbols,
  message: bigint,
): readonly ReadHeader[] {
  if (!findList(symbols, message)) return NO_HEADERS;
  const headers: ReadHeader[] = [];
  while (
    symbols.rd_kafka_header_get_all(
      list[0]!,
      BigInt(headers.length),
      firstOut,
      secondOut,
      thirdOut,
    ) === 0
  ) {
    headers.push({
      key: readCString(pointerAt(addressIn(fields, 0))) ?? "",
      value: bytesAt(addressIn(fields, 2), fields[4]!)?.slice() ?? null,
    });
  }
  return headers;
}

/**
 * The last header of a name as text, without reading the others; null where
 * there is none.
 * @param name a C string
 */
export function readLastHeader(
  symbols: CoreSymbols,
  message: bigint,
  name: Uint8Array<ArrayBuffer>,
): string | null {
  if (!findList(symbols, message)) return null;
  const code = symbols.rd_kafka_header_get_last(
    list[0]!,
    name,
    firstOut,
    secondOut,
  );
  if (code !== 0) return null;
  const byteLength = fields[2]!;
  if (byteLength > SCRATCH_BYTES || cells[0] === 0n) {
    const value = bytesAt(addressIn(fields, 0), byteLength);
    return value && decoder.decode(value);
  }
  const { address, buffer } = scratch ??= newScratch();
  symbols.memcpy(address, cells[0]!, cells[1]!);
  return buffer.toString("utf8", 0, byteLength);
}

function newScratch() {
  const bytes = new Uint8Array(SCRATCH_BYTES);
  const address = BigInt(addressOf(Deno.UnsafePointer.of(bytes)));
  return { buffer: Buffer.from(bytes.buffer), address };
}

/** Leaves the address of the message's headers in `list`; false: it has none. */
const findList = (symbols: CoreSymbols, message: bigint): boolean =>
  symbols.rd_kafka_message_headers(message, listOut) === 0;

/** Of librdkafka's memory, to be read at once. */
function bytesAt(
  address: number,
  byteLength: number,
): Uint8Array<ArrayBuffer> | null {
  if (address === 0) return null;
  return byteLength === 0
    ? new Uint8Array(0)
    : memoryAt(address, byteLength).bytes;
}
