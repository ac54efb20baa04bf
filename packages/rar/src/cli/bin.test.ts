import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary.js";

const root = join(import.meta.dirname, "../..");
const { bin, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  bin: { rarity: string };
  version: string;
};

test("what npm links runs the command", () => {
  expect(execFileSync(join(root, bin.rarity), ["--version"], { encoding: "utf8" }).trim()).toBe(version);
});

// npm links only what is there when it installs, and a fresh clone has no dist
test("it is there before anything is built, and says what to do then", () => {
  const folder = temporaryFolder();
  cpSync(join(root, bin.rarity), join(folder, "bin/rarity.mjs"));
  const { status, stderr } = spawnSync(join(folder, "bin/rarity.mjs"), ["--version"], { encoding: "utf8" });
  expect(stderr).toContain("npm run build");
  expect(status).toBe(1);
  expect(bin.rarity).not.toMatch(/dist/);
});
