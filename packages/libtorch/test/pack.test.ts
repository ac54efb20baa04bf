/** The package as npm packs it, in a folder of somebody else: installs without scripts, builds its addon, computes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { buildRecord } from "../src/index.js";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "libtorch-pack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The folder with include and lib of the libtorch that this repository was set up with. */
const prefix = buildRecord()?.library.replace(/\/lib(64)?(\/[^/]+-linux-gnu)?$/, "");

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As a user has it: none of the variables by which this repository's tests choose an addon. */
function run(command: string, words: readonly string[], cwd: string): Result {
  const { LIBTORCH_ADDON: _, LIBTORCH_BUILD: __, ...env } = process.env;
  return spawnSync(command, words, { cwd, encoding: "utf8", env: { ...env, LIBTORCH: prefix } });
}

describe.skipIf(prefix === undefined)("the packed package", () => {
  it("installs without install scripts, builds with its own command, and runs", {
    timeout: 300_000,
  }, (context) => {
    const packed = run("npm", ["pack", "--json", "--pack-destination", folder], packageRoot);
    expect(packed.status, packed.stderr).toBe(0);
    const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
    const paths = files.map((file) => file.path);
    for (const path of ["README.md", "LICENSE", "dist/index.d.ts", "dist/setup/main.js", "native/addon.cc"])
      expect(paths).toContain(path);
    expect(paths.filter((path) => /\.test\.|testing\/|fixtures|^src\/|^build\//.test(path))).toEqual([]);

    writeFileSync(join(folder, "package.json"), '{ "name": "somebody", "private": true, "type": "module" }');
    const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
    const installed = run("npm", ["install", `./${tarball}`, ...flags], folder);
    if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(installed.stderr)) {
      console.warn("skipped: the npm registry cannot be reached");
      context.skip();
    }
    expect(installed.status, installed.stderr).toBe(0);

    const program = join(folder, "program.js");
    writeFileSync(
      program,
      'import { add, numbers, tensor } from "libtorch";\nconsole.log(numbers(add(tensor([1, 2]), 0.5)));\n',
    );
    const before = run(process.execPath, [program], folder);
    expect(before.status).toBe(1);
    expect(before.stderr).toContain("npx libtorch setup");

    const built = run("npx", ["libtorch", "setup"], folder);
    expect(built.status, built.stdout + built.stderr).toBe(0);
    expect(built.stdout).toContain("Built and loaded in");
    expect(run(process.execPath, [program], folder)).toMatchObject({ status: 0, stdout: "[ 1.5, 2.5 ]\n" });
  });
});
