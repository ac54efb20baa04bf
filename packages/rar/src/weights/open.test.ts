import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { openTensorFile } from "./open.js";
import { writeSafetensors } from "./safetensors.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-open-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function failure(path: string): Promise<RarityError> {
  const error = await openTensorFile(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RarityError);
  expect((error as RarityError).message).toContain(path);
  return error as RarityError;
}

describe("files that are something else are called what they are", () => {
  const tar = Buffer.alloc(1024);
  tar.write("weights.bin\0", 0);
  tar.write("ustar", 257);
  const cases: [string, Uint8Array | string, RegExp][] = [
    ["a web page", "<!DOCTYPE html>\n<html><body>Sign in</body></html>", /web page, not the file/],
    ["a web page after blank lines", "\n\n  <HTML>", /web page/],
    [
      "a Git LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n",
      /Git LFS pointer.*git lfs pull/,
    ],
    ["an empty file", "", /empty \(0 bytes\)/],
    ["a server's error", '{"error":"Repository not found"}', /JSON text, perhaps a server's error/],
    ["text", "Entry not found", /text, not a tensor file: "Entry not found"/],
    ["one byte", "\x80", /text|pickle|too few|cut short|no known/],
    ["gzip", gzipSync("x"), /compressed with gzip/],
    ["a tar archive", tar, /tar archive/],
    ["a picture", Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), /PNG picture/],
    ["one npy array", Buffer.from("\x93NUMPY\x01\x00", "latin1"), /single npy array/],
    [
      "noise",
      Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 89 + 200) & 255)),
      /no known tensor file/,
    ],
    ["zeros", new Uint8Array(1000), /header has length 0|no known/],
  ];
  it.each(cases)("%s", async (name, content, message) => {
    const path = join(folder, `${name}.bin`);
    await writeFile(path, content);
    const error = await failure(path);
    expect(error.code).toBe("bad-file");
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
  });

  it("a folder", async () => {
    await mkdir(join(folder, "folder.bin"));
    const error = await failure(join(folder, "folder.bin"));
    expect([error.code, error.message]).toEqual(["bad-file", expect.stringMatching(/it is a folder/)]);
  });

  it("nothing, and a link to nothing", async () => {
    expect((await failure(join(folder, "absent.bin"))).code).toBe("not-found");
    await symlink(join(folder, "absent.bin"), join(folder, "link.bin"));
    expect((await failure(join(folder, "link.bin"))).message).toMatch(/no such file/);
  });

  it("a file in the place of a folder", async () => {
    await writeFile(join(folder, "file"), "x");
    expect((await failure(join(folder, "file", "x.bin"))).message).toMatch(/is a file, not a folder/);
  });

  it.skipIf(process.platform === "win32")("a named pipe is refused without waiting", async () => {
    const path = join(folder, "pipe.bin");
    execFileSync("mkfifo", [path]);
    expect((await failure(path)).message).toMatch(/not a regular file/);
  });

  it.skipIf(process.getuid?.() === 0)("no permission", async () => {
    const path = join(folder, "secret.bin");
    await writeFile(path, "x");
    await chmod(path, 0);
    const error = await failure(path);
    expect([error.code, error.exitCode]).toEqual(["io", 1]);
    expect(error.message).toMatch(/no permission/);
  });
});

it("a file that shrinks while it is read", async () => {
  const path = join(folder, "shrinks.safetensors");
  await writeSafetensors(path, [{ name: "a", dtype: "F32", shape: [1000], data: new Float32Array(1000) }]);
  await using file = await openTensorFile(path);
  await truncate(path, 500);
  await expect(file.read("a")).rejects.toThrow(/became shorter while it was read/);
});

it("a closed file says so", async () => {
  const path = join(folder, "closed.safetensors");
  await writeSafetensors(path, [{ name: "a", dtype: "F32", shape: [1], data: new Float32Array(1) }]);
  const file = await openTensorFile(path);
  await file[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
  await expect(file.read("a")).rejects.toThrow(/it was closed/);
});

it("a file of 6 GB opens at once, and one tensor of it is read alone", async () => {
  const path = join(folder, "large.safetensors");
  const gigabytes = 6 * 2 ** 30;
  const header = JSON.stringify({
    large: { dtype: "U8", shape: [gigabytes - 4], data_offsets: [0, gigabytes - 4] },
    last: { dtype: "U8", shape: [4], data_offsets: [gigabytes - 4, gigabytes] },
  });
  const start = Buffer.alloc(8 + header.length);
  start.writeBigUInt64LE(BigInt(header.length));
  start.write(header, 8);
  await writeFile(path, start);
  await truncate(path, start.length + gigabytes); // sparse: takes no room
  const handle = await open(path, "r+");
  await handle.write(Uint8Array.of(1, 2, 3, 4), 0, 4, start.length + gigabytes - 4);
  await handle.close();
  const before = process.memoryUsage().arrayBuffers;
  await using file = await openTensorFile(path);
  expect([...(await file.readFloat32("last"))]).toEqual([1, 2, 3, 4]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
});
