import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isAvailable } from "./native.js";

/** What OpenMP says of its settings when a new process loads the addon, and whether it says so at all. */
function waitPolicy(more: NodeJS.ProcessEnv): string | undefined {
  const native = fileURLToPath(new URL("../dist/native.js", import.meta.url));
  const { OMP_WAIT_POLICY: _, ...rest } = process.env;
  const { stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", `(await import(${JSON.stringify(native)})).native()`],
    { encoding: "utf8", env: { ...rest, OMP_DISPLAY_ENV: "true", ...more } },
  );
  return /OMP_WAIT_POLICY = '(\w+)'/.exec(stderr)?.[1];
}

test.skipIf(!isAvailable())("OpenMP's threads sleep while they wait, unless the user wants otherwise", () => {
  expect(waitPolicy({})).toBe("PASSIVE");
  expect(waitPolicy({ OMP_WAIT_POLICY: "active" })).toBe("ACTIVE");
});
