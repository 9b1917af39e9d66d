/// <reference lib="deno.worker" />
/** A thread that steps on one page after another until it is fenced there. */
import { FencedError, Phase, WorkerPage } from "../../src/pool/page.ts";

export interface Race {
  readonly pages: readonly SharedArrayBuffer[];
  /** By page: how many steps succeeded. */
  readonly steps: SharedArrayBuffer;
}

self.onmessage = ({ data }: MessageEvent<Race>) => {
  const steps = new Int32Array(data.steps);
  for (const [index, memory] of data.pages.entries()) {
    const page = new WorkerPage(memory);
    try {
      for (;;) {
        page.enter(Phase.user);
        steps[index]!++;
      }
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
    }
  }
  self.postMessage("over");
};
