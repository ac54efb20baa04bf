/** The token file: what is written is read back by position, a stop loses nothing, and every damage is named. */
import { open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../testing/temporary.js";
import { memorySource } from "../weights/byte-source.js";
import { TokenFileWriter } from "./token-file.js";
import { openTokenFile } from "./token-file-reader.js";
import { encodeTokenHeader, type TokenFileHeader } from "./token-header.js";
import { allRows, openTokens } from "./token-rows.js";

const folder = temporaryFolder();
let files = 0;
const freshPath = (): string => join(folder, `${files++}.tokens`);

const header = { length: 4, codebookSize: 100, classes: 10, metadata: { tokenizer: "ab12" } };
const label = (row: number): number => row % 10;
const tokens = (row: number, length = 4): number[] =>
  Array.from({ length }, (_, i) => (row * 7 + i * 13) % 100);

async function written(rows: number, settings: TokenFileHeader = header): Promise<string> {
  const path = freshPath();
  await using writer = await TokenFileWriter.create(path, settings);
  for (let row = 0; row < rows; row++) await writer.append(label(row), tokens(row, settings.length));
  await writer.finish();
  return path;
}

describe("writing and reading", () => {
  it.each([
    ["16 bits", header],
    ["32 bits", { ...header, codebookSize: 100_000 }],
    ["32 bits where the codebook is not known", { length: 4 }],
    ["an odd number of tokens", { ...header, length: 7 }],
  ] as const)("gives back rows by position, %s", async (_, settings) => {
    const path = await written(50, settings);
    await using file = await openTokens(path);
    const wanted = [49, 0, 7, 8, 9, 7];
    const batch = await file.read(wanted);
    expect([...batch.classes]).toEqual(wanted.map(label));
    expect([...batch.tokens]).toEqual(wanted.flatMap((row) => tokens(row, settings.length)));
    expect(file).toMatchObject({ format: "tokens", rows: 50, length: settings.length });
    expect(file.codebookSize).toBe("codebookSize" in settings ? settings.codebookSize : undefined);
    expect(file.metadata).toEqual("metadata" in settings ? settings.metadata : {});
    expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it("keeps the largest numbers that 32 bits hold as Int32", async () => {
    const path = freshPath();
    await using writer = await TokenFileWriter.create(path, { length: 1, codebookSize: 2 ** 31 });
    await writer.append(2 ** 31 - 1, [2 ** 31 - 1]);
    await writer.finish();
    await using file = await openTokens(path);
    expect(await file.read([0])).toMatchObject({
      tokens: Int32Array.of(2 ** 31 - 1),
      classes: Int32Array.of(2 ** 31 - 1),
    });
  });

  it("keeps the order of rows that nobody waits for, beyond the buffer's size", async () => {
    const length = 200_000; // two rows fill the buffer
    const path = freshPath();
    await using writer = await TokenFileWriter.create(path, { length, codebookSize: 100 });
    await Promise.all(
      Array.from({ length: 12 }, (_, row) => writer.append(row, new Uint8Array(length).fill(row))),
    );
    await writer.finish();
    await using file = await openTokens(path);
    let row = 0;
    for await (const batch of allRows(file, { atOnce: 5 }))
      for (let i = 0; i < batch.rows; i++, row++) {
        expect(batch.classes[i]).toBe(row);
        expect(batch.tokens[i * length + length - 1]).toBe(row);
      }
    expect(row).toBe(12);
  });

  it("knows the same file again, and another one", async () => {
    const identities: string[] = [];
    for (const path of [await written(20), await written(20), await written(21)]) {
      await using file = await openTokens(path);
      identities.push(file.identity);
    }
    expect(identities[0]).toBe(identities[1]);
    expect(identities[2]).not.toBe(identities[0]);
  });

  it("refuses rows that its header does not allow, and writes nothing of them", async () => {
    await using writer = await TokenFileWriter.create(freshPath(), header);
    await expect(writer.append(0, [1, 2, 3])).rejects.toThrow(/has 4 tokens; 3 were given/);
    await expect(writer.append(10, tokens(0))).rejects.toThrow(/Class 10 .* 10 classes/);
    await expect(writer.append(0, [1, 2, 3, 100])).rejects.toThrow(/Token 3 of row 0 .* from 0 to 99/);
    await expect(writer.append(0, [1, 2.5, 3, 4])).rejects.toThrow(/Token 1 .* 2.5/);
    expect(writer.rows).toBe(0);
    await writer.discard();
  });

  it("refuses rows that are not there", async () => {
    await using file = await openTokens(await written(3));
    await expect(file.read([0, 3])).rejects.toThrow(/Row 3 .* rows 0 to 2/);
    await expect(file.read([-1])).rejects.toThrow(RangeError);
  });
});

describe("going on after a stop", () => {
  async function stopped(rows: number): Promise<string> {
    const path = freshPath();
    await using writer = await TokenFileWriter.create(path, header);
    for (let row = 0; row < rows; row++) await writer.append(label(row), tokens(row));
    return path;
  }

  async function goOn(path: string, rows: number): Promise<number> {
    await using writer = await TokenFileWriter.create(path, header, { resume: true });
    const from = writer.rows;
    for (let row = from; row < rows; row++) await writer.append(label(row), tokens(row));
    await writer.finish();
    return from;
  }

  it("leaves nothing under the final name, then ends with the bytes of a run that was not stopped", async () => {
    const path = await stopped(30);
    await expect(openTokens(path)).rejects.toThrow(/there is no such file/);
    await expect(openTokens(`${path}.partial`)).rejects.toThrow(/never finished/);
    expect(await goOn(path, 50)).toBe(30);
    expect(await readFile(path)).toEqual(await readFile(await written(50)));
  });

  it("cuts half a row away", async () => {
    const path = await stopped(30);
    await truncate(`${path}.partial`, (await readFile(`${path}.partial`)).length - 5);
    expect(await goOn(path, 50)).toBe(29);
    expect(await readFile(path)).toEqual(await readFile(await written(50)));
  });

  it("cuts away from the first row that a power cut left empty", async () => {
    const path = await stopped(30);
    const bytes = await readFile(`${path}.partial`);
    await writeFile(`${path}.partial`, bytes.fill(0, bytes.length - 16 * 9 - 3));
    expect(await goOn(path, 50)).toBe(20);
    expect(await readFile(path)).toEqual(await readFile(await written(50)));
  });

  it("goes on behind a header that already says its rows, from a stop just before the rename", async () => {
    const path = await stopped(30);
    const handle = await open(`${path}.partial`, "r+");
    await handle.write(encodeTokenHeader(header, 30), 0, undefined, 0);
    await handle.close();
    await using writer = await TokenFileWriter.create(path, header, { resume: true });
    await writer.append(label(30), tokens(30));
    await writer.flush();
    await expect(openTokens(`${path}.partial`)).rejects.toThrow(/never finished/);
    await writer.finish();
    expect(await readFile(path)).toEqual(await readFile(await written(31)));
  });

  it("drops rows that the caller's own record does not know", async () => {
    const path = await stopped(30);
    await using writer = await TokenFileWriter.create(path, header, { resume: true });
    await writer.append(0, tokens(99));
    await writer.cut(10);
    expect(writer.rows).toBe(10);
    for (let row = 10; row < 50; row++) await writer.append(label(row), tokens(row));
    await writer.finish();
    expect(await readFile(path)).toEqual(await readFile(await written(50)));
  });

  it("begins anew where it is not asked to go on, or nothing is there", async () => {
    const path = await stopped(30);
    await using anew = await TokenFileWriter.create(path, header);
    expect(anew.rows).toBe(0);
    await anew.discard();
    await using writer = await TokenFileWriter.create(path, header, { resume: true });
    expect(writer.rows).toBe(0);
  });

  it.each([
    ["codebookSize", { ...header, codebookSize: 64 }, /codebookSize 100; now it is 64/],
    ["metadata", { ...header, metadata: { tokenizer: "cd34" } }, /tokenizer "ab12"; now it is "cd34"/],
    ["metadata that is gone", { length: 4, codebookSize: 100, classes: 10 }, /now it is not given/],
  ])("refuses to go on with another %s", async (_, other, message) => {
    const path = await stopped(3);
    await expect(TokenFileWriter.create(path, other, { resume: true })).rejects.toThrow(message);
    expect(await goOn(path, 5)).toBe(3); // and what is there is left as it is
  });

  it("keeps a finished file until another has taken its place", async () => {
    const path = await written(5);
    {
      await using writer = await TokenFileWriter.create(path, header);
      await writer.append(1, tokens(1));
    }
    await using file = await openTokens(path);
    expect(file.rows).toBe(5);
    await rm(`${path}.partial`);
  });

  it("says where a file cannot be", async () => {
    await expect(TokenFileWriter.create(join(folder, "no", "x.tokens"), header)).rejects.toThrow(
      /its folder does not exist/,
    );
  });
});

describe("damaged files", () => {
  /** Bytes of a sound file of ten rows, changed. */
  async function damaged(change: (bytes: Buffer) => Buffer | undefined): Promise<string> {
    const path = await written(10);
    const bytes = await readFile(path);
    await writeFile(path, change(bytes) ?? bytes);
    return path;
  }
  /** As by someone who knows the format: the header's checksum is right. */
  const signed = (bytes: Buffer): Buffer => {
    const end = bytes.readUInt32LE(12);
    bytes.writeUInt32LE(crc32(bytes.subarray(64, end), crc32(bytes.subarray(0, 60))), 60);
    return bytes;
  };

  const refuses = async (path: string, message: RegExp): Promise<void> =>
    expect(openTokens(path)).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringMatching(message),
    });

  it.each<[string, (bytes: Buffer) => Buffer | undefined, RegExp]>([
    ["another version", (b) => void b.writeUInt32LE(2, 8), /version 2; this rarity reads version 1/],
    ["an end too early", (b) => b.subarray(0, b.length - 1), /header says 10 rows, 9 are there/],
    ["half its header", (b) => b.subarray(0, 40), /ends inside its header, at byte 40/],
    ["half its metadata", (b) => b.subarray(0, 70), /ends inside its header, at byte 70/],
    ["more than it says", (b) => Buffer.concat([b, Buffer.alloc(16)]), /longer than the 10 rows/],
    ["a number of its header changed", (b) => void b.writeUInt32LE(5, 24), /header is damaged/],
    ["its metadata changed", (b) => void b.write("cd", 78), /header is damaged/],
    ["a header of 4 GB", (b) => void b.writeUInt32LE(2 ** 32 - 1, 12), /header claims 4294967295 bytes/],
  ])("refuses a file with %s", async (_, change, message) => {
    await refuses(await damaged(change), message);
  });

  it.each<[string, (bytes: Buffer) => unknown, RegExp]>([
    ["2^60 rows", (b) => b.writeBigUInt64LE(2n ** 60n, 16), /claims 1152921504606846976 rows/],
    ["2^40 rows", (b) => b.writeBigUInt64LE(2n ** 40n, 16), /says 1099511627776 rows, 10 are there/],
    ["rows of no tokens", (b) => b.writeUInt32LE(0, 24), /claims 0 tokens a row/],
    ["rows of 2^32 - 1 tokens", (b) => b.writeUInt32LE(2 ** 32 - 1, 24), /claims 4294967295 tokens/],
    ["3 bytes a token", (b) => b.writeUInt32LE(3, 28), /claims 3 bytes a token/],
    ["metadata beyond its header", (b) => b.writeUInt32LE(99, 40), /longer than its header/],
    ["metadata that is no JSON", (b) => b.write("[", 64), /metadata is not JSON/],
    ["metadata that is no object", (b) => b.write("1".padEnd(20), 64), /not a JSON object/],
  ])("refuses a forged header with %s", async (_, change, message) => {
    const path = await damaged((bytes) => {
      change(bytes);
      return signed(bytes);
    });
    await refuses(path, message);
  });

  it("refuses a file without rows", async () => {
    await refuses(await written(0), /it has no rows/);
  });

  it("names the damaged row, and still reads the others", async () => {
    const path = await damaged((bytes) => {
      bytes[bytes.length - 16 * 3 + 5]! ^= 1; // one bit of row 7
      return undefined;
    });
    await using file = await openTokens(path);
    await expect(file.read([1, 7])).rejects.toThrow(/row 7 is damaged: its checksum does not match/);
    expect((await file.read([6, 8])).rows).toBe(2);
  });

  it("refuses tokens and classes out of range, though their checksum is right", async () => {
    const path = await written(3, { length: 4, codeBits: 16 });
    await using file = await openTokens(path, { codebookSize: 20, classes: 2 });
    expect((await file.read([])).rows).toBe(0);
    await expect(file.read([0])).rejects.toThrow(/row 0: token 2 is 26, .* 20 codes \(0 to 19\)/);
    await using other = await openTokens(path, { codebookSize: 100, classes: 2 });
    await expect(other.read([2])).rejects.toThrow(/row 2: class 2 does not exist, there are 2 classes/);
  });

  it("refuses a token of 32 bits that no index can be", async () => {
    const bytes = Buffer.concat([encodeTokenHeader({ length: 1 }, 1), Buffer.alloc(12)]);
    const row = bytes.subarray(bytes.length - 12);
    row.writeUInt32LE(2 ** 32 - 2, 4);
    row.writeUInt32LE(crc32(row.subarray(0, 8)), 8);
    await using file = await openTokenFile(memorySource("forged", bytes), {});
    await expect(file.read([0])).rejects.toThrow(/token 0 is 4294967294/);
  });

  it.each([
    [{ length: 5 }, /its rows have 4 tokens, the model needs 5/],
    [{ codebookSize: 64 }, /a codebook of 100 codes, the model has 64/],
    [{ classes: 9 }, /10 classes, the model has 9/],
  ])("refuses a file that does not fit the model: %o", async (expected, message) => {
    await expect(openTokens(await written(3), expected)).rejects.toThrow(message);
  });
});
