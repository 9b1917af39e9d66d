/**
 * The reference page of the settings, made from their table.
 *
 *     deno run -A src/config/reference.ts          prints it
 *     deno run -A src/config/reference.ts --write  writes docs/configuration.md
 */
import { effectiveSettings, renderEffective } from "./effective.ts";
import * as examples from "./examples.ts";
import { isDerived, type Leaf, leavesOf } from "./field.ts";
import { loadSettings, SettingsError, type SettingsInput } from "./load.ts";
import { fence, list, paragraph, table } from "./markdown.ts";
import {
  bytesPerByte,
  isolateMib,
  memoryBudgetMib,
  processMib,
} from "./memory.ts";
import { ownedByReason } from "./properties.ts";
import { groups } from "./table.ts";

/** The whole page, laid out as `deno fmt` would. */
export function renderReference(): string {
  return [
    "# Configuration\n",
    "<!-- Written by `deno run -A src/config/reference.ts --write`. -->\n",
    ...introduction(),
    "## Settings\n",
    ...groups.flatMap(({ title, about, shape }) => [
      `### ${title}\n`,
      paragraph(about),
      table([
        ["Setting", "Type", "Default", "Bounds", "Meaning"],
        ...leavesOf(shape).map(row),
      ]),
    ]),
    ...rulesByTopic(),
    ...passThrough(),
    ...security(),
    ...secrets(),
    ...memoryBudget(),
    ...mistakes(),
  ].join("\n");
}

function row({ path, field }: Leaf): string[] {
  if (field.form === "properties") {
    const name = `\`${path}\`<br>\`${field.env}…\``;
    return [name, "librdkafka properties", "none", "", field.description];
  }
  const { kind, unit, why } = field;
  return [
    `\`${path}\`<br>\`${field.env}\``,
    unit === undefined ? kind.type : `${kind.type}, ${unit}`,
    field.unset ??
      (isDerived(field.default) ? field.default.text : `\`${field.default}\``),
    [kind.bounds, why].filter((it) => it !== undefined).join(": "),
    field.description,
  ];
}

function introduction(): string[] {
  const sample = loadSettings(machine(
    { WORKERS: "8", PRIMARY_KAFKA_SASL_PASSWORD: "hidden" },
    examples.wholeFile,
  ));
  const rows = effectiveSettings(sample)
    .filter(({ source }) => source.kind !== "default");
  return [
    paragraph(
      "Switchyard runs without any settings: it then starts an embedded " +
        "cluster and generates logins. For a real cluster set " +
        "`PRIMARY_BROKERS`; everything else has a default.",
    ),
    "## Where values come from\n",
    paragraph("Each setting is looked up in this order; the first one wins."),
    list([
      "**The environment**, under the name in capitals. An empty variable " +
      "counts as unset.",
      "**The settings file** that `SWITCHYARD_CONFIG` names: JSON with " +
      "comments (JSONC). There is no file unless you name one.",
      "**The default.**",
    ]),
    fence("jsonc", examples.wholeFile),
    paragraph(
      "`deno task config` prints the settings in effect, and where each comes " +
        "from; `deno task config --json` does it for programs. With the file " +
        "above, `WORKERS=8` and a password in the environment, it shows " +
        "among the defaults:",
    ),
    fence("text", renderEffective(rows)),
    paragraph(
      "Relative paths, wherever they are written, start at the current " +
        "folder. The standard `OTEL_*` variables are read by OpenTelemetry " +
        "and are not listed here.",
    ),
  ];
}

