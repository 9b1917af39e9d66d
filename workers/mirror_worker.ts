/// <reference lib="deno.worker" />
/** A worker thread that mirrors: one lane, from one cluster to another. */
import type { MirrorJob, OpenMessage } from "../src/pool/protocol.ts";
import { KeptGate } from "./kept_gate.ts";
import { MirrorSink } from "./mirror_sink.ts";
import { Router } from "./router.ts";
import {
  serveThread,
  type ThreadParts,
  type ThreadWork,
} from "./thread_main.ts";

let sink: MirrorSink | undefined;
const gate = new KeptGate();

serveThread<MirrorJob, void>({
  prepare: () => Promise.resolve(),
  build,
  told(message) {
    switch (message.kind) {
      case "topics":
        sink?.aim(message.topics);
        break;
      case "snapshot":
        sink?.snapshot(message.parts);
        break;
      case "kept":
        gate.keep(message.outputs);
        break;
      case "beginnings":
        sink?.begin(message.beginnings);
        break;
      default:
        break; // every kind of thread is told the others
    }
  },
});

function build(
  { job }: OpenMessage<MirrorJob>,
  _: void,
  parts: ThreadParts,
): ThreadWork {
  const { onFetchFailure, post } = parts;
  const mirror = new MirrorSink({
    ...parts,
    job,
    commit: (partitions, note) => post({ kind: "commit", partitions, note }),
    onLogChanged: (ownership, offset) =>
      post({ kind: "logChanged", ownership, offset }),
    onAborted: parts.fail,
  });
  sink = mirror;
  return {
    router: new Router(onFetchFailure, gate),
    kind: { handle: (ticket) => mirror.copy(ticket), abort: () => {} },
    sink: mirror,
    exactEveryMs: null,
    committed: () => mirror.committed(),
  };
}
