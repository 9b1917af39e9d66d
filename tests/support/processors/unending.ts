/** A handler that never ends, whatever it is told. */
import { processor } from "switchyard";

export default processor({
  process(_record, { log }) {
    log.info("begun");
    return new Promise<void>(() => {});
  },
});
