/** The command line: `main.ts <command> [options]`. */

type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when used: `config` must not need a native library. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import("./commands/start.ts")).start,
  mirror: async () => (await import("./commands/mirror.ts")).mirror,
  sentinel: async () => (await import("./commands/sentinel.ts")).sentinel,
  status: async () => (await import("./commands/status.ts")).status,
  failover: async () => (await import("./commands/failover.ts")).failover,
  failback: async () => (await import("./commands/failback.ts")).failback,
  drill: async () => (await import("./commands/drill.ts")).drill,
  generate: async () => (await import("./commands/generate.ts")).generate,
  redrive: async () => (await import("./commands/redrive.ts")).redrive,
  config: async () => (await import("./commands/config.ts")).config,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  health: async () => (await import("./commands/health.ts")).health,
  native: async () => (await import("./commands/native.ts")).native,
};

const USAGE = `usage: switchyard <command> [options]

  start     process records (--messages N, --for 30s)
  mirror    copy the primary cluster to the secondary one
  sentinel  watch both clusters, vote, fail over, serve the gateway
  status    print which cluster is in use, and what sentinels think (--json)
  failover  make the secondary cluster the active one (--dry-run, --planned)
  failback  bring a primary that has returned home (--dry-run, --switch)
  drill     try out a failover (--scenario, --list, --soak, --clusters)
  generate  send logins to the input topic (--rate 1000, --messages N)
  redrive   put dead letters back (--filter reason~=timeout, --dry-run)
  config    print the effective settings
  doctor    say what works on this machine and what is missing
  health    ask a running process whether it is alive (a health check)
  native    build the native Kafka library

--help behind a command tells its options.
`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args[0] === "--" ? args.slice(1) : args;
  if (name === undefined || name === "help" || name === "--help") {
    console.error(USAGE);
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    const { nearestName, suggestion } = await import("./config/nearest.ts");
    const near = suggestion(nearestName(name, Object.keys(COMMANDS)));
    console.error(`unknown command "${name}"${near}\n\n${USAGE}`);
    return 2;
  }
  if (rest.includes("--help")) {
    const { HELP } = await import("./commands/help.ts");
    console.log(HELP[name as keyof typeof HELP].trimEnd());
    return 0;
  }
  const command = await load();
  return await command(rest);
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    // A bug: everything that a user can cause has its own message.
    console.error(error);
    Deno.exit(1);
  }
}
