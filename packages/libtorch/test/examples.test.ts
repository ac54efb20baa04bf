/** Every example runs, in short, as a user starts it. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { withoutLibtorch } from "../src/testing/need-libtorch.js";

const examples = fileURLToPath(new URL("../examples/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "libtorch-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What an example prints, line by line. */
async function lines(name: string, ...args: readonly string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(examples, name), ...args]);
  return stdout.trimEnd().split("\n");
}

describe("examples", () => {
  it.each(readdirSync(examples))("%s is a page that needs nothing of this repository", (name) => {
    const source = readFileSync(join(examples, name), "utf8");
    expect(source.split("\n").length).toBeLessThanOrEqual(60);
    for (const [, from] of source.matchAll(/ from "([^"]+)"/g))
      expect(from).toMatch(/^(libtorch|sharp|node:\w+|\.\/shards\.mjs)$/);
  });
});

describe.skipIf(withoutLibtorch)("examples run", () => {
  it("sum", async () => {
    expect(await lines("sum.mjs")).toEqual([
      "x * x + y = 11,24,19,36, shape [2,2]",
      "sum = 90, its gradient 2x = 2,4,6,8",
    ]);
  });

  it("linear-regression finds the line", async () => {
    expect((await lines("linear-regression.mjs")).at(-1)).toMatch(
      /^y = (2\.99|3\.0[01]) x \+ -(1\.99|2\.0[01]), loss 0\.01/,
    );
  });

  it("two-ranks ends with the same weights on both", async () => {
    const printed = await lines("two-ranks.mjs", "--steps", "20");
    expect(printed[0]).toMatch(/^step 0 {2}loss of rank 0 [\d.]+$/);
    const ends = printed.slice(1).sort();
    expect(ends.map((line) => line.slice(0, 13))).toEqual(["rank 0 of 2: ", "rank 1 of 2: "]);
    expect(new Set(ends.map((line) => line.slice(13))).size).toBe(1);
  });

  it("cifar10 reads shards, trains three steps and counts what is right", async () => {
    await writeShard("train-0000.tar.gz", 40);
    await writeShard("train-0001.tar.gz", 30);
    await writeShard("test-0000.tar.gz", 20);
    const printed = await lines("cifar10.mjs", folder, "--steps", "3");
    expect(printed).toHaveLength(2);
    expect(printed[0]).toMatch(/^step 0 {2}loss \d\.\d{3}$/);
    expect(printed[1]).toMatch(/^test accuracy \d+\.\d%$/);
  });
});

/** Plain squares, ten shades as ten classes. */
async function writeShard(name: string, count: number): Promise<void> {
  const parts: Buffer[] = [];
  const entry = (path: string, content: Buffer): void => {
    const header = Buffer.alloc(512);
    header.write(path);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    parts.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  };
  for (let i = 0; i < count; i++) {
    const shade = { r: (i % 10) * 25, g: 0, b: 0 };
    const square = sharp({ create: { width: 32, height: 32, channels: 3, background: shade } });
    entry(`${i}.jpg`, await square.jpeg().toBuffer());
    entry(`${i}.cls`, Buffer.from(String(i % 10)));
  }
  writeFileSync(join(folder, name), gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)])));
}
