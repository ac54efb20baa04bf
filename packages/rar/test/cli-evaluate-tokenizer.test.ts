/** `rarity evaluate-tokenizer` as users have it: what it prints, the sheet it leaves, what it refuses. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { decodeImage } from "../src/images/decode.js";
import { encodePng } from "../src/images/png.js";
import { patterned } from "../src/testing/fake-images.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";
import { writeNpz } from "../src/weights/npz.js";

vi.setConfig({ testTimeout: 60_000 });
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const cache = useTemporaryCache();
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);

function evaluate(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      [main, "evaluate-tokenizer", "--threads", "1", ...words],
      { cwd: folder, env: { ...process.env, RARITY_CACHE: cache, HF_HUB_OFFLINE: "1" } },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    ),
  );
}

beforeAll(async () => {
  mkdirSync(at("pictures"));
  for (let i = 0; i < 3; i++)
    writeFileSync(at("pictures", `${i}.png`), await encodePng(patterned(i, 40 + i, 32)));
  mkdirSync(at("empty"));
});

describe("rarity evaluate-tokenizer", () => {
  it("prints the numbers, says why there is no rFID and leaves a sheet", async () => {
    const { code, stdout, stderr } = await evaluate("pictures", "--model", "cifar10");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /^PSNR: \d+\.\d{3} dB \(mean over 3 pictures of bytes\)\nSSIM: -?0\.\d{4} .*\nCodebook: \d+ of 512 codes used \(\d+\.\d%\), entropy \d\.\d{3} bits, perplexity .*\nWorst: \d\.png \d+\.\d\d dB, .*; sheet: worst\.png\n$/,
    );
    expect(stderr).toContain("That is poor"); // noise is what no tokenizer gives back
    expect(stderr).toMatch(/^rFID is left out: .*\n/m);
    expect((await decodeImage(at("worst.png"))).width).toBeGreaterThan(3 * 2 * 96);
  });

  it("gives each picture's numbers as JSON", async () => {
    const { code, stdout } = await evaluate(
      ...["pictures", "--model", "cifar10", "--no-rfid", "--json", "--worst", "1", "-o", "one.png"],
    );
    const report = JSON.parse(stdout) as { images: { name: string; psnr: number; ssim: number }[] };
    expect([code, report]).toMatchObject([0, { pictures: 3, equal: 0, sheet: "one.png" }]);
    expect(report.images.map(({ name }) => name)).toEqual(["0.png", "1.png", "2.png"]);
    for (const { psnr, ssim } of report.images)
      expect(psnr > 3 && psnr < 60 && Math.abs(ssim) <= 1).toBe(true);
  });

  it("refuses what holds no pictures, before the tokenizer has worked", async () => {
    await writeNpz(at("floats.npz"), [
      { name: "arr_0", dtype: "F32", shape: [2, 8, 8, 3], data: new Float32Array(384) },
    ]);
    for (const [words, says] of [
      [["empty"], /no pictures in it/],
      [["nowhere"], /nowhere/],
      [["floats.npz"], /"arr_0" is F32/],
      [["pictures", "--inception", "absent.pth"], /There are no Inception weights at absent\.pth/],
      [["pictures", "--model", "cifar1"], /Did you mean "cifar10"/],
    ] as const) {
      const { code, stderr } = await evaluate(...words, "-o", "refused.png");
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(says);
    }
    expect(existsSync(at("refused.png"))).toBe(false);
  });
});