function rulesByTopic(): string[] {
  return [
    "## Rules by topic\n",
    paragraph(
      "Rules are separated by semicolons. Each begins with a regular " +
        "expression of Java, as `mirror.topics` has it, for whole names of " +
        "topics of the primary cluster. The first rule that matches wins: for " +
        "`mirror.topicConfigs`, the first that has the setting in question. A " +
        "list of values stands in brackets.",
    ),
    fence("sh", examples.topicRulesInEnvironment),
    paragraph("The same in the settings file, where such a text will do too:"),
    fence("jsonc", examples.topicRules),
    paragraph(
      "Values of the settings that Kafka knows are checked at the start, and " +
        "a name that is nearly one of them is taken for a mistake. Any other " +
        "name may be your vendor's and is left to the brokers. Where they " +
        "refuse a setting, the mirror logs it once for each topic and tries " +
        "again every `mirror.refreshMs`. Meanwhile a new topic is not created, " +
        "and so not mirrored; one that is there is mirrored, but none of its " +
        "settings change. Other topics do not wait for it.",
    ),
    paragraph(
      "`replication.factor` counts when a topic is created, and there are no " +
        "more replicas than brokers; `min.insync.replicas` is never more than " +
        "a topic has replicas. `message.timestamp.*` cannot be set, because " +
        "mirrored records keep their times. Give all mirrors of a cluster the " +
        "same rules, or each undoes what the other has set.",
    ),
  ];
}

function passThrough(): string[] {
  return [
    "## Pass-through settings\n",
    paragraph(
      "Everything else that librdkafka can be told (see its " +
        "[CONFIGURATION.md](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md)) " +
        "goes into the records `kafka`, `consumer` and `producer` of a cluster, " +
        "under librdkafka's own names. A name that librdkafka does not know is " +
        "refused when the client is made.",
    ),
    fence("jsonc", examples.tuning),
    paragraph(
      "In the environment a property is its name in capitals, with underscores " +
        "for dots, behind the record's prefix:",
    ),
    fence(
      "sh",
      [
        "PRIMARY_KAFKA_SECURITY_PROTOCOL=SASL_SSL",
        "PRIMARY_CONSUMER_FETCH_MIN_BYTES=1024",
        "SECONDARY_PRODUCER_COMPRESSION_TYPE=zstd",
      ].join("\n"),
    ),
    paragraph(
      "With two clusters a consumer's `client.id` begins with `switchyard-`, " +
        "which is put before yours: by that a planned switch knows who leaves " +
        "by itself.",
    ),
    paragraph(
      "These belong to the engine and are refused, because its promises rest " +
        "on them:",
    ),
    table([
      ["Property", "Why"],
      ...[...ownedByReason()].map(([why, names]) => [
        names.map((name) => `\`${name}\``).join(", "),
        why,
      ]),
      ["every `*_cb`", "callbacks are the engine's"],
    ]),
  ];
}

function security(): string[] {
  return [
    "## TLS and SASL\n",
    paragraph(
      "Managed clusters are reached with the pass-through settings. User name " +
        "and password (Confluent Cloud; for Azure Event Hubs the user name is " +
        "`$ConnectionString` and the password the connection string):",
    ),
    fence("jsonc", examples.saslPlain),
    paragraph("SCRAM (Amazon MSK, Redpanda Cloud, Aiven):"),
    fence("jsonc", examples.saslScram),
    paragraph("Client certificates (Strimzi, Aiven):"),
    fence("jsonc", examples.clientCertificate),
    paragraph("OAuth by OpenID Connect:"),
    fence("jsonc", examples.oidc),
    paragraph(
      "Amazon MSK with IAM wants tokens that librdkafka cannot sign by itself; " +
        "use SCRAM or client certificates there. `deno task doctor` tells " +
        "whether the librdkafka that was built knows TLS and SASL.",
    ),
  ];
}

function secrets(): string[] {
  return [
    "## Secrets\n",
    paragraph(
      "Any text, in the file or in the environment, may contain references, " +
        "which keeps secrets out of the settings file:",
    ),
    list([
      "`${env:NAME}` is the environment variable `NAME`;",
      "`${file:/path}` is the content of a file, without the line end that " +
      "closes it.",
    ]),
    paragraph(
      "A reference to something that is missing or empty is an error. What " +
        "comes out is taken as it is, even if it looks like a reference.",
    ),
    paragraph(
      "Secrets are printed as `***`, also in error messages. Secret is a " +
        "property whose name says so (password, passphrase, secret, token, " +
        "PEM content, `sasl.oauthbearer.config`), and every property that " +
        "came through a reference. User and password in a URL are masked too.",
    ),
  ];
}

