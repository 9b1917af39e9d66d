/** Reads the headers of a fetched message, which stay in librdkafka's memory. */
import { addressIn, memoryAt, pointerAt, readCString } from "./memory.ts";
import type { ReadHeader } from "./message.ts";
import type { CoreSymbols } from "./symbols.ts";

const NO_HEADERS: readonly ReadHeader[] = [];
const decoder = new TextDecoder();

/** @param message its address */
export function readHeaders(
  symbols: CoreSymbols,
  message: bigint,
): readonly ReadHeader[] {
  const list = headerList(symbols, message);
  if (list === null) return NO_HEADERS;
  const headers: ReadHeader[] = [];
  const fields = new Uint32Array(6);
  const field = (word: number) => new Uint8Array(fields.buffer, word * 4, 8);
  while (
    symbols.rd_kafka_header_get_all(
      list,
      BigInt(headers.length),
      field(0),
      field(2),
      field(4),
    ) === 0
  ) {
    headers.push({
      key: readCString(pointerAt(addressIn(fields, 0))) ?? "",
      value: valueIn(fields, 2, 4),
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
  const list = headerList(symbols, message);
  if (list === null) return null;
  const fields = new Uint32Array(4);
  const code = symbols.rd_kafka_header_get_last(
    list,
    name,
    new Uint8Array(fields.buffer, 0, 8),
    new Uint8Array(fields.buffer, 8, 8),
  );
  const value = code === 0 ? valueIn(fields, 0, 2) : null;
  return value && decoder.decode(value);
}

function headerList(symbols: CoreSymbols, message: bigint): bigint | null {
  const list = new BigUint64Array(1);
  const code = symbols.rd_kafka_message_headers(
    message,
    new Uint8Array(list.buffer),
  );
  return code === 0 ? list[0]! : null;
}

/** A copy of the bytes whose address and length stand in these words. */
function valueIn(
  fields: Uint32Array<ArrayBuffer>,
  address: number,
  length: number,
): Uint8Array<ArrayBuffer> | null {
  const value = addressIn(fields, address);
  if (value === 0) return null;
  const byteLength = fields[length]!;
  if (byteLength === 0) return new Uint8Array(0);
  return memoryAt(value, byteLength).bytes.slice();
}
