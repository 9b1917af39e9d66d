/** A process that is aborted if OpenSSL cleans up at its end. */
import assert from "node:assert/strict";
import { Producer } from "../../src/kafka/mod.ts";
import { library } from "./embedded.ts";

const { symbols } = Deno.dlopen(library.path, {
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
  OPENSSL_atexit: { parameters: ["pointer"], result: "i32" },
});
await using producer = new Producer(library, { "security.protocol": "ssl" });
const abort = symbols.dlsym(null, new TextEncoder().encode("abort\0"));
assert.notEqual(abort, null);
assert.equal(symbols.OPENSSL_atexit(abort), 1);
console.log(producer.name);
