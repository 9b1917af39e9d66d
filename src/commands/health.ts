/** `health`: a container's health check, where there is no shell and no curl. */
import { loadProcessSettings, SettingsError } from "../config/mod.ts";
import { usageOf } from "./help.ts";
import { complain, print } from "./output.ts";
import { wordsOf } from "./words.ts";

/** A process that is alive answers at once; probes give up after 10 s. */
const MOST_MS = 5_000;

/** What listens on all addresses is asked on this machine's own. */
const ANY_ADDRESS: Readonly<Record<string, string>> = {
  "0.0.0.0": "127.0.0.1",
  "::": "::1",
};

/**
 * Asks `/livez` of the process that has the same settings. Exit status: 0 it is
 * alive, 1 it is not or does not answer, 2 wrong usage or settings.
 */
export async function health(args: readonly string[]): Promise<number> {
  let url: string;
  try {
    wordsOf(args, {});
    const { httpHost, httpPort } = loadProcessSettings().settings;
    if (httpPort === 0) {
      return complain(2, "HTTP_PORT is 0, any free port: set the one to ask");
    }
    url = livezOf(httpHost, httpPort);
  } catch (error) {
    if (error instanceof SettingsError) return complain(2, error.message);
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${usageOf("health")}`);
  }
  return await ask(url, MOST_MS);
}

export function livezOf(listening: string, port: number): string {
  const host = ANY_ADDRESS[listening] ?? listening;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/livez`;
}

/** @returns the exit status. */
export async function ask(url: string, timeoutMs: number): Promise<number> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    const answer = await response.text();
    if (!response.ok) return complain(1, answer);
    print(answer);
    return 0;
  } catch (error) {
    return complain(1, `${url}: ${(error as Error).message}`);
  }
}