function memoryBudget(): string[] {
  const { settings } = loadSettings(machine({ WORKERS: "8" }));
  const { fetchQueueKbytes, pendingKbytes, workerHeapMb, workers } = settings;
  const [fetched, pending] = [fetchQueueKbytes / 1024, pendingKbytes / 1024];
  const aWorker = isolateMib + bytesPerByte * (fetched + pending);
  return [
    "## Memory budget\n",
    paragraph(
      "Resident memory stays within a sum of limits, however long the backlog " +
        "is or a destination stalls:",
    ),
    fence(
      "text",
      `budget = ${processMib} MiB + workers x (${isolateMib} MiB + ` +
        `${bytesPerByte} x (fetchQueueKbytes + pendingKbytes))`,
    ),
    table([
      ["Part", "By default", "What it holds"],
      [
        "process",
        `${processMib} MiB`,
        "Deno, the coordinator, librdkafka and the fetches under way",
      ],
      [
        "isolate, each worker",
        `${isolateMib} MiB`,
        "JavaScript, and the batch in hand: `batchRecords`, decoded",
      ],
      [
        "`fetchQueueKbytes`, each worker",
        `${bytesPerByte} x ${fetched} MiB`,
        "records that wait for the worker",
      ],
      [
        "`pendingKbytes`, each worker",
        `${bytesPerByte} x ${pending} MiB`,
        "outputs that await acknowledgement, `pendingRecords` at the most",
      ],
    ]),
    paragraph(
      `By default that is ${processMib} MiB and ${aWorker} MiB a worker; with ` +
        `${workers} workers ${memoryBudgetMib(settings)} MiB. \`config\` ` +
        `prints the sum. A buffered byte counts as ${bytesPerByte} because ` +
        "librdkafka keeps some 330 bytes beside each record. The sum holds " +
        "with V8's flag `--max-semi-space-size=4`, which the task `start` " +
        "gives; without it each worker may take 32 MiB more. What a " +
        "processor keeps for itself comes on top: " +
        `a worker is replaced when its heap passes \`workerHeapMb\` ` +
        `(${workerHeapMb} MiB).`,
    ),
  ];
}

function mistakes(): string[] {
  return [
    "## Mistakes\n",
    paragraph(
      "Nothing starts with wrong settings: all mistakes are listed, a line " +
        "each, and the exit status is 2. Unknown keys are refused, as are " +
        "unknown environment variables that begin with `PRIMARY_`, " +
        "`SECONDARY_`, `MIRROR_`, `EMBEDDED_` or `SWITCHYARD_` (those that " +
        "Kubernetes sets for services of such names are not ours and are passed " +
        "over). This file",
    ),
    fence("json", examples.mistaken),
    paragraph("with `PRIMARY_BROKER=localhost:9092` is answered with"),
    fence("text", problemsOf(examples.mistaken)),
  ];
}

function problemsOf(file: string): string {
  try {
    loadSettings(machine({ PRIMARY_BROKER: "localhost:9092" }, file));
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new TypeError("the example of mistakes has none");
}

/** A machine for examples, so that the page is the same everywhere. */
function machine(
  env: Readonly<Record<string, string>>,
  file?: string,
): SettingsInput {
  const path = "switchyard.jsonc";
  return {
    env: file === undefined ? env : { ...env, SWITCHYARD_CONFIG: path },
    readTextFile: () => file ?? "",
    hardwareConcurrency: 2,
    hostname: "host",
  };
}

if (import.meta.main) {
  const page = renderReference();
  if (Deno.args.includes("--write")) {
    Deno.writeTextFileSync(
      new URL("../../docs/configuration.md", import.meta.url),
      page,
    );
  } else {
    await Deno.stdout.write(new TextEncoder().encode(page));
  }
}
