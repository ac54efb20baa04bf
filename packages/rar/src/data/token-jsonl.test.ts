/** JSON lines: the reference's own bytes, every kind of line end, and what is said of lines that are wrong. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { temporaryFolder } from "../testing/temporary.js";
import { memorySource } from "../weights/byte-source.js";
import { indexLines } from "./line-index.js";
import { splitLines } from "./lines.js";
import { tokenLine } from "./token-line.js";
import { allRows, openTokens, type TokenRows } from "./token-rows.js";

const folder = temporaryFolder();
let files = 0;
async function fileOf(content: string | Uint8Array): Promise<string> {
  const path = join(folder, `${files++}.jsonl`);
  await writeFile(path, content);
  return path;
}

const row = (label: number, ...tokens: number[]): string => tokenLine(label, tokens).trimEnd();
const four = [row(3, 1, 2, 3), row(0, 9, 8, 7), row(1, 0, 0, 0), row(2, 5, 5, 5)];

async function contents(rows: TokenRows): Promise<string[]> {
  const lines: string[] = [];
  for await (const { classes, tokens } of allRows(rows))
    for (const [i, label] of classes.entries())
      lines.push(row(label, ...tokens.subarray(i * rows.length, (i + 1) * rows.length)));
  return lines;
}

describe("lines", () => {
  const text = fc
    .array(fc.constantFrom("a", "bc", "\n", "\r", "\r\n", "\n", ""), { maxLength: 120 })
    .map((parts) => parts.join(""));
  /** As Python's text files: an end of line ends a line, it does not begin one. */
  const linesOf = (whole: string): string[] => {
    const lines = whole.split(/\r\n|\n|\r/);
    if (lines.at(-1) === "") lines.pop();
    return lines;
  };

  it("are found by position as Python counts them", async () => {
    await fc.assert(
      fc.asyncProperty(text, async (whole) => {
        const expected = linesOf(whole);
        const index = await indexLines(memorySource("text", Buffer.from(whole)));
        const found: string[] = [];
        await index.read([...expected.keys()].reverse(), (bytes, place) => {
          found[expected.length - 1 - place] = Buffer.from(bytes).toString();
        });
        expect(index.lines).toBe(expected.length);
        expect(found).toEqual(expected);
      }),
    );
  });

  it("are cut from a stream in the same way, wherever its pieces end", async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (whole, size) => {
        async function* pieces() {
          for (let at = 0; at < whole.length; at += size) yield Buffer.from(whole.slice(at, at + size));
        }
        const found: string[] = [];
        for await (const bytes of splitLines("text", pieces())) found.push(Buffer.from(bytes).toString());
        expect(found).toEqual(linesOf(whole));
      }),
    );
  });

  it.each(["\r\n", "\r", "\n", "\n\n", "\r\r"])(
    "are found where the index's own reads end with %j",
    async (end) => {
      const most = 4 * 1024 * 1024;
      for (const before of [most - 2, most - 1, most]) {
        const whole = `${"x".repeat(before)}${end}yy`;
        const index = await indexLines(memorySource("text", Buffer.from(whole)));
        const expected = linesOf(whole);
        expect(index.lines).toBe(expected.length);
        await index.read([index.lines - 1], (bytes) => expect(Buffer.from(bytes).toString()).toBe("yy"));
      }
    },
  );
});

describe("reading JSON lines", () => {
  it.skipIf(missing("transforms/pretokenized_sample.jsonl"))(
    "reads the reference's file, and writes its very bytes",
    async () => {
      const path = fixture("transforms/pretokenized_sample.jsonl")!;
      await using rows = await openTokens(path, { length: 256, codebookSize: 1024, classes: 1000 });
      expect(rows.rows).toBe(3);
      expect(`${(await contents(rows)).join("\n")}\n`).toBe(await readFile(path, "utf8"));
    },
  );

  it.each([
    ["\\n", `${four.join("\n")}\n`],
    ["\\n, the last without", four.join("\n")],
    ["\\r\\n", `${four.join("\r\n")}\r\n`],
    ["\\r", `${four.join("\r")}\r`],
  ])("takes lines that end with %s", async (_, text) => {
    await using rows = await openTokens(await fileOf(text));
    expect(rows).toMatchObject({ format: "jsonl", rows: 4, length: 3 });
    expect(await contents(rows)).toEqual(four);
    const batch = await rows.read([3, 0, 3]);
    expect([...batch.classes]).toEqual([2, 3, 2]);
    expect([...batch.tokens]).toEqual([5, 5, 5, 1, 2, 3, 5, 5, 5]);
  });

  it("passes over other keys and white space", async () => {
    const line = `  {"tokens":[1,2,3],"name":"a\\nb","class_id":3, "nested": {"tokens": []}} `;
    await using rows = await openTokens(await fileOf(`${line}\n${four[1]}`));
    expect(await contents(rows)).toEqual(four.slice(0, 2));
  });

  it("reads far lines of a long file", async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => row(i % 10, i, i + 1));
    await using rows = await openTokens(await fileOf(lines.join("\n")));
    const wanted = [4999, 16, 15, 0, 17, 2500];
    expect([...(await rows.read(wanted)).tokens]).toEqual(wanted.flatMap((i) => [i, i + 1]));
  });

  it("reads packed lines, and leaves nothing of them behind", async () => {
    const own = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("rarity-tokens-"));
    const before = await own();
    const path = await fileOf(gzipSync(four.join("\n")));
    const rows = await openTokens(path, { codebookSize: 10 });
    expect(rows).toMatchObject({ path, format: "jsonl.gz", rows: 4, length: 3, codebookSize: 10 });
    expect(await contents(rows)).toEqual(four);
    await rows.close();
    expect(await own()).toEqual(before);
  });
});

