/**
 * One request at a time for many callers. An answer always comes from a request
 * that started after its caller asked:
 *
 *     caller   a     b   c         d
 *     request  [== a ==] [= b, c =][= d =]
 */

interface Round<Key, Answer> {
  readonly keys: Set<Key>;
  readonly answer: Promise<Answer>;
}

export class Coalesced<Key, Answer> {
  readonly #request: (keys: readonly Key[]) => Promise<Answer>;
  /** Settles, never rejects, when the last request has ended. */
  #ended: Promise<unknown> = Promise.resolve();
  /** Has not started yet. */
  #next: Round<Key, Answer> | null = null;

  /** @param request is given each key once. */
  constructor(request: (keys: readonly Key[]) => Promise<Answer>) {
    this.#request = request;
  }

  /** The answer is for these keys and those of others. Rejects as the request. */
  ask(keys: Iterable<Key>): Promise<Answer> {
    const round = this.#next ??= this.#open();
    for (const key of keys) round.keys.add(key);
    return round.answer;
  }

  #open(): Round<Key, Answer> {
    const keys = new Set<Key>();
    const answer = this.#ended.then(() => {
      this.#next = null;
      return this.#request([...keys]);
    });
    this.#ended = answer.catch(() => {});
    return { keys, answer };
  }
}
