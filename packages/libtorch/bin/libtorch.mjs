#!/usr/bin/env node
/** What npm links as `libtorch`. It is there before anything is built, or `npm ci` in a fresh clone would link nothing. */
import { existsSync } from "node:fs";

const main = new URL("../dist/setup/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error("libtorch is not built yet. Run `npm run build` in the repository first.");
  process.exitCode = 1;
}
