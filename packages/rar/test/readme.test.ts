import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
mkdirSync(join(root, "out"), { recursive: true });
const folder = mkdtempSync(join(root, "out", "readme-")); // inside the workspace, so that "rarity" resolves
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("README", () => {
  it("has library lines that compile strictly and run", { timeout: 120_000 }, () => {
    const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1];
    expect(code).toBeDefined();
    writeFileSync(join(folder, "program.ts"), `${code}\nexport {};\n`);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.base.json",
        compilerOptions: { composite: false, rootDir: ".", outDir: "." },
        files: ["program.ts"],
      }),
    );
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const compiled = spawnSync("npx", ["tsc", "-p", folder], { cwd: root, encoding: "utf8" });
    expect(compiled.status, compiled.stdout).toBe(0);
    const ran = spawnSync("node", ["program.js"], { cwd: folder, encoding: "utf8" });
    expect(ran.status, ran.stderr).toBe(0);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(["clock.png", "heart.png"]));
  });

  it("has commands of the embedded model that run", { timeout: 120_000 }, () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    const lines = [...text.matchAll(/^npx rarity (generate (?!--model).*?)\s*#/gm)].map((match) => match[1]!);
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const [i, line] of lines.entries()) {
      const words = [...line.split(/\s+/), "-o", join(folder, `drawn${i}`)];
      const main = join(root, "packages/rar/dist/cli/main.js");
      const ran = spawnSync("node", [main, ...words], { encoding: "utf8" });
      expect(ran.status, `${line}: ${ran.stderr}`).toBe(0);
    }
  });

  it("names only files that exist", () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(() => readFileSync(join(root, link)), link).not.toThrow();
  });
});
