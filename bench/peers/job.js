import process from "node:process";

/** What every system of the bench is told, in the names Switchyard uses. */
export const settings = {
  brokers: required("PRIMARY_BROKERS").split(","),
  input: required("INPUT_TOPIC"),
  output: required("OUTPUT_TOPIC"),
  group: required("GROUP_ID"),
};

/** The reference job: the bytes of a login in, the login to store out. */
export function processLogin(bytes) {
  const login = JSON.parse(bytes.toString());
  login.device_type = login.device_type.trim().toLowerCase();
  login.locale = login.locale.toUpperCase();
  login.login_at = new Date(login.timestamp * 1000).toISOString();
  login.processed_at = new Date().toISOString();
  return login;
}

/** Runs `close` once, at the signal by which the bench ends a system. */
export function onStop(close) {
  process.once("SIGTERM", async () => {
    await close();
    process.exit(0);
  });
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
