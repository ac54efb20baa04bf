/** The counts of a token file against counts by hand, and rows that are wrong counted rather than thrown. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { temporaryFolder } from "../testing/temporary.js";
import { writeTokenFile, writeTokenJsonl } from "./token-convert.js";
import { tokenLine } from "./token-line.js";
import { openTokens } from "./token-rows.js";
import { tokenStatistics } from "./token-statistics.js";

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const jsonl = (rows: readonly (readonly [number, readonly number[]])[]): string =>
  rows.map(([label, tokens]) => tokenLine(label, tokens)).join("");

describe("tokenStatistics", () => {
  it("counts classes and codes", async () => {
    await writeFile(at("a.jsonl"), jsonl([[0, [1, 1]], [2, [1, 1]], [2, [5, 3]], [0, [3, 5]]])); // biome-ignore format: a row a pair
    await using rows = await openTokens(at("a.jsonl"));
    expect(await tokenStatistics(rows)).toEqual({
      rows: 4,
      classRows: [2, 0, 2],
      codesUsed: 3,
      largestCode: 5,
      entropy: 1.5, // 1/2, 1/4, 1/4
      wrong: { count: 0, first: [] },
    });
    await using known = await openTokens(at("a.jsonl"), { classes: 5 });
    expect((await tokenStatistics(known)).classRows).toEqual([2, 0, 2, 0, 0]);
  });

  it("looks at a sample, each row at most once", async () => {
    await writeFile(at("b.jsonl"), jsonl(Array.from({ length: 300 }, (_, i) => [i, [0]])));
    await using rows = await openTokens(at("b.jsonl"));
    const { rows: read, classRows } = await tokenStatistics(rows, { sample: 100 });
    expect(read).toBe(100);
    expect(classRows.filter((n) => n === 1)).toHaveLength(100);
    expect(classRows.length).toBeGreaterThan(200); // not the first hundred
  });

  it("counts what is wrong, and the rest all the same", async () => {
    const lines = jsonl(Array.from({ length: 1500 }, (_, i) => [0, [i % 8, 7]])).split("\n");
    lines[3] = "{";
    lines[1200] = tokenLine(0, [8, 7]).trim();
    await writeFile(at("c.jsonl"), lines.join("\n"));
    await using rows = await openTokens(at("c.jsonl"), { codebookSize: 8 });
    const { wrong, classRows } = await tokenStatistics(rows);
    expect(wrong.count).toBe(2);
    expect(wrong.first).toEqual([
      expect.stringMatching(/line 4 is not JSON/),
      expect.stringMatching(/line 1201: token 0 is 8/),
    ]);
    expect(classRows).toEqual([1498]);
  });

  it("names every damaged row of a token file", async () => {
    await writeFile(at("d.jsonl"), jsonl(Array.from({ length: 50 }, (_, i) => [0, [i]])));
    await using lines = await openTokens(at("d.jsonl"), { codebookSize: 64 });
    await writeTokenFile(at("d.tokens"), lines);
    const bytes = await readFile(at("d.tokens"));
    const rowBytes = 10;
    for (const row of [7, 49]) bytes[bytes.length - (50 - row) * rowBytes]! ^= 4;
    await writeFile(at("d.tokens"), bytes);
    // The last row is part of what tells one file from another, and opening does not look at what it says.
    await using rows = await openTokens(at("d.tokens"));
    const { wrong, codesUsed } = await tokenStatistics(rows);
    expect(wrong.count).toBe(2);
    expect(wrong.first.map((sentence) => /row \d+/.exec(sentence)?.[0])).toEqual(["row 7", "row 49"]);
    expect(codesUsed).toBe(48);
  });

  it("passes on what is not a row's fault", async () => {
    await using rows = await openTokens(at("a.jsonl"));
    const failing = { ...rows, read: () => Promise.reject(new RarityError("io", "the disk is gone")) };
    await expect(tokenStatistics(failing)).rejects.toThrow("the disk is gone");
  });
});

describe("conversion", () => {
  it("there and back gives the same bytes", async () => {
    const text = jsonl(Array.from({ length: 3000 }, (_, i) => [i % 7, [i, i + 1, i + 2]]));
    await writeFile(at("e.jsonl"), text);
    await using lines = await openTokens(at("e.jsonl"), { codebookSize: 4000, classes: 7 });
    await writeTokenFile(at("e.tokens"), lines, { metadata: { from: "e" } });
    await using file = await openTokens(at("e.tokens"));
    expect(file).toMatchObject({ rows: 3000, codebookSize: 4000, classes: 7, metadata: { from: "e" } });
    await writeTokenJsonl(at("f.jsonl"), file);
    expect(await readFile(at("f.jsonl"), "utf8")).toBe(text);
  });

  it.each([
    ["g.tokens", writeTokenFile],
    ["g.jsonl", writeTokenJsonl],
  ])("to %s leaves nothing where a row is wrong, or it is stopped", async (name, write) => {
    await writeFile(at("wrong.jsonl"), [...jsonl([[0, [1]]]), "{}\n", ...jsonl([[0, [1]]])].join("")); // biome-ignore format: a line each
    await using rows = await openTokens(at("wrong.jsonl"));
    await expect(write(at(name), rows)).rejects.toThrow(/line 2 is not/);
    await using sound = await openTokens(at("a.jsonl"));
    await expect(write(at(name), sound, { signal: AbortSignal.abort(new Error("stopped")) })).rejects.toThrow(
      "stopped",
    );
    const { readdir } = await import("node:fs/promises");
    expect((await readdir(folder)).filter((file) => file.startsWith(name))).toEqual([]);
  });
});
