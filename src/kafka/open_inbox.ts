/** An inbox on the thread that owns the consumer, which fetches into it. */
import type { Consumer } from "./consumer.ts";
import type { QueueHandle } from "./handle.ts";
import { Inbox, newRing } from "./inbox.ts";
import type { PartitionRouter } from "./partition_router.ts";

export interface OpenInbox {
  readonly inbox: Inbox;
  /** Partitions are to be forwarded to it; it ends with the consumer. */
  readonly queue: QueueHandle;
}

/**
 * @param capacity of its ring, in messages
 * @param owner has the consumer already, and disposes of the inbox before it
 */
export function openInbox(
  consumer: Consumer,
  capacity: number,
  router: PartitionRouter,
  owner: AsyncDisposableStack,
): OpenInbox {
  const { library } = consumer;
  const queue = consumer.newQueue();
  const ring = newRing(library, capacity);
  owner.defer(() => ring[Symbol.dispose]());
  const inbox = owner.use(
    new Inbox(library, {
      queue: consumer.addressOf(queue),
      ring: ring.address,
      capacity,
    }, router),
  );
  return { inbox, queue };
}
