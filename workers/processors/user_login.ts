/**
 * The reference processor: validates and normalises logins.
 *
 * Trims and lower-cases `device_type`, upper-cases `locale`, adds `login_at`
 * (ISO 8601, from `timestamp` in seconds) and `processed_at`, keeps every other
 * field, and keys the output by `user_id`.
 */
import { z } from "zod";
import { processor } from "../processor.ts";
import { isoFromSeconds, isoNow } from "./iso_time.ts";

/** The largest time that a JavaScript Date can hold, in seconds. */
const MAX_SECONDS = 8.64e12;

const login = z.object({
  user_id: z.string().min(1),
  app_version: z.string(),
  device_type: z.string(),
  ip: z.string(),
  locale: z.string(),
  device_id: z.string(),
  timestamp: z.number().min(0).max(MAX_SECONDS),
});

export default processor({
  check: login,
  process(record) {
    const value = record.value;
    return {
      key: value.user_id,
      value: {
        ...value,
        device_type: value.device_type.trim().toLowerCase(),
        locale: value.locale.toUpperCase(),
        login_at: isoFromSeconds(value.timestamp),
        processed_at: isoNow(),
      },
    };
  },
});
