/** What the README shows runs, types included, and prints what it says. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import * as libtorch from "../src/index.js";
import { withoutLibtorch } from "../src/testing/need-libtorch.js";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const root = join(packageRoot, "../..");
const text = readFileSync(join(packageRoot, "README.md"), "utf8");
mkdirSync(join(root, "out"), { recursive: true });
const folder = mkdtempSync(join(root, "out", "libtorch-readme-")); // inside the workspace, so that "libtorch" resolves
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("README", () => {
  it("has a first program that compiles strictly, and runs as shown", { timeout: 120_000 }, (context) => {
    const [, code, output] = /```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/.exec(text) as RegExpExecArray;
    writeFileSync(join(folder, "program.ts"), code!);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.base.json",
        compilerOptions: { composite: false, rootDir: ".", outDir: "." },
        files: ["program.ts"],
      }),
    );
    const compiled = spawnSync("npx", ["tsc", "-p", folder], { cwd: root, encoding: "utf8" });
    expect(compiled.status, compiled.stdout).toBe(0);
    if (withoutLibtorch) context.skip();
    expect(execFileSync(process.execPath, ["program.js"], { cwd: folder, encoding: "utf8" })).toBe(output);
  });

  it.skipIf(withoutLibtorch)("shows an error as it is", () => {
    const { matmul, scope, zeros } = libtorch;
    const shown = /```text\n(matmul: .*)\n```/.exec(text)?.[1];
    expect(() => scope(() => matmul(zeros([2, 3]), zeros([2, 3])))).toThrow(shown);
  });

  it("names only functions that exist", () => {
    const table = text.slice(text.indexOf("## PyTorch -> here"), text.indexOf("## Memory"));
    const right = table
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .map((line) => line.split(" | ").at(-1)!);
    const called = right.flatMap((cell) =>
      [...cell.matchAll(/(?<![.\w])(\w+)\(/g)].map((match) => match[1]!),
    );
    expect(called.length).toBeGreaterThan(20);
    expect(called.filter((name) => !(name in libtorch))).toEqual([]);
  });

  it("links only to files that exist", () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(1);
    expect(links.filter((link) => !existsSync(join(packageRoot, link)))).toEqual([]);
  });
});
