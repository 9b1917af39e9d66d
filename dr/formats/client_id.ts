/**
 * Which members of a group are ours: those leave by themselves before a planned
 * switch, and it waits for no others. Pure.
 */
const OURS = "switchyard-";

/** With it a consumer is known, whatever else its user has called it. */
export const ourClientId = (id: string): string =>
  isOurClient(id) ? id : OURS + id;

export const isOurClient = (id: string): boolean => id.startsWith(OURS);
