/** What the test's processor can be told to do, as JSON in a file. */
export type Command =
  /** Throws outside a handler. */
  | { readonly kind: "crash" }
  /** Blocks the thread, past the watchdog, and then goes on. */
  | { readonly kind: "hang"; readonly hangMs: number };
