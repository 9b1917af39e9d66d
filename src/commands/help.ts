/** What `--help` says of each command; its first line is said of wrong usage. */

const TWO_CLUSTERS = "PRIMARY_BROKERS and SECONDARY_BROKERS must be set.";
const RUNBOOK = "See docs/disaster-recovery.md.";
const FINISHED =
  "Exit status: 0 done, or nothing to do; 1 refused, failed or " +
  "stopped; 2 wrong\nusage or settings.";

export const HELP = {
  start: `usage: start [--messages N] [--for 30s]

Processes records until it is told to stop. Without PRIMARY_BROKERS it starts a
cluster in its own process and generates logins.

  --messages N   ends when N records are settled
  --for 30s      ends after this time
`,
  mirror: `usage: mirror [--from primary|secondary]

Copies one cluster to the other while that is active. See docs/mirroring.md.
${TWO_CLUSTERS}

  --from secondary   the mirror back to a primary that has returned
`,
  sentinel: `usage: sentinel

Watches both clusters, votes, fails over, keeps the state, and serves the
gateway (GATEWAY_LISTEN).
${TWO_CLUSTERS}
It has settings only: SENTINEL_MODE=advise tells, and does nothing.
${RUNBOOK}
`,
  status: `usage: status [--json] [--history N]

Prints which cluster is active, what sentinels and pools say, and the last
changes. Exit status: 0; 1 nothing can be read; 2 wrong usage or settings.

  --json        one JSON document; so, too, where the output is no terminal
  --history N   so many changes (10)
`,
  failover:
    `usage: failover [--to secondary] [--reason TEXT] [--planned | --force | --cancel] [--deny-principal User:NAME]… [--dry-run] [--json]

Makes the secondary the active cluster; run again, it goes on where it was.
${RUNBOOK}

  --to secondary   the only place to go to; home leads failback --switch
  --reason TEXT    goes into the history
  --planned        from a primary that lives, without any loss
  --force          though the primary answers
  --cancel         gives up a failover, or a planned one, that rests
  --deny-principal User:NAME
                   with --planned or --force: may neither write to the primary
                   nor be in its groups until that is active again
  --dry-run        prints the plan and changes nothing
  --json           one line at the end

${FINISHED}
`,
  failback:
    `usage: failback [--dry-run] [--switch] [--force] [--cancel] [--deny-principal User:NAME]… [--tail [TOPIC=]replay|quarantine|discard]… [--reason TEXT] [--json]

Brings a primary that has returned home: deals with what only that has, and ends
when the mirror back (mirror --from secondary) has come to the end once; run
again, it goes on where it was. ${RUNBOOK}

  --dry-run       prints the plan and changes nothing
  --switch        goes on to make the primary active
  --force         with --switch: neither looks at groups nor waits for them
  --cancel        gives up what rests, with the secondary alone
  --deny-principal User:NAME
                  with --switch: may neither write to the secondary nor be in its
                  groups until that is active again
  --tail ACTION   replay, quarantine or discard; TOPIC=ACTION for one topic
  --reason TEXT   goes into the history
  --json          one line at the end

${FINISHED}
`,
  drill:
    `usage: drill [--scenario kill] [--seed N] [--soak N] [--at-once N] [--max-rto 5s] [--max-rpo 2s] [--clusters [--break COMMAND --mend COMMAND]] [--json] [--list]

Tries out a failover on two embedded clusters, or on yours also a planned switch
and back, and judges it.
${RUNBOOK}

  --scenario NAME   what happens; kill by default, all of them in a soak
  --list            names the scenarios
  --seed N          moves what happens and changes the load (1)
  --soak N          so many drills
  --at-once N       so many of them side by side (1)
  --max-rto 5s      from the fault to the first output; of a planned switch how
                    long the load waits; default: the scenario's
  --max-rpo 2s      what may be missing on the new cluster
  --clusters        on those of PRIMARY_BROKERS and SECONDARY_BROKERS, in topics
                    of its own
  --break COMMAND   kills or hangs the primary's brokers, by /bin/sh with
                    DRILL_FAULT (kill, hang) and DRILL_SCENARIO; only with --mend
  --mend COMMAND    mends it
  --json            one line at the end

Exit status: 0 the objectives were met; 1 they were not, or it failed; 2 wrong
usage or settings.
`,
  generate:
    `usage: generate [--rate 1000] [--malformed 0.01] [--messages N] [--for 30s]

Sends generated logins to INPUT_TOPIC, which must exist, on the cluster of
PRIMARY_BROKERS; with SECONDARY_BROKERS set, to whichever is active.

  --rate 1000        logins a second
  --malformed 0.01   the share of them that are to be dead letters
  --messages N       ends when so many are acknowledged
  --for 30s          ends after this time
`,
  redrive:
    `usage: redrive [--topic T] [--to T] [--filter FIELD=VALUE]… [--dry-run] [--max N]

Puts dead letters of the cluster of PRIMARY_BROKERS back, each once. See
README.md.

  --topic T              of this topic; default: DLQ_TOPIC
  --to T                 to this topic; default: where each came from
  --filter FIELD=VALUE   those alone; several are ANDed
  --dry-run              counts, and changes nothing
  --max N                no more than N
`,
  config: `usage: config [--json]

Prints the settings in effect, and where each comes from.

  --json   one JSON document
`,
  doctor: `usage: doctor [--json]

Says what works on this machine and what is missing.

  --json   one JSON document
`,
  health: `usage: health

Asks the process with the same settings (HTTP_HOST, HTTP_PORT) whether it is
alive: the health check of a container. Exit status: 0 it is; 1 it is not, or
does not answer; 2 wrong usage or settings.
`,
  native: `usage: native [--force]

Builds the native Kafka library where that is not done.

  --force   builds it again
`,
} as const;

/** One line. */
export const usageOf = (command: keyof typeof HELP): string =>
  HELP[command].split("\n")[0]!;
