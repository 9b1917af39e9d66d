import { fileURLToPath } from "node:url";

const path = (relative: string) =>
  fileURLToPath(new URL(relative, import.meta.url)).replace(/\/$/, "");

export const projectFolder = path("../");
export const toolFolder = path("./tool");
export const peersFolder = path("./peers");
export const readmeFile = path("./README.md");
/** Ignored by git: logs and results as JSON. */
export const resultsFolder = path("../.cache/bench");

export const streamsFolder = `${peersFolder}/kafka_streams`;
/** The Node that runs the JavaScript peers, from npm. */
export const nodeProgram = `${peersFolder}/node/node_modules/.bin/node`;

export const javaClassPath = (folder: string) =>
  `${folder}/target/classes:${folder}/target/lib/*`;
