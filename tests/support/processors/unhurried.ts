/** Takes its time, another for every record. */
import { processor, RejectError } from "switchyard";

let running = 0;

export default processor({
  async process(record) {
    const { number } = record.value as { number: number };
    const atOnce = ++running;
    // Every eighth ends at once, the others in another order than they began.
    const waitMs = (number * 7919) % 8;
    if (waitMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    running--;
    if (number % 50 === 0) throw new RejectError(`refused ${number}`);
    return { key: record.key, value: { number, atOnce } };
  },
});
