/** Looks at the output of running processes until it has all been written. */
import type { Sample } from "./figures.ts";
import type { MeasuredProcess, Usage } from "./measured_process.ts";

const LOOK_MS = 25;
/** Without a new output for so long, all have been written. */
const QUIET_MS = 1500;
const STALL_MS = 60_000;

export interface Watched {
  readonly samples: readonly Sample[];
  /** From the start to the last output. */
  readonly totalSeconds: number;
  /** Until the last output. */
  readonly usage: Usage;
}

export interface WatchOptions {
  /** Records, of which there is one output each at least. */
  readonly expected: number;
  /** Of the processes, by `performance.now()`. */
  readonly started: number;
  readonly signal: AbortSignal;
}

/**
 * Ends when all is there, when the processes have ended, or when nothing comes
 * any more.
 *
 * @param outputs the sum of the output's high watermarks.
 */
export async function watchOutputs(
  processes: readonly MeasuredProcess[],
  outputs: () => Promise<number>,
  { expected, started, signal }: WatchOptions,
): Promise<Watched> {
  const samples: Sample[] = [];
  let usage: Usage = { cpuSeconds: 0, peakMb: 0 };
  let lastMs = started;
  for (;;) {
    signal.throwIfAborted();
    const count = await outputs();
    const usageNow = total(processes.map((process) => process.usage()));
    const nowMs = performance.now();
    if (count > (samples.at(-1)?.outputs ?? 0)) {
      samples.push({ seconds: (nowMs - started) / 1000, outputs: count });
      usage = usageNow;
      lastMs = nowMs;
    }
    const quietMs = nowMs - lastMs;
    const haveEnded = processes.every(({ alive }) => !alive);
    if (count >= expected && quietMs > QUIET_MS) break;
    if (haveEnded && quietMs > QUIET_MS) break;
    if (quietMs > STALL_MS) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { samples, totalSeconds: (lastMs - started) / 1000, usage };
}

function total(usages: readonly Usage[]): Usage {
  return usages.reduce((sum, each) => ({
    cpuSeconds: sum.cpuSeconds + each.cpuSeconds,
    peakMb: sum.peakMb + each.peakMb,
  }));
}
