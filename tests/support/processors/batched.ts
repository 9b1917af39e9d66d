/** Answers whole batches, every other one later. */
import { processor } from "switchyard";

let batches = 0;

export default processor({
  processBatch(batch, output) {
    const answer = () => {
      for (let index = 0; index < batch.count; index++) {
        const { number } = JSON.parse(batch.text(index)!) as { number: number };
        const key = batch.keyText(index);
        switch (number % 10) {
          case 0:
            output.reject(index, `refused ${number}`);
            break;
          case 1:
            break; // skipped
          case 2:
            output.emit(index, { key, value: { number } });
            output.emit(index, { key, value: { number, again: true } });
            break;
          default:
            if (number === 777) throw new Error("no further");
            output.emit(index, { key, value: { number } });
        }
      }
    };
    if (batches++ % 2 === 0) return answer();
    return Promise.resolve().then(answer);
  },
});
