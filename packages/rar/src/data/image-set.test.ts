import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../images/png.js";
import type { RgbImage } from "../images/rgb.js";
import { tarOf } from "../testing/tar.js";
import { temporaryFolder } from "../testing/temporary.js";
import { openImages } from "./image-set.js";

const folder = temporaryFolder();

/** A picture that can be told from others by its grey. */
const grey = (value: number): RgbImage => ({ width: 2, height: 3, data: new Uint8Array(18).fill(value) });
const png = (value: number): Promise<Uint8Array> => encodePng(grey(value));

async function files(root: string, contents: Readonly<Record<string, Uint8Array>>): Promise<string> {
  for (const [name, bytes] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, root, name)), { recursive: true });
    await writeFile(join(folder, root, name), bytes);
  }
  return join(folder, root);
}

const listing = async (path: string): Promise<[string, number][]> => {
  await using images = await openImages(path);
  return Array.from({ length: images.count }, (_, i) => [
    images.nameOf(i).slice(path.length + 1),
    images.label(i),
  ]);
};

describe("class folders", () => {
  it("come in the order of the reference, with everything below them", async () => {
    const none = new Uint8Array();
    const path = await files("order", {
      "b/2.jpg": none,
      "b/10.JPG": none,
      "b/.jpg": none,
      "b/._x.jpeg": none,
      "b/note.txt": none,
      "b/film.gif": none,
      "a/b/x.png": none,
      "a/a!x/y.webp": none,
      "a/a/b/z.tiff": none,
      "loose.png": none,
      ".hidden/h.pgm": none,
      "\uff5e/wave.bmp": none, // below U+10000, so before the cat although its code unit is the larger
      "🐈/cat.ppm": none,
    });
    expect(await listing(path)).toEqual([
      [".hidden/h.pgm", 0],
      ["a/a!x/y.webp", 1],
      ["a/a/b/z.tiff", 1],
      ["a/b/x.png", 1],
      ["b/._x.jpeg", 2],
      ["b/.jpg", 2],
      ["b/10.JPG", 2],
      ["b/2.jpg", 2],
      ["～/wave.bmp", 3],
      ["🐈/cat.ppm", 4],
    ]);
  });

  it("are those in train where it holds folders; a class named train is a class", async () => {
    const none = new Uint8Array();
    const split = await files("split", { "train/x/1.png": none, "val/x/2.png": none });
    expect(await listing(split)).toEqual([["train/x/1.png", 0]]);
    const vehicles = await files("vehicles", { "bus/1.png": none, "train/2.png": none });
    expect(await listing(vehicles)).toEqual([
      ["bus/1.png", 0],
      ["train/2.png", 1],
    ]);
  });

  it("follow links, tell of one that loops, and take a dangling one for a file that cannot be read", async () => {
    const path = await files("links", { "a/1.png": await png(7) });
    await files("elsewhere", { "2.png": await png(8) });
    await symlink(join(folder, "elsewhere"), join(path, "a", "more"));
    await symlink("..", join(path, "a", "up")); // to the folder of the classes: a comes again below a
    await symlink("gone.png", join(path, "a", "dangling.png"));
    const told: string[] = [];
    await using images = await openImages(path, { warn: (message) => told.push(message) });
    const names = Array.from({ length: images.count }, (_, i) => images.nameOf(i).slice(path.length + 1));
    expect(names).toEqual(["a/1.png", "a/dangling.png", "a/more/2.png"]);
    expect(told).toEqual([expect.stringMatching(/a\/up\/a" leads back to .*links\/a"/)]);
    expect((await images.read(2)).data[0]).toBe(8);
    await expect(images.read(1)).rejects.toThrow(/dangling\.png": there is no such file/);
  });

  it("without a picture, without classes, or absent are errors that name them", async () => {
    const path = await files("gaps", { "a/1.png": new Uint8Array(), ".git/HEAD": new Uint8Array() });
    await mkdir(join(path, "empty"));
    await expect(openImages(path)).rejects.toThrow(/class folders "\.git", "empty" hold no picture/);
    const flat = await files("flat", { "1.tar": new Uint8Array() });
    await expect(openImages(flat)).rejects.toThrow(/no class folder in it\. For the shards in it/);
    await expect(openImages(join(folder, "absent"))).rejects.toThrow(/There is no ".*absent"/);
  });

  it("give a picture that cannot be decoded as an error with its path", async () => {
    const path = await files("broken", {
      "a/1.png": (await png(1)).subarray(0, 40),
      "a/2.png": await png(2),
    });
    await using images = await openImages(path);
    await expect(images.read(0)).rejects.toThrow(/broken\/a\/1\.png": it cannot be decoded/);
    expect((await images.read(1)).data[0]).toBe(2);
    expect(() => images.label(2)).toThrow(RangeError);
  });
});

describe("shards", () => {
  const shard = async (first: number, count: number): Promise<Uint8Array> => {
    const members: [string, Uint8Array][] = [];
    for (let i = first; i < first + count; i++)
      members.push([`${i}.png`, await png(i)], [`${i}.cls`, Buffer.from(`${i % 3}\n`)]);
    return tarOf(members);
  };
  let server: Server;
  let address: string;
  const requests: string[] = [];
  const served = new Map<string, Uint8Array>();
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url!);
      const bytes = served.get(request.url!);
      if (bytes === undefined) response.writeHead(404).end();
      else if (request.url === "/cut.tar" && requests.filter((url) => url === request.url).length === 1) {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 1000), () => response.destroy());
      } else response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
  });

  async function expectNumbered(source: string | readonly string[], count: number): Promise<void> {
    await using images = await openImages(source);
    expect(images.count).toBe(count);
    const all = await Promise.all(Array.from({ length: count }, (_, i) => images.read(count - 1 - i)));
    expect(all.map(({ data }) => data[0])).toEqual(Array.from({ length: count }, (_, i) => count - 1 - i));
    expect(Array.from({ length: count }, (_, i) => images.label(i) - (i % 3))).toEqual(Array(count).fill(0));
  }

  it("plain and packed by gzip, whatever their names, are read in any order", async () => {
    const path = await files("mixed", {
      "s-0.tar": await shard(0, 40),
      "s-1.tar": gzipSync(await shard(40, 30)),
      "s-2.tar.gz": gzipSync(await shard(70, 10)),
    });
    await expectNumbered([0, 1].map((i) => join(path, `s-${i}.tar`)).concat(join(path, "s-2.tar.gz")), 80);
    await expectNumbered(`${path}/s-{0..1}.tar::${path}/s-2.tar.gz`, 80);
  });

  it("come over http too, and again from the start where the line breaks", async () => {
    served.set("/cut.tar", await shard(0, 20));
    served.set("/b.tgz", gzipSync(await shard(20, 5)));
    await expectNumbered(`${address}/{cut.tar,b.tgz}`, 25);
    expect(requests.filter((url) => url === "/cut.tar")).toHaveLength(2);
    await expect(openImages(`${address}/absent.tar`)).rejects.toThrow(/There is no "http.*\(404\)/);
  });

  it("that a pattern names and that are not there are counted, the first by name", async () => {
    const path = await files("some", { "s-0.tar": await shard(0, 1) });
    await expect(openImages(join(path, "s-{0..3}.tar"))).rejects.toThrow(
      /stands for 4 shards, and 3 of them are not there, the first being ".*s-1\.tar"/,
    );
    await expect(openImages([])).rejects.toThrow(/no shard/);
  });

  it.each([
    ["absolute and climbing names stay names", "/etc/../../x"],
    ["names in any language", "日本/ü 🐈"],
    ["names longer than a header holds", `${"d".repeat(90)}/${"n".repeat(200)}`],
  ])("%s", async (_, key) => {
    const members: [string, Uint8Array][] = [
      [`${key}.png`, await png(9)],
      [`${key}.cls`, Buffer.from("4")],
    ];
    const path = await files("names", { "a.tar": tarOf(members) });
    await using images = await openImages(join(path, "a.tar"));
    expect(images.nameOf(0)).toBe(`${join(path, "a.tar")}: ${key}.png`);
    expect(images.keyOf(0)).toBe(`a.tar: ${key}.png`);
    expect(images.label(0)).toBe(4);
    expect((await images.read(0)).data[0]).toBe(9);
  });

  it.each([
    ["a class that is no number", "x"],
    ["a class below zero", "-1"],
    ["no class at all", ""],
    ["a class longer than any number", "1".repeat(300)],
  ])("%s is an error naming shard and sample, or is left out", async (_, label) => {
    const bad = tarOf([
      ["k.png", await png(1)],
      ["k.cls", Buffer.from(label)],
      ["good.png", await png(2)],
      ["good.cls", Buffer.from(" 1_0\n")],
    ]);
    const path = join(await files("labels", { "a.tar": bad }), "a.tar");
    await expect(openImages(path)).rejects.toThrow(/labels\/a\.tar": "k\.cls" holds/);
    const told: string[] = [];
    await using images = await openImages(path, { onError: "skip", warn: (message) => told.push(message) });
    expect([images.count, images.label(0), told.length]).toEqual([1, 10, 1]);
  });

  it("damaged anywhere end in an error of the file, or give what was whole", async () => {
    const whole = await shard(0, 6);
    const packed = gzipSync(whole);
    const path = await files("damage", {});
    await mkdir(path, { recursive: true });
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let run = 0; run < 60; run++) {
      const bytes = Buffer.from(run % 2 === 0 ? whole : packed);
      if (run % 3 === 0) for (let i = 0; i < 4; i++) bytes[random(bytes.length)] = random(256);
      const file = join(path, "a.tar");
      await writeFile(file, run % 3 === 0 ? bytes : bytes.subarray(0, random(bytes.length)));
      const images = await openImages(file, { onError: "skip" }).catch((error: unknown) => error);
      if (images instanceof Error) expect(images).toMatchObject({ code: "bad-file" });
      else await (images as AsyncDisposable)[Symbol.asyncDispose]();
    }
    await rm(path, { recursive: true });
  });
});
