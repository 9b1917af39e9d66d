/**
 * A native object with one owner. `pointer` throws once it was disposed, so a
 * late use is a JavaScript error and never a crash of the process. The brand
 * keeps a queue from being passed where a client is meant.
 */
export class Handle<Brand extends string> implements Disposable {
  declare readonly brand: Brand;
  readonly #what: string;
  readonly #destroy: (pointer: Deno.PointerObject) => void;
  #pointer: Deno.PointerObject | null;

  constructor(
    what: string,
    pointer: Deno.PointerValue,
    destroy: (pointer: Deno.PointerObject) => void,
  ) {
    if (pointer === null) throw new Error(`librdkafka gave no ${what}`);
    this.#what = what;
    this.#pointer = pointer;
    this.#destroy = destroy;
  }

  get pointer(): Deno.PointerObject {
    if (this.#pointer === null) {
      throw new TypeError(`this ${this.#what} has been closed`);
    }
    return this.#pointer;
  }

  get disposed(): boolean {
    return this.#pointer === null;
  }

  [Symbol.dispose](): void {
    const pointer = this.#pointer;
    this.#pointer = null;
    if (pointer !== null) this.#destroy(pointer);
  }
}

export type QueueHandle = Handle<"queue">;
