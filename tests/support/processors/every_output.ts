/** Gives every kind of answer that a record processor can give. */
import { type Output, processor, RejectError } from "switchyard";
import { z } from "zod";

const kinds = [
  "echo",
  "several",
  "nothing",
  "empty list",
  "throws",
  "rejects",
  "late",
  "no value",
  "half",
  "no such partition",
] as const;

export default processor({
  input: z.object({
    kind: z.enum(kinds),
    /** Of a second topic. */
    aside: z.string(),
    /** Made by the schema where it is missing. */
    count: z.number().default(1),
  }),
  async process(record, { signal, log }): Promise<Output | Output[] | void> {
    const { value } = record;
    const { kind, aside } = value;
    switch (kind) {
      case "echo": {
        const { headers, key, partition, offset, topic, timestampMs } = record;
        const view = { value, key, partition, offset, topic, timestampMs };
        return { key, value: view, headers };
      }
      case "several":
        return [
          {
            key: "text",
            value: "as it is",
            timestampMs: record.timestampMs + 1,
            headers: [
              { key: "a", value: "1" },
              { key: "b", value: null },
              { key: "a", value: new Uint8Array([255]) },
            ],
          },
          { key: new Uint8Array([0, 255]), value: new Uint8Array([1, 0, 2]) },
          { key: "tombstone", value: null, topic: aside, partition: 2 },
          { value: ["no", "key"], topic: aside },
          { key: "", value: "", topic: aside, partition: 0 },
        ];
      case "nothing":
        return;
      case "empty list":
        return [];
      case "throws":
        throw new RangeError("not this one");
      case "rejects":
        return await Promise.reject(new RejectError("nor this one"));
      case "late":
        await new Promise((resolve) =>
          signal.addEventListener("abort", resolve)
        );
        log.info("aborted", { reason: signal.reason.message });
        return { value: "too late" };
      case "no value":
        return { value: undefined };
      case "half":
        return [{ value: "must not come alone" }, { value: () => {} }];
      case "no such partition":
        return { value: "nowhere", partition: 99 };
      default:
        kind satisfies never;
    }
  },
});
