import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "rarity-pack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function npm(
  words: readonly string[],
  cwd: string,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("npm", words, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, RARITY_CACHE: join(folder, "cache") },
  });
}

describe("the packed package", () => {
  it("installs in an empty folder without install scripts and draws", { timeout: 300_000 }, (context) => {
    const packed = npm(["pack", "--json", "--pack-destination", folder], packageRoot);
    expect(packed.stderr + packed.stdout).toContain("rarity-");
    const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    const files = (JSON.parse(packed.stdout) as { files: { path: string }[] }[])[0]!.files.map(
      (file) => file.path,
    );
    expect(files).toContain("models/emoji/generator.safetensors");
    const models = files.filter((path) => path.startsWith("models/"));
    expect(models.reduce((sum, path) => sum + statSync(join(packageRoot, path)).size, 0)).toBeLessThan(20e6);
    expect(files).toContain("data/imagenet-classes.tsv");
    expect(files.filter((path) => /\.test\.|testing\/|fixtures/.test(path))).toEqual([]);

    writeFileSync(join(folder, "package.json"), '{ "name": "somebody", "private": true, "type": "module" }');
    const installed = npm(
      ["install", `./${tarball}`, "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
      folder,
    );
    if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(installed.stderr)) {
      console.warn("skipped: the npm registry cannot be reached");
      context.skip();
    }
    expect(installed.status, installed.stderr).toBe(0);

    const drawn = npm(
      ["exec", "--", "rarity", "generate", "--class", "clock", "--count", "2", "-o", "drawn"],
      folder,
    );
    expect(drawn.status, drawn.stderr).toBe(0);
    expect(readdirSync(join(folder, "drawn")).sort()).toEqual([
      "0000-clock.png",
      "0001-clock.png",
      "sheet.png",
    ]);

    // The library, as a user's program has it.
    writeFileSync(
      join(folder, "program.js"),
      'import { Pipeline } from "rarity";\nconst p = await Pipeline.load();\n' +
        'const [image] = await p.generate({ classes: ["heart"] });\nconsole.log(image.width, image.className);\nawait p.dispose();\n',
    );
    const program = spawnSync("node", ["program.js"], { cwd: folder, encoding: "utf8" });
    expect(program.stdout.trim(), program.stderr).toBe("64 heart");
  });
});
