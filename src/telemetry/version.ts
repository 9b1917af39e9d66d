/** Of this program, where it tells others. */
export const VERSION = "0.1.0-dev";
