/**
 * Finds logins from a device that its user has not used before.
 *
 * Each login goes on to the output topic with a field `new_device`. Where that
 * is true, an alert for the security team goes to a topic of its own:
 *
 *     user-login ──> user-login-processed    every login
 *                └─> user-login-new-device   alerts, with a header
 *
 * Try it: PROCESSOR=examples/new_devices.ts deno task start
 */
import { processor } from "switchyard";
import { z } from "zod";

const ALERT_TOPIC = "user-login-new-device";

/** What is remembered has a bound: at 100,000 users some 30 MB a worker. */
const MOST_USERS = 100_000;

// Logins that do not look like this go to the dead-letter topic, with the
// reason. `looseObject` keeps the fields that are not named here.
const login = z.looseObject({
  user_id: z.string().min(1),
  device_id: z.string().min(1),
  device_type: z.string(),
  ip: z.string(),
  timestamp: z.number().min(0).max(8.64e12), // seconds, as a Date can hold
});

export default processor({
  input: login,
  process(record) {
    // Parsed and checked by each read of `record.value`, so read it once.
    const { value } = record;
    const { user_id, device_id, device_type, ip, timestamp } = value;
    const new_device = isNewDevice(user_id, device_id);
    const passedOn = { key: user_id, value: { ...value, new_device } };
    if (!new_device) return passedOn;
    // The input counts as processed when both have arrived.
    return [passedOn, {
      topic: ALERT_TOPIC,
      key: user_id,
      value: { user_id, device_id, device_type: device_type.trim(), ip },
      headers: [{ key: "alert", value: "new-device" }],
      timestampMs: timestamp * 1000,
    }];
  },
});

/**
 * The devices of each user. A module is loaded once a worker thread, so this is
 * one thread's memory. That is enough while logins are keyed by user: those of
 * one user are in one partition, and a partition has one worker at a time. After
 * a restart, or when the partition moves, a user is unknown once more, which
 * can hide one alert; what must never be forgotten belongs in a database.
 */
const devicesOf = new Map<string, Set<string>>();

/** Remembers the device; the first one of an unknown user is no news. */
function isNewDevice(user: string, device: string): boolean {
  const devices = devicesOf.get(user) ?? new Set();
  const isNew = devices.size > 0 && !devices.has(device);
  devices.add(device);
  // Put last again, so that the first ones are those not seen for longest.
  devicesOf.delete(user);
  devicesOf.set(user, devices);
  for (const [oldest] of devicesOf) {
    if (devicesOf.size <= MOST_USERS) break;
    devicesOf.delete(oldest);
  }
  return isNew;
}
