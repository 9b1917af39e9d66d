/** Runs asynchronous actions one after another, in the order they came. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {}); // its caller has the error
    return result;
  }

  /** Ends when all that was started before has. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
