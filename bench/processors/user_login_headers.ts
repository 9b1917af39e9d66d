/** The reference job with a header and a timestamp on every output. */
import type { Output } from "../../workers/processor.ts";
import userLogin from "../../workers/processors/user_login.ts";

const headers = [{ key: "source", value: "bench" }];

const withHeaders: typeof userLogin = {
  ...userLogin,
  process(record, context) {
    // The reference returns exactly one output, and not a promise.
    const output = userLogin.process(record, context) as Output;
    return { ...output, headers, timestampMs: record.timestampMs };
  },
};
export default withHeaders;
