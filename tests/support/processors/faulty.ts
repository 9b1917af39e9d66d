/**
 * A processor of logins that misbehaves: it does what `FAULT` names at logins
 * whose `event_id` is `FAULT_AT` or more. With `FAULT_MARK`, the name of a file,
 * only the first thread of any process that meets one does so, and once.
 *
 * Outputs say which thread made them and when.
 */
import { processor } from "switchyard";
import { z } from "zod";

/** What an output adds to its login; a mark file holds the same of a fault. */
export interface Trace {
  readonly thread: string;
  readonly at_ms: number;
}

/** Of this thread: modules are loaded anew for each. */
const thread = crypto.randomUUID();
const faultAt = Number(Deno.env.get("FAULT_AT"));
const markFile = Deno.env.get("FAULT_MARK") ?? "";
const hangMs = Number(Deno.env.get("FAULT_HANG_MS") ?? Infinity);
const leakBytes = Number(Deno.env.get("FAULT_LEAK_BYTES") ?? 0);

const kept: unknown[] = [];

const faults: Readonly<Record<string, () => void>> = {
  throwLater() {
    setTimeout(() => {
      throw new Error("thrown outside a handler");
    }, 0);
  },
  rejectLater() {
    void Promise.reject(new Error("rejected outside a handler"));
  },
  exit() {
    Deno.exit(3);
  },
  exitLater() {
    setTimeout(() => {
      try {
        self.close();
      } finally {
        Deno.exit(3);
      }
    }, 0);
  },
  /** When it comes back it marks that, and returns an output like any other. */
  hang() {
    const startMs = performance.now();
    while (performance.now() - startMs < hangMs);
    mark(`${markFile}.woke`);
  },
  outOfMemory() {
    for (;;) kept.push(new Array(100_000).fill(Math.random()));
  },
};
const fault = faults[Deno.env.get("FAULT") ?? ""];

export default processor({
  input: z.looseObject({ event_id: z.number() }),
  process({ key, value }) {
    if (leakBytes > 0) kept.push(new Array(leakBytes / 8).fill(Math.random()));
    if (value.event_id >= faultAt && isFirst()) fault?.();
    return { key, value: { ...value, thread, at_ms: Date.now() } };
  },
});

const isFirst = () => markFile === "" || mark(markFile);

/** Returns false when the file is there already. */
function mark(file: string): boolean {
  const trace: Trace = { thread, at_ms: Date.now() };
  try {
    Deno.writeTextFileSync(file, JSON.stringify(trace), { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}
