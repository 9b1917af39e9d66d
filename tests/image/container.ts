/**
 * Programs of an image as an engine would run them: its files read-only, with
 * processes, mounts and host name of its own, its user, no new privileges, and
 * the first program as process 1. The network is this machine's.
 */
import { z } from "zod";
import { Child } from "../support/child.ts";
import { eventually } from "../support/wait.ts";
import type { Buildah } from "./buildah.ts";

const INSPECTED = z.object({
  Docker: z.object({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Entrypoint: z.array(z.string()),
      Cmd: z.array(z.string()),
      WorkingDir: z.string(),
      Healthcheck: z.object({ Test: z.array(z.string()) }),
      Labels: z.record(z.string(), z.string()),
    }),
  }),
});

export type ImageConfig = z.output<typeof INSPECTED>["Docker"]["config"];

export interface RunOptions {
  /** What follows the entrypoint; default: the image's. */
  readonly command?: readonly string[];
  /** Instead of the entrypoint. */
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** As in `65532:65532`; default: the image's. */
  readonly user?: string;
  /** A folder that is seen as /etc/switchyard. */
  readonly settings?: string;
}

/** What engines mount, too; `noexec` as theirs is by default. */
const MOUNTS = `
set -e
root=$1 settings=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o nosuid,mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
if [ -n "$settings" ]; then
  mount --bind "$settings" "$root/etc/switchyard"
fi
mount -o remount,bind,ro "$root"
exec "$@"
`;

export class Image implements AsyncDisposable {
  readonly config: ImageConfig;
  /** Its files. */
  readonly root: string;
  readonly #remove: () => Promise<unknown>;

  private constructor(
    config: ImageConfig,
    root: string,
    remove: () => Promise<unknown>,
  ) {
    this.config = config;
    this.root = root;
    this.#remove = remove;
  }

  static async open(buildah: Buildah, image: string): Promise<Image> {
    const text = await buildah.run("inspect", "--type", "image", image);
    const { Docker: { config } } = INSPECTED.parse(JSON.parse(text));
    const container = await buildah.run("from", "--pull-never", image);
    const root = await buildah.run("mount", container);
    // Engines make these where they are missing.
    for (const folder of ["proc", "dev"]) {
      Deno.mkdirSync(`${root}/${folder}`, { recursive: true });
    }
    return new Image(config, root, () => buildah.run("rm", container));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
  }

  run(options: RunOptions = {}): Container {
    const { config, root } = this;
    const { entrypoint = config.Entrypoint, settings = "" } = options;
    const { command = config.Cmd, env = {}, user = config.User } = options;
    const [uid = "", gid = uid] = user.split(":");
    const set = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return new Container(Child.start([
      "unshare",
      "--mount",
      "--pid",
      "--uts",
      "--ipc",
      "--fork",
      "/bin/sh",
      "-c",
      MOUNTS,
      "sh",
      root,
      settings,
      ...["env", "-i", ...config.Env, ...set],
      ...["/usr/bin/setpriv", "--clear-groups", "--no-new-privs"],
      ...["/usr/bin/unshare", `--root=${root}`, `--wd=${config.WorkingDir}`],
      ...[`--setgid=${gid}`, `--setuid=${uid}`],
      ...[...entrypoint, ...command],
    ]));
  }

  /** Runs its health check. @returns the exit status. */
  async health(env: Readonly<Record<string, string>>): Promise<number> {
    const [kind, ...entrypoint] = this.config.Healthcheck.Test;
    if (kind !== "CMD") {
      throw new Error(`a health check needs a shell: ${kind}`);
    }
    await using check = this.run({ entrypoint, command: [], env });
    return (await check.child.exit(30_000)).code;
  }
}

/** A running one; nothing of it is left when it is disposed of. */
export class Container implements AsyncDisposable {
  /** Its output, and how it ended. */
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  /** Its process 1, as this machine numbers it. */
  async first(): Promise<number> {
    return await eventually(() => {
      const first = this.#first();
      // Before it is Deno it is the shell that mounts.
      return first !== null && nameOf(first) === "deno" ? first : null;
    }, { what: "become process 1" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The kernel ends all others with the first, and its parent by that.
    const first = this.child.alive ? this.#first() : null;
    if (first !== null) Deno.kill(first, "SIGKILL");
    await this.child[Symbol.asyncDispose]();
  }

  /** Beside it stands what guards all processes of tests. */
  #first(): number | null {
    return childrenOf(this.child.pid)
      .find((pid) => statusField(pid, "NSpid").length > 1) ?? null;
  }
}

const nameOf = (pid: number) =>
  Deno.readTextFileSync(`/proc/${pid}/comm`).trim();

export function childrenOf(pid: number): number[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`)
    .split(" ").filter(Boolean).map(Number);
}

/** A field of /proc/PID/status, as in `Uid`. */
export function statusField(pid: number, name: string): string[] {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const line = new RegExp(`^${name}:(.*)$`, "m").exec(status)?.[1] ?? "";
  return line.trim().split(/\s+/).filter(Boolean);
}
