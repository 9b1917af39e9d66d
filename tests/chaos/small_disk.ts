/**
 * A file system of its own for one broker's data, small enough to be filled. It
 * is an image in a file, so that it needs root and loop devices.
 */
import { within } from "../support/wait.ts";

/**
 * Runs apart from the test's process group, and unmounts when its input ends: it
 * outlives a test that is killed just so long. Brokers are killed by guards of
 * their own then, so the mount is soon not busy any more.
 */
const holder = `
trap '' HUP INT TERM
image=$1; folder=$2
undo() {
  for _ in $(seq 100); do
    umount "$folder" 2>/dev/null && break
    mountpoint -q "$folder" || break
    sleep 0.1
  done
  mountpoint -q "$folder" && umount -l "$folder"
  rm -f "$image"
}
{ truncate -s "$3" "$image" &&
  mkfs.ext4 -q -F -m 0 -O ^has_journal "$image" &&
  mount -o loop "$image" "$folder" &&
  rmdir "$folder/lost+found"; } || { undo; exit 1; }
echo mounted
read -r _
undo`;

const mountTimeoutMs = 30_000;

export class SmallDisk implements AsyncDisposable {
  /**
   * @param folder that is empty; the image is a file beside it.
   * @throws {Error} that says why this machine cannot do it.
   */
  static async mount(
    folder: string,
    nodeId: number,
    bytes: number,
  ): Promise<SmallDisk> {
    const image = `${folder}.img`;
    const child = new Deno.Command("setsid", {
      args: ["sh", "-c", holder, "sh", image, folder, String(bytes)],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const said = new Response(child.stderr).text();
    try {
      const { done } = await within(reader.read(), mountTimeoutMs, "mounted");
      if (done) throw new Error((await said).trim().split("\n").join("; "));
      return new SmallDisk(child, reader, said, folder, nodeId);
    } catch (error) {
      await child.stdin.close();
      await child.status;
      await reader.cancel();
      await said;
      throw error;
    }
  }

  readonly folder: string;
  /** Of the broker that has its data here. */
  readonly nodeId: number;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #said: Promise<string>;
  #disposed: Promise<void> | undefined;

  private constructor(
    child: Deno.ChildProcess,
    reader: ReadableStreamDefaultReader<Uint8Array>,
    said: Promise<string>,
    folder: string,
    nodeId: number,
  ) {
    this.#child = child;
    this.#reader = reader;
    this.#said = said;
    this.folder = folder;
    this.nodeId = nodeId;
  }

  /**
   * Takes all the space that is left, until it is disposed of. The file is none
   * that Kafka would take for its own.
   */
  fill(): Disposable {
    const file = `${this.folder}/filled`;
    const { stdout } = new Deno.Command("df", {
      args: ["--output=avail", "-B1", this.folder],
    }).outputSync();
    const free = Number(new TextDecoder().decode(stdout).split("\n")[1]);
    new Deno.Command("fallocate", { args: ["-l", String(free), file] })
      .outputSync();
    using rest = Deno.openSync(file, { append: true, create: true });
    const block = new Uint8Array(1 << 12);
    try {
      // What `fallocate` left for its own book-keeping; bounded all the same.
      for (let blocks = 0; blocks < 1 << 16; blocks++) rest.writeSync(block);
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    return { [Symbol.dispose]: () => Deno.removeSync(file) };
  }

  /** Unmounts it, which loses its data. Call it when the broker has ended. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
    await this.#reader.cancel();
    await this.#said;
  }
}

const isFull = (error: unknown) =>
  error instanceof Error && "code" in error && error.code === "ENOSPC" ||
  /No space left/.test(String(error));
