/** A file of the Hub against servers that behave and misbehave: what lies in the cache afterwards, and what is said. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RarityError } from "../config/errors.js";
import {
  commit,
  fileHeaders,
  gitHash,
  type Hook,
  serve,
  servePart,
  sha256,
  startHub,
  type TestHub,
} from "../testing/hub-server.js";
import { cachedHubFile, fetchFromHub, type HubFile, type HubOptions } from "./hub.js";

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
const hash = sha256(bytes);
const file: HubFile = { repository: "owner/name", file: "model.bin" };
const timing = { pause: 5, retries: 5, answer: 2000, stall: 2000, lockPoll: 10 };

let home: string;
let folder: string;
let env: NodeJS.ProcessEnv;
let hub: TestHub;
const closers: (() => Promise<void>)[] = [];

async function start(...[files, hook, options]: Parameters<typeof startHub>): Promise<TestHub> {
  const started = await startHub(files, hook, options);
  closers.push(started.close);
  return started;
}

/** The usual server with a hook, and the environment that leads to it. */
async function misbehave(hook: Hook, options?: { lfs: boolean }): Promise<void> {
  hub = await start({ "model.bin": bytes, "a/b c.json": bytes, empty: new Uint8Array() }, hook, options);
  env = { ...env, HF_ENDPOINT: hub.endpoint };
}

const get = (options: HubOptions = {}, what: HubFile = file): Promise<string> =>
  fetchFromHub(what, { env, timing, ...options });

async function failure(promise: Promise<unknown>): Promise<RarityError> {
  const error = await promise.then(
    (value) => new Error(`no error, but ${String(value)}`),
    (reason: unknown) => reason as Error,
  );
  if (!(error instanceof RarityError)) throw error;
  return error;
}

const partial = (etag = hash): string => join(folder, "blobs", `${etag}.incomplete`);
const leavePartial = (content: Uint8Array): void => {
  mkdirSync(join(folder, "blobs"), { recursive: true });
  writeFileSync(partial(), content);
};
const ranges = (): (string | undefined)[] =>
  hub.requests.filter(({ line }) => line.startsWith("GET")).map(({ headers }) => headers.range);

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "rarity-hub-"));
  folder = join(home, "hub", "models--owner--name");
  env = { HF_HOME: home, HOME: home };
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(closers.splice(0).map((close) => close()));
  rmSync(home, { recursive: true, force: true });
});

