/** The commands of docs/disaster-recovery.md, and where tests run them. */

const DOCUMENT = new URL("../../docs/disaster-recovery.md", import.meta.url);

/** What `integration/runbook_drills` runs: it needs no brokers. */
export const DRILLS: readonly string[] = [
  "drill",
  "drill --scenario both-down --seed 7 --json",
];

/**
 * What neither of the two runs, and the files under `tests` that run
 * it with other operands: it needs time, users, or a broker to kill.
 */
export const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // `integration/keep_clients_away` reads them from their section.
  "failover --planned --deny-principal User:alice": [],
  "failback --switch --deny-principal User:alice": [],
  "drill --soak 100 --at-once 4": ["drill/embedded_test.ts"],
  "drill --clusters --scenario planned": [
    "drill/planned_test.ts",
    "drill/support/drill_run.ts",
  ],
  "drill --clusters --break 'ssh kafka1 systemctl kill -s KILL kafka' --mend 'ssh kafka1 systemctl start kafka'":
    [
      "drill/clusters_test.ts",
      "drill/support/drill_run.ts",
      "drill/support/broker_breaker.ts",
    ],
};

/** What stands behind `deno task`, in blocks and in the text. */
export async function runbookCommands(): Promise<ReadonlySet<string>> {
  const document = await Deno.readTextFile(DOCUMENT);
  const blocks = document.matchAll(/^ {4}deno task ([^#\n]+)/gm);
  const inline = document.matchAll(/`deno task ([^`]+)`/g);
  return new Set(
    [...blocks, ...inline].map(([, command]) =>
      command!.trim().replaceAll(/\s+/g, " ")
    ),
  );
}
