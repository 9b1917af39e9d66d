/** Whether a majority of the brokers can be reached. */
import { unlessAborted } from "../waits.ts";
import { askBroker, type BrokerReply } from "./broker_reply.ts";
import type { BrokerAddress } from "./known_brokers.ts";
import type { ProbeOutcome, ProbeSession } from "./probe.ts";

export interface BrokersProbeOptions {
  /** Those known by now, never none. */
  readonly addresses: () => readonly BrokerAddress[];
  /** See `askBroker`. */
  readonly asksRequests: boolean;
  readonly timeoutMs: number;
}

/** Brokers that a reason names. */
const NAMED = 5;

export function brokersProbe(options: BrokersProbeOptions): ProbeSession {
  const { addresses, asksRequests, timeoutMs } = options;
  return {
    lastError: null,
    async ask(signal) {
      const asked = addresses();
      const replies = Promise.all(
        asked.map((address) =>
          askBroker({ address, asksRequests, timeoutMs }, signal)
        ),
      );
      return judge(asked, await unlessAborted(replies, signal));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Half of them is no majority: which half is the right one, nobody can say. */
export function judge(
  addresses: readonly BrokerAddress[],
  replies: readonly BrokerReply[],
): ProbeOutcome {
  const bad = addresses.flatMap(({ host, port }, at) =>
    replies[at] === "answers" ? [] : [`${host}:${port} ${replies[at]}`]
  );
  if (bad.length === 0) return { kind: "passed", remark: null };
  const more = bad.length > NAMED ? `, and ${bad.length - NAMED} more` : "";
  const text = `${bad.length} of ${addresses.length} brokers do not answer: ` +
    bad.slice(0, NAMED).join(", ") + more;
  return 2 * bad.length < addresses.length
    ? { kind: "passed", remark: text }
    : { kind: "failed", why: text };
}