describe("the cache", () => {
  it("holds blob, ref and a relative link as huggingface_hub lays them out", async () => {
    await misbehave(() => false);
    const path = await get();
    expect(path).toBe(join(folder, "snapshots", commit, "model.bin"));
    expect(readlinkSync(path)).toBe(join("..", "..", "blobs", hash));
    expect(readFileSync(join(folder, "refs", "main"), "utf8")).toBe(commit);
    expect(readdirSync(join(folder, "blobs"))).toEqual([hash]);
    expect(readdirSync(join(home, "hub", ".locks", "models--owner--name"))).toEqual([]);
    expect(sha256(readFileSync(path))).toBe(hash);
  });

  it("is asked whether the file is the newest, and downloads no second time", async () => {
    await misbehave(() => false);
    await get();
    await get();
    expect(hub.requests.map(({ line }) => line.slice(0, 4))).toEqual(["HEAD", "GET ", "HEAD"]);
  });

  it("needs no network for a commit or a known hash", async () => {
    await misbehave(() => false);
    const path = await get();
    const before = hub.requests.length;
    expect(await get({}, { ...file, revision: commit })).toBe(path);
    expect(await get({}, { ...file, sha256: hash.toUpperCase() })).toBe(path);
    expect(hub.requests.length).toBe(before);
  });

  it("shares a git file in a folder, named by its git hash, and reuses the blob for another revision", async () => {
    await misbehave(() => false, { lfs: false });
    const path = await get({}, { ...file, file: "a/b c.json", revision: "refs/pr/1" });
    expect(readlinkSync(path)).toBe(join("..", "..", "..", "blobs", gitHash(bytes)));
    expect(readFileSync(join(folder, "refs", "refs", "pr", "1"), "utf8")).toBe(commit);
    expect(hub.requests[0]?.line).toBe("HEAD /owner/name/resolve/refs%2Fpr%2F1/a/b%20c.json");
    await get({}, file); // the same content under another name
    expect(hub.gets()).toBe(1);
  });

  it("is read as Python wrote it", () => {
    mkdirSync(join(folder, "blobs"), { recursive: true });
    mkdirSync(join(folder, "snapshots", commit), { recursive: true });
    mkdirSync(join(folder, "refs"));
    writeFileSync(join(folder, "blobs", hash), bytes);
    symlinkSync(`../../blobs/${hash}`, join(folder, "snapshots", commit, "model.bin"));
    writeFileSync(join(folder, "refs", "main"), commit);
    const path = join(folder, "snapshots", commit, "model.bin");
    expect(cachedHubFile(file, env)).toBe(path);
    expect(cachedHubFile({ ...file, sha256: hash, size: bytes.length }, env)).toBe(path);
    expect(cachedHubFile({ ...file, sha256: "0".repeat(64) }, env)).toBeUndefined();
    expect(cachedHubFile({ ...file, size: 1 }, env)).toBeUndefined();
    expect(cachedHubFile({ ...file, revision: "other" }, env)).toBeUndefined();
    expect(cachedHubFile({ ...file, file: "other" }, env)).toBeUndefined();
  });

  it("lies where the variables say", async () => {
    await misbehave(() => false);
    const cache = join(home, "elsewhere");
    expect(await get({ env: { ...env, HF_HUB_CACHE: cache } })).toContain(cache);
    const plain = { HOME: home, HF_ENDPOINT: hub.endpoint };
    expect(await get({ env: plain })).toContain(join(home, ".cache", "huggingface", "hub"));
    expect(await get({ env: { ...plain, XDG_CACHE_HOME: join(home, "x") } })).toContain(
      join(home, "x", "huggingface"),
    );
    expect(await get({ env: { ...plain, HF_HOME: "~/mine" } })).toContain(join(home, "mine", "hub"));
  });

  it("holds a plain file where links are not wanted or not possible", async () => {
    await misbehave(() => false);
    const path = await get({ env: { ...env, HF_HUB_DISABLE_SYMLINKS: "1" } });
    expect(lstatSync(path).isFile()).toBe(true);
    expect(sha256(readFileSync(path))).toBe(hash);
  });

  it("replaces a truncated blob and a link to nothing", async () => {
    await misbehave(() => false);
    const path = await get();
    writeFileSync(join(folder, "blobs", hash), "cut");
    await get();
    expect(sha256(readFileSync(path))).toBe(hash);
    rmSync(join(folder, "blobs", hash));
    await get();
    expect(sha256(readFileSync(path))).toBe(hash);
  });

  it("takes an empty file", async () => {
    await misbehave(() => false);
    expect(statSync(await get({}, { ...file, file: "empty" })).size).toBe(0);
  });
});

