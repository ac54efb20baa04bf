/** `rarity tokens`: descriptions, checks, conversion, rows as text and as pictures. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { run } from "../src/cli/program.js";
import { rowRanges } from "../src/cli/row-ranges.js";
import { tokenLine } from "../src/data/token-line.js";
import { decodeImage } from "../src/images/decode.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";

useTemporaryCache();
const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);

/** Runs the verb in this process. */
async function tokens(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ["", ""];
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      stdout += text;
      return true;
    }),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      stderr += text;
      return true;
    }),
  ];
  try {
    return { code: (await run(["tokens", ...words])) ?? 0, stdout, stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Twenty rows for the debug preset: 16 tokens of 64 codes. */
const text = Array.from({ length: 20 }, (_, row) =>
  tokenLine(
    row % 10,
    Array.from({ length: 16 }, (_, i) => (row * 3 + i) % 64),
  ),
).join("");
writeFileSync(at("a.jsonl"), text);

describe("rarity tokens", () => {
  it("describes a file", async () => {
    const { code, stdout } = await tokens(at("a.jsonl"), "--codebook", "64");
    expect(code).toBe(0);
    expect(stdout).toContain("20 of 16 tokens");
    expect(stdout).toMatch(/64 codes; 64 used, the largest 63; entropy 5\.\d\d bits of 6\.00/);
    expect(stdout).toContain("10 seen; 2 to 2 rows each, median 2");
    expect(stdout).toContain("Every row was read and is right.");
    const report = JSON.parse((await tokens(at("a.jsonl"), "--json")).stdout);
    expect(report).toMatchObject({ format: "jsonl", rows: 20, length: 16, rowsRead: 20, largestCode: 63 });
    expect(report.classRows).toEqual(Array(10).fill(2));
  });

  it("takes what a model needs from the model", async () => {
    expect((await tokens(at("a.jsonl"), "--model", "debug", "--check")).code).toBe(0);
    const { code, stderr } = await tokens(at("a.jsonl"), "--model", "emoji");
    expect(stderr).toMatch(/its rows have 16 tokens, the model needs \d+/);
    expect(code).toBe(2);
  });

  it("converts there and back, refuses what is there, and keeps it when a row is wrong", async () => {
    expect(await tokens(at("a.jsonl"), "--codebook", "64", "--to", at("b.tokens"))).toMatchObject({
      code: 0,
      stdout: `${at("b.tokens")}\n`,
    });
    expect((await tokens(at("b.tokens"), "--to", at("c.jsonl"), "--json")).stdout).toContain('"rows":20');
    expect(readFileSync(at("c.jsonl"), "utf8")).toBe(text);
    expect((await tokens(at("a.jsonl"), "--to", at("b.tokens"))).stderr).toContain("pass --overwrite");
    writeFileSync(at("wrong.jsonl"), `${tokenLine(0, [1])}{}\n${tokenLine(0, [1])}`);
    const before = readFileSync(at("b.tokens"));
    const failed = await tokens(at("wrong.jsonl"), "--to", at("b.tokens"), "--overwrite");
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining("line 2 is not") });
    expect(readFileSync(at("b.tokens"))).toEqual(before);
    expect(readdirSync(folder).filter((name) => /tmp|partial/.test(name))).toEqual([]);
  });

  it("--check names the rows that are wrong, and ends with 2", async () => {
    await tokens(at("a.jsonl"), "--codebook", "64", "--to", at("d.tokens"));
    const bytes = readFileSync(at("d.tokens"));
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(at("d.tokens"), bytes);
    const { code, stderr } = await tokens(at("d.tokens"), "--check");
    expect(code).toBe(2);
    expect(stderr).toMatch(/row 17 is damaged[^\n]*\n/);
    expect(stderr).toContain("1 of 20 rows read is wrong.");
  });

  it("prints rows as they would stand in a file", async () => {
    const { stdout } = await tokens(at("a.jsonl"), "--rows", "19,0-1");
    const lines = text.split("\n");
    expect(stdout).toBe(`${[lines[19], lines[0], lines[1]].join("\n")}\n`);
  });

  it("decodes rows to a sheet of pictures", async () => {
    const words = [at("a.jsonl"), "--rows", "0-5", "--model", "debug", "--output", at("sheet.png")];
    expect(await tokens(...words)).toMatchObject({ code: 0, stdout: `${at("sheet.png")}\n` });
    expect((await decodeImage(at("sheet.png"))).width).toBeGreaterThan(3 * 16);
    expect((await tokens(...words)).stderr).toContain("pass --overwrite");
  });

  it.each([
    [["nothing.tokens"], "there is no such file"],
    [["--rows", "5-20", at("a.jsonl")], "there is no row 20; rows are 0 to 19"],
    [["--rows", "0", "-o", at("x.png"), at("a.jsonl")], "--output is for pictures"],
    [["--to", at("x.json"), at("a.jsonl")], "FILE.tokens or FILE.jsonl"],
    [["--codebook", "0", at("a.jsonl")], "Give a whole number from 1"],
  ])("%j: exit code 2 and a sentence", async (words, message) => {
    const { code, stderr } = await tokens(...words);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(existsSync(at("x.png"))).toBe(false);
  });
});

describe("rowRanges", () => {
  it.each([
    ["0-3", [0, 1, 2, 3]],
    ["7", [7]],
    [" 9 , 2-3,2", [9, 2, 3, 2]],
  ])("%j", (words, rows) => {
    expect(rowRanges(words, 10, 100)).toEqual(rows);
  });

  it.each(["", "3-1", "a", "1-", "-1", "1,,2", "1.5", "10", "0-99999999999999999999"])(
    "refuses %j",
    (words) => {
      expect(() => rowRanges(words, 10, 100)).toThrow(/^--rows/);
    },
  );

  it("refuses more than can be shown before it counts them out", () => {
    expect(() => rowRanges("0-9", 10, 9)).toThrow(/at most 9 rows/);
  });
});
