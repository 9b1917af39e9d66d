/** What the cost of telemetry is measured with. */
import { SpanIds } from "../src/telemetry/span_ids.ts";
import { TRACEPARENT, traceparentOf } from "../src/telemetry/trace_context.ts";
import type { NewRecord } from "../tests/support/record_codec.ts";

/** Takes everything that is exported over HTTP, and keeps nothing. */
export class Collector implements AsyncDisposable {
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      await request.body?.pipeTo(new WritableStream());
      return new Response();
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

/** Each begins a trace of its own, which is sampled. */
export function* traced(records: Iterable<NewRecord>): Generator<NewRecord> {
  const ids = new SpanIds(Uint32Array.of(1, 2, 3, 4));
  for (const record of records) {
    const value = traceparentOf(ids.trace(1)!);
    yield { ...record, headers: [{ name: TRACEPARENT, value }] };
  }
}