describe("progress, abort, resume", () => {
  it("counts from 0 to the size, never back", async () => {
    await misbehave(() => false);
    const seen: number[] = [];
    await get({ onProgress: (done, total) => seen.push(total === bytes.length ? done : Number.NaN) });
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(bytes.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("stops at once when aborted, keeps what came, and continues from there", async () => {
    await misbehave((request, response, nth) => {
      if (request.method !== "GET" || nth > 1) return false;
      servePart(response, bytes, 100_000, "hang");
      return true;
    });
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = (done: number) => done === 100_000 && controller.abort(reason);
    const began = Date.now();
    await expect(get({ signal: controller.signal, onProgress })).rejects.toBe(reason);
    expect(Date.now() - began).toBeLessThan(1500); // not the stall's 2 s
    expect(statSync(partial()).size).toBe(100_000);
    expect(existsSync(join(folder, "snapshots"))).toBe(false);
    const seen: number[] = [];
    expect(sha256(readFileSync(await get({ onProgress: (done) => seen.push(done) })))).toBe(hash);
    expect(ranges()).toEqual([undefined, "bytes=100000-"]);
    expect(seen[0]).toBe(100_000);
  });

  it("throws an aborted signal's reason before and while asking, and while waiting to try again", async () => {
    await misbehave((_, response) => {
      response.writeHead(503, { "Retry-After": "60" }).end();
      return true;
    });
    await expect(get({ signal: AbortSignal.abort("before") })).rejects.toBe("before");
    expect(hub.requests.length).toBe(0);
    await expect(get({ signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ name: "TimeoutError" });
    await misbehave(() => true);
    await expect(get({ signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ name: "TimeoutError" });
  });

  it("throws what the caller's onProgress throws, and tries nothing again", async () => {
    await misbehave(() => false);
    const onProgress = (done: number) => {
      if (done > 0) throw new TypeError("of the caller");
    };
    await expect(get({ onProgress })).rejects.toThrow("of the caller");
    expect(hub.gets()).toBe(1);
  });

  it("continues a connection cut at any byte", async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: bytes.length - 1 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cuts, async (points) => {
        rmSync(folder, { recursive: true, force: true });
        await misbehave((request, response, nth) => {
          const cut = points[nth - 1];
          if (request.method !== "GET" || cut === undefined) return false;
          servePart(response, bytes, cut, "cut"); // a whole answer, also where a range was asked
          return true;
        });
        expect(sha256(readFileSync(await get()))).toBe(hash);
      }),
      { numRuns: 12, examples: [[[0]], [[1]], [[bytes.length - 1]]] },
    );
  });

  it("continues after a stall", async () => {
    await misbehave((request, response, nth) => {
      if (request.method !== "GET" || nth > 1) return false;
      servePart(response, bytes, 1000, "hang");
      return true;
    });
    expect(sha256(readFileSync(await get({ timing: { ...timing, stall: 80 } })))).toBe(hash);
    expect(ranges()).toEqual([undefined, "bytes=1000-"]);
  });

  it("gives up on a server that never gets further, and keeps the partial file", async () => {
    await misbehave((request, response) => {
      if (request.method !== "GET") return false;
      servePart(response, bytes, 1000, "cut");
      return true;
    });
    const error = await failure(get());
    expect(error.code).toBe("hub");
    expect(error.message).toMatch(/broke.*by hand/s);
    expect(hub.gets()).toBe(6);
    expect(readdirSync(join(folder, "blobs"))).toEqual([`${hash}.incomplete`]);
  });

  it("asks for the rest of what the server still has: If-Range with the server's own ETag", async () => {
    await misbehave(() => false);
    leavePartial(bytes.subarray(0, 7));
    await get();
    expect(hub.requests.at(-1)?.headers).toMatchObject({ range: "bytes=7-", "if-range": `"${hash}"` });
  });

  it.each<[string, Hook]>([
    [
      "ignores Range",
      (request, response) => {
        delete request.headers.range;
        serve(request, response, bytes);
        return true;
      },
    ],
    [
      "answers 416",
      (request, response) => {
        if (request.headers.range === undefined) return false;
        response.writeHead(416, { "Content-Range": `bytes */${bytes.length}` }).end();
        return true;
      },
    ],
    [
      "sends another range",
      (request, response) => {
        if (request.headers.range === undefined) return false;
        response.writeHead(206, { "Content-Range": `bytes 0-9/${bytes.length}` }).end(bytes.subarray(0, 10));
        return true;
      },
    ],
    [
      "sends a range of another file",
      (request, response) => {
        if (request.headers.range === undefined) return false;
        response.writeHead(206, { "Content-Range": "bytes 5000-5009/5010" }).end(bytes.subarray(0, 10));
        return true;
      },
    ],
  ])("starts over with a server that %s", async (_, hook) => {
    await misbehave(hook);
    leavePartial(bytes.subarray(0, 5000));
    expect(sha256(readFileSync(await get()))).toBe(hash);
    expect(readdirSync(join(folder, "blobs"))).toEqual([hash]);
  });

  it.each([
    ["longer than the file", new Uint8Array(bytes.length + 5)],
    ["as long, with other content", new Uint8Array(bytes.length)],
    ["shorter, with other content", new Uint8Array(100)],
  ])("starts over from a partial file that is %s", async (_, content) => {
    await misbehave(() => false);
    leavePartial(content);
    const onProgress = (done: number) => expect(done).toBeLessThanOrEqual(bytes.length);
    expect(sha256(readFileSync(await get({ onProgress })))).toBe(hash);
  });

  it("downloads nothing where the partial file is whole", async () => {
    await misbehave(() => false);
    leavePartial(bytes);
    await get();
    expect(hub.gets()).toBe(0);
  });
});

describe("content that is not what it should be", () => {
  const nothingLeft = () => {
    expect(existsSync(join(folder, "snapshots"))).toBe(false);
    expect(readdirSync(join(folder, "blobs"))).toEqual([]);
  };

  it.each([true, false])("is deleted, and said so (LFS: %s)", async (lfs) => {
    const wrong = bytes.slice();
    wrong[1234] = 0xff ^ (wrong[1234] ?? 0);
    await misbehave(
      (request, response) => {
        if (request.method === "HEAD") return false;
        response.writeHead(200, { "Content-Length": wrong.length }).end(wrong);
        return true;
      },
      { lfs },
    );
    const error = await failure(get());
    expect(error.code).toBe("hub");
    expect(error.message).toMatch(lfs ? /damaged: its SHA-256/ : /damaged: its git hash/);
    expect(hub.gets()).toBe(1);
    nothingLeft();
  });

  it("is checked against the caller's hash as well", async () => {
    await misbehave(() => false, { lfs: false });
    const error = await failure(get({}, { ...file, sha256: "0".repeat(64) }));
    expect(error.message).toMatch(/damaged: its SHA-256/);
    nothingLeft();
  });

  it.each<[string, Partial<HubFile>, RegExp]>([
    ["hash", { sha256: "0".repeat(64) }, /SHA-256 .* expected was 0000/],
    ["size", { size: 5 }, /has 300000 bytes, expected were 5/],
  ])("is not downloaded where the Hub announces another %s", async (_, expected, message) => {
    await misbehave(() => false);
    expect((await failure(get({}, { ...file, ...expected }))).message).toMatch(message);
    expect(hub.gets()).toBe(0);
  });

  it("is refused where Content-Length disagrees, and where more comes than the file has", async () => {
    const longer = new Uint8Array(bytes.length + 9);
    await misbehave((request, response) => {
      if (request.method === "HEAD") return false;
      response.writeHead(200, { "Content-Length": longer.length }).end(longer);
      return true;
    });
    expect((await failure(get())).message).toMatch(/sends 300009 bytes for "model.bin", which has 300000/);
    await misbehave((request, response) => {
      if (request.method === "HEAD") return false;
      response.flushHeaders(); // chunked: no length
      response.end(longer);
      return true;
    });
    expect((await failure(get())).message).toMatch(/sends more than the 300000 bytes/);
    expect(existsSync(join(folder, "blobs", hash))).toBe(false);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      "an ETag that leads out of the folder",
      { ETag: '"../../../evil"' },
      /its ETag: "\.\.\/\.\.\/\.\.\/evil"/,
    ],
    ["no ETag", { ETag: "" }, /its ETag: none/],
    ["a commit that leads out of the folder", { "X-Repo-Commit": "../../x" }, /its X-Repo-Commit/],
    ["a sign-in page's headers", { "X-Repo-Commit": "", ETag: "" }, /sign-in page/],
    ["a size that is none", { "X-Linked-Size": "-1" }, /its X-Linked-Size: "-1"/],
  ])("is not asked for after %s", async (_, headers, message) => {
    await misbehave((_request, response) => {
      response.writeHead(200, { ...fileHeaders(bytes), "Content-Length": 5, ...headers }).end();
      return true;
    });
    expect((await failure(get())).message).toMatch(message);
    expect(hub.gets()).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  it.each(["../x", "a/../../x", "/etc/passwd", "a\\..\\x", "C:x", "", ".", "a//b", "a/./b", "a\0b"])(
    "never gets the file name %j",
    async (name) => {
      await misbehave(() => false);
      expect((await failure(get({}, { ...file, file: name }))).code).toBe("not-found");
      expect((await failure(get({}, { ...file, revision: name }))).message).toContain("Hub revision");
      expect((await failure(get({}, { ...file, repository: `owner/${name}` }))).code).toBe("not-found");
      expect(hub.requests.length).toBe(0);
    },
  );
});

describe("answers that are no file", () => {
  it.each<[number, Record<string, string>, string | undefined, "hub" | "not-found", RegExp]>([
    [404, { "X-Error-Code": "RepoNotFound" }, undefined, "not-found", /no public repository "owner\/name"/],
    [
      401,
      { "X-Error-Code": "RepoNotFound" },
      undefined,
      "not-found",
      /if it is private, give a token .*HF_TOKEN/,
    ],
    [404, { "X-Error-Code": "EntryNotFound" }, undefined, "not-found", /no file "model.bin".*listed at/],
    [404, { "X-Error-Code": "RevisionNotFound" }, undefined, "not-found", /no revision "main"/],
    [404, {}, undefined, "not-found", /no file "model.bin"/],
    [401, { "X-Error-Code": "GatedRepo" }, undefined, "hub", /accept its terms .* HF_TOKEN/],
    [403, { "X-Error-Code": "GatedRepo" }, "hf_x", "hub", /ask for access/],
    [
      401,
      { "X-Error-Message": "Invalid\tcredentials" },
      "hf_x",
      "hub",
      /refuses the token .*"Invalid credentials"/,
    ],
    [403, {}, "hf_x", "hub", /closed to you/],
    [451, { "X-Error-Message": "no" }, undefined, "hub", /answers 451: "no"/],
  ])("%s %j with token %s", async (status, headers, token, code, message) => {
    await misbehave((_, response) => {
      response.writeHead(status, headers).end("<html>");
      return true;
    });
    const error = await failure(get({ env: { ...env, HF_TOKEN: token } }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("hf_x");
    expect(hub.requests.length).toBe(1);
  });

  it("waits as long as 429 asks, by seconds or date, but not for an hour", async () => {
    const waits = ["1", new Date(Date.now() + 500).toUTCString()];
    await misbehave((_, response, nth) => {
      const wait = waits[nth - 1];
      if (response.req.method !== "HEAD" || wait === undefined) return false;
      response.writeHead(429, { "Retry-After": wait }).end();
      return true;
    });
    const began = Date.now();
    await get();
    expect(Date.now() - began).toBeGreaterThan(950);
    await misbehave((_, response) => {
      response.writeHead(429, { "Retry-After": "3600" }).end();
      return true;
    });
    const error = await failure(get({}, { ...file, revision: "other" }));
    expect(error.message).toMatch(/fewer requests \(429\).*wait 3600 s/);
    expect(hub.requests.length).toBe(1);
  });

  it("tries again after 5xx, before and during the download, a bounded number of times", async () => {
    await misbehave((_, response, nth) => {
      if (nth > 2) return false;
      response.writeHead(503).end();
      return true;
    });
    await get();
    expect(hub.requests.map(({ line }) => line.slice(0, 4)).join(" ")).toBe("HEAD HEAD HEAD GET  GET  GET ");
    await misbehave((_, response) => {
      response.writeHead(500).end();
      return true;
    });
    const error = await failure(get({}, { ...file, revision: "other" }));
    expect(error.message).toMatch(/has trouble \(500\)/);
    expect(hub.requests.length).toBe(6);
  });

  it("serves the cached file while the Hub is in trouble or out of reach, but not one that is gone", async () => {
    await misbehave(() => false);
    const path = await get();
    await misbehave((_, response) => {
      response.writeHead(503).end();
      return true;
    });
    expect(await get()).toBe(path);
    expect(hub.requests.length).toBe(1);
    await hub.close();
    expect(await get()).toBe(path);
    await misbehave((_, response) => {
      response.writeHead(404, { "X-Error-Code": "EntryNotFound" }).end();
      return true;
    });
    expect((await failure(get())).code).toBe("not-found");
  });
});

describe("redirects and tokens", () => {
  const redirect = (to: () => string, status = 302): Hook => {
    return (_, response) => {
      response.writeHead(status, { Location: to() }).end();
      return true;
    };
  };

  it("drops the token on the way to another host, and takes the metadata from the Hub's own redirect", async () => {
    const cdn = await start({}, (request, response) => {
      serve(request, response, bytes);
      return true;
    });
    await misbehave((_, response) => {
      const headers = {
        "X-Repo-Commit": commit,
        "X-Linked-Etag": `"${hash}"`,
        "X-Linked-Size": bytes.length,
      };
      response.writeHead(302, { ...headers, Location: `${cdn.endpoint}/blob?sig=1` }).end("moved");
      return true;
    });
    expect(sha256(readFileSync(await get({ env: { ...env, HF_TOKEN: "hf_x" } })))).toBe(hash);
    expect(hub.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer hf_x", "Bearer hf_x"]);
    expect(cdn.requests.map(({ line }) => line)).toEqual(["GET /blob?sig=1"]);
    expect(cdn.requests[0]?.headers.authorization).toBeUndefined();
  });

  it("asks the Hub for a new address where its storage refuses one", async () => {
    const cdn = await start({}, (request, response, nth) => {
      if (nth === 1) response.writeHead(403).end();
      else serve(request, response, bytes);
      return true;
    });
    await misbehave((request, response, nth) => {
      if (request.method === "HEAD") return false;
      response.writeHead(302, { Location: `${cdn.endpoint}/blob?sig=${nth}` }).end();
      return true;
    });
    await get();
    expect(cdn.requests.map(({ line }) => line)).toEqual(["GET /blob?sig=1", "GET /blob?sig=2"]);
  });

  it("keeps the token where a renamed repository redirects on the same host", async () => {
    await misbehave((request, response) => {
      if (request.url?.startsWith("/owner/")) return false;
      response.writeHead(307, { Location: request.url?.replace("/old/", "/owner/") }).end();
      return true;
    });
    await get({ env: { ...env, HF_TOKEN: "hf_x" } }, { ...file, repository: "old/name" });
    expect(hub.requests.every(({ headers }) => headers.authorization === "Bearer hf_x")).toBe(true);
  });

  it.each([
    ["a circle", () => "/again", /redirects in a circle/],
    ["a file of this machine", () => "file:///etc/passwd", /no http: address/],
    ["nowhere", () => "http://[", /no http: address/],
  ])("does not follow to %s", async (_, to, message) => {
    await misbehave(redirect(to));
    const error = await failure(get());
    expect(error.code).toBe("hub");
    expect(error.message).toMatch(message);
    expect(hub.requests.length).toBeLessThanOrEqual(11);
  });

  it("finds the token in HF_TOKEN, HF_TOKEN_PATH and the token file, and sends none where told", async () => {
    await misbehave(() => false);
    const sent = async (more: NodeJS.ProcessEnv) => {
      await get({ env: { ...env, ...more } });
      return hub.requests.at(-1)?.headers.authorization;
    };
    expect(await sent({})).toBeUndefined();
    writeFileSync(join(home, "token"), "hf_file\n");
    writeFileSync(join(home, "other"), "hf_other");
    expect(await sent({})).toBe("Bearer hf_file");
    expect(await sent({ HF_TOKEN_PATH: join(home, "other") })).toBe("Bearer hf_other");
    expect(await sent({ HF_TOKEN: "hf_env" })).toBe("Bearer hf_env");
    expect(await sent({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toBeUndefined();
    expect((await failure(get({ env: { ...env, HF_TOKEN: "a\nb" } }))).message).toMatch(/odd characters/);
  });
});

describe("no network", () => {
  it("works offline with the file, and says what to do without it", async () => {
    await misbehave(() => false);
    const path = await get();
    const before = hub.requests.length;
    const offline = { ...env, HF_HUB_OFFLINE: "1" };
    expect(await get({ env: offline })).toBe(path);
    const error = await failure(get({ env: offline }, { ...file, file: "other.bin" }));
    expect(error.code).toBe("not-found");
    expect(error.message).toMatch(
      /"other.bin".*HF_HUB_OFFLINE is set.*fetch http.*resolve\/main\/other.bin.*copy the folder/,
    );
    expect(hub.requests.length).toBe(before);
  });

  it("says at once what cannot be reached and how to bring the file by hand", async () => {
    await misbehave(() => false);
    await hub.close();
    const error = await failure(get({ timing: { ...timing, pause: 5000 } }));
    expect(error.code).toBe("hub");
    expect(error.message).toMatch(
      /Cannot reach 127.0.0.1:\d+: it refuses the connection.*by hand: fetch http/,
    );
  });

  it("gives up on a server that never answers", async () => {
    await misbehave(() => true);
    const error = await failure(get({ timing: { ...timing, answer: 60, retries: 1 } }));
    expect(error.message).toMatch(/no answer within 0.06 s/);
    expect(hub.requests.length).toBe(2);
  });

  it("refuses an endpoint that is none", async () => {
    const error = await failure(get({ env: { ...env, HF_ENDPOINT: "huggingface.co" } }));
    expect(error.message).toMatch(/HF_ENDPOINT is "huggingface.co"/);
  });
});

describe("the disk", () => {
  it("is known to be too small before the download", async () => {
    await misbehave((_, response) => {
      response.writeHead(200, { ...fileHeaders(bytes), "X-Linked-Size": "900000000000000" }).end();
      return true;
    });
    const error = await failure(get());
    expect(error.code).toBe("io");
    expect(error.message).toMatch(/does not fit .*900,000,000 MB are missing, .* are free/);
    expect(hub.gets()).toBe(0);
  });

  it("may fill up: what came is kept and continued", async () => {
    await misbehave(() => false);
    const probe = await open(join(home, "probe"), "w");
    const prototype = Object.getPrototypeOf(probe) as typeof probe;
    const real = prototype.write;
    await probe.close();
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC", syscall: "write" });
    const write = vi.spyOn(prototype, "write").mockImplementation(function (
      this: typeof probe,
      ...args: unknown[]
    ) {
      if ((args[3] as number) > 50_000) return Promise.reject(full);
      return Reflect.apply(real, this, args);
    } as typeof real);
    const error = await failure(get());
    expect(error.code).toBe("io");
    expect(error.message).toMatch(/No room left .* \(ENOSPC\).*HF_HUB_CACHE.*kept/);
    expect(hub.gets()).toBe(1);
    write.mockRestore();
    const kept = statSync(partial()).size;
    expect(kept).toBeGreaterThan(50_000);
    await get();
    expect(ranges()).toEqual([undefined, `bytes=${kept}-`]);
  });

  it("may refuse the cache folder: a file in its place", async () => {
    await misbehave(() => false);
    writeFileSync(join(home, "hub"), "not a folder");
    const error = await failure(get());
    expect(error.code).toBe("io");
    expect(error.message).toMatch(/Cannot write to the cache folder .*hub: .*Set HF_HUB_CACHE/);
  });

  it.skipIf(process.platform === "win32")(
    "may be read-only: the cached file serves, a new one is refused",
    async () => {
      await misbehave(() => false);
      const path = await get();
      chmodSync(home, 0o755);
      for (let at = path; at !== home; at = dirname(at))
        if (lstatSync(at).isDirectory()) chmodSync(at, 0o555);
      const root = process.geteuid?.() === 0; // to whom nothing is read-only
      if (root) process.seteuid?.(65534);
      try {
        expect(await get()).toBe(path);
        const error = await failure(get({}, { ...file, file: "a/b c.json" }));
        expect(error.code).toBe("io");
        expect(error.message).toMatch(/Cannot write to the cache folder/);
      } finally {
        if (root) process.seteuid?.(0);
        for (let at = dirname(path); at !== home; at = dirname(at)) chmodSync(at, 0o755);
      }
    },
  );
});

it("downloads once for many callers of one process", async () => {
  await misbehave(() => false);
  const paths = await Promise.all([get(), get(), get(), get()]);
  expect(new Set(paths).size).toBe(1);
  expect(hub.gets()).toBe(1);
});