describe("lines that are wrong", () => {
  const limits = { length: 3, codebookSize: 10, classes: 4 };
  const wrong: [string, string, RegExp][] = [
    ["malformed", `{"class_id": 1, "tokens": [1, 2`, /line 3 is not JSON: {"class_id": 1/],
    ["no object", "[1, 2, 3]", /line 3 is not {"class_id"/],
    ["null", "null", /line 3 is not {"class_id"/],
    ["no class", `{"tokens": [1, 2, 3]}`, /line 3 is not {"class_id"/],
    ["a class in words", `{"class_id": "cat", "tokens": [1, 2, 3]}`, /line 3 is not {"class_id"/],
    ["a class below 0", row(-1, 1, 2, 3), /line 3 is not {"class_id": a whole number/],
    ["no tokens", `{"class_id": 1}`, /line 3 is not {"class_id"/],
    ["too few tokens", row(1, 1, 2), /line 3 has 2 tokens, not 3/],
    ["too many tokens", row(1, 1, 2, 3, 4), /line 3 has 4 tokens, not 3/],
    ["half a token", row(1, 1, 2.5, 3), /line 3: token 1 is 2.5, not a whole number/],
    ["a token in words", `{"class_id": 1, "tokens": [1, 2, "3"]}`, /line 3: token 2 is "3"/],
    ["a token beyond the codebook", row(1, 1, 2, 10), /line 3: token 2 is 10, .* 10 codes \(0 to 9\)/],
    ["a token below 0", row(1, -1, 2, 3), /line 3: token 0 is -1/],
    ["a class beyond the count", row(4, 1, 2, 3), /line 3: class 4 does not exist, there are 4 classes/],
    ["nothing in it", "", /line 3 is empty. Remove it/],
    ["white space only", "  ", /line 3 is empty/],
  ];

  it.each(wrong)("are named when they are reached: %s", async (_, line, message) => {
    const path = await fileOf([four[0], four[1], line, four[2]].join("\n"));
    await using rows = await openTokens(path, limits);
    expect((await rows.read([0, 1, 3])).rows).toBe(3); // the others are read
    await expect(rows.read([2])).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringMatching(message),
    });
  });

  it.each(wrong)("are named in a packed file when it is opened: %s", async (_, line, message) => {
    const path = await fileOf(gzipSync([four[0], four[1], line, four[2]].join("\n")));
    await expect(openTokens(path, limits)).rejects.toThrow(message);
  });

  it.each([
    ["a blank last line", `${four.join("\n")}\n\n`, /line 5 is empty. Remove it/],
    ["a last line that is cut off", four.join("\n").slice(0, -3), /line 4 is not JSON/],
    ["rows of another length than the model's", row(1, 1, 2), /have 2 tokens, the model needs 3/],
    ["a first row without tokens", row(1), /line 1 has no tokens/],
    ["nothing", "", /it is empty \(0 bytes\)/],
    ["an array of all rows", `[${four.join(", ")}]`, /one JSON array/],
    ["a web page", "<!doctype html><p>Not found", /it is a web page/],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", /Git LFS pointer/],
    ["other bytes", "PK\x03\x04\0\0\0", /neither a token file of rarity nor JSON lines/],
  ])("are seen when the file is opened: %s", async (_, text, message) => {
    await expect(openTokens(await fileOf(text), limits)).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ["cut off", gzipSync(four.join("\n")).subarray(0, -9)],
    ["damaged", gzipSync(four.join("\n")).fill(7, 12, 20)],
  ])("packed file that is %s", async (_, bytes) => {
    await expect(openTokens(await fileOf(bytes))).rejects.toThrow(
      /cannot be unpacked: it is cut off or damaged/,
    );
  });

  it("packed nothing", async () => {
    await expect(openTokens(await fileOf(gzipSync("")))).rejects.toThrow(/it is empty/);
  });

  it("refuses a folder and a file that is not there", async () => {
    await expect(openTokens(folder)).rejects.toThrow(/it is a folder/);
    await expect(openTokens(join(folder, "none.jsonl"))).rejects.toMatchObject({ code: "not-found" });
  });

  it("stops looking for lines when told to", async () => {
    const stop = AbortSignal.abort(new Error("stopped"));
    for (const content of [four.join("\n"), gzipSync(four.join("\n"))])
      await expect(openTokens(await fileOf(content), { signal: stop })).rejects.toThrow("stopped");
  });
});
