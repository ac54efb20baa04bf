/** Downloads by real processes: one for many, killed and continued, through proxies, over TLS. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Hook, servePart, sha256, startHub, type TestHub } from "../testing/hub-server.js";
import { fetchFromHub } from "./hub.js";
import { proxyFor } from "./hub-http.js";

const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const hash = sha256(bytes);
const closers: (() => Promise<unknown>)[] = [];
let root: string;
let home: string;

/** The library as plain JavaScript, and a program that fetches: a child process cannot read TypeScript. */
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "rarity-processes-"));
  const repository = fileURLToPath(new URL("../../../../", import.meta.url));
  const source = join(repository, "packages/rar/src");
  const options = ["--target", "es2023", "--module", "nodenext", "--types", "node", "--noCheck"];
  const where = ["--outDir", join(root, "js"), "--rootDir", source, join(source, "weights/hub.ts")];
  const tsc = join(repository, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "--ignoreConfig", ...options, ...where], { cwd: repository });
  writeFileSync(join(root, "js/package.json"), '{ "type": "module" }');
  writeFileSync(
    join(root, "js/fetch.js"),
    `import { fetchFromHub } from "./weights/hub.js";
    const timing = { pause: 20, lockPoll: 20, retries: 2 };
    const onProgress = (done) => done > 0 && console.error("progress", done);
    fetchFromHub({ repository: "owner/name", file: "model.bin" }, { timing, onProgress }).then(
      (path) => console.log(path),
      (error) => { console.log(error.name + " " + error.code + " " + error.message); process.exitCode = 1; },
    );`,
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** A hub and an empty cache. */
async function start(hook?: Hook, options?: Parameters<typeof startHub>[2]): Promise<TestHub> {
  home = mkdtempSync(join(root, "home-"));
  const hub = await startHub({ "model.bin": bytes }, hook, options);
  closers.push(hub.close);
  return hub;
}

function child(hub: TestHub, env: NodeJS.ProcessEnv = {}): ChildProcess & { output: Promise<string> } {
  const own = { PATH: process.env.PATH, HOME: home, HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...env };
  const started = spawn(process.execPath, [join(root, "js/fetch.js")], {
    env: own,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return Object.assign(started, { output: text(started.stdout).then((all) => all.trim()) });
}

const blobs = (): string => join(home, "hub", "models--owner--name", "blobs");

it("downloads once for several processes", async () => {
  const hub = await start((request, response) => {
    if (request.method === "HEAD") return false;
    response.writeHead(200, { "Content-Length": bytes.length });
    response.write(bytes.subarray(0, 1000));
    setTimeout(() => response.end(bytes.subarray(1000)), 400); // long enough for the others to come
    return true;
  });
  const outputs = await Promise.all([child(hub), child(hub), child(hub)].map(({ output }) => output));
  expect(new Set(outputs).size).toBe(1);
  expect(sha256(readFileSync(outputs[0] ?? ""))).toBe(hash);
  expect(hub.gets()).toBe(1);
  expect(readdirSync(blobs())).toEqual([hash]);
});

it("continues at once where a killed process stopped, taking over its lock", async () => {
  const hub = await start((request, response, nth) => {
    if (request.method === "HEAD" || nth > 1) return false;
    servePart(response, bytes, 70_000, "hang");
    return true;
  });
  const killed = child(hub);
  for await (const line of killed.stderr ?? []) if (String(line).includes("70000")) break;
  killed.kill("SIGKILL");
  await once(killed, "exit");
  expect(statSync(join(blobs(), `${hash}.incomplete`)).size).toBe(70_000);
  expect(existsSync(join(home, "hub", ".locks", "models--owner--name", `${hash}.rarity.lock`))).toBe(true);
  expect(existsSync(join(blobs(), hash))).toBe(false);
  expect(sha256(readFileSync(await child(hub).output))).toBe(hash);
  expect(hub.requests.at(-1)?.headers.range).toBe("bytes=70000-");
});

describe("proxies", () => {
  /** A proxy that tells what it was asked for; `password` makes it want one. */
  async function startProxy(password?: string) {
    const asked: string[] = [];
    const allowed = (request: http.IncomingMessage) =>
      password === undefined ||
      request.headers["proxy-authorization"] === `Basic ${Buffer.from(password).toString("base64")}`;
    const proxy = http.createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (!allowed(request)) return response.writeHead(407).end();
      const onward = http.request(
        request.url ?? "",
        { method: request.method, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      onward.end();
    });
    const sockets = new Set<Socket>();
    proxy.on("connect", (request: http.IncomingMessage, socket: Socket) => {
      asked.push(`CONNECT ${request.url}`);
      if (!allowed(request)) return socket.end("HTTP/1.1 407 No\r\n\r\n");
      const [host, port] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      for (const one of [socket, onward]) {
        sockets.add(one);
        one.on("error", () => one.destroy());
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      proxy.closeAllConnections();
    });
    return { host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
  }

  it("carry plain requests", async () => {
    const hub = await start();
    const proxy = await startProxy("me:p@ss");
    const env = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, HTTP_PROXY: `http://me:p%40ss@${proxy.host}` };
    const file = { repository: "owner/name", file: "model.bin" };
    expect(sha256(readFileSync(await fetchFromHub(file, { env })))).toBe(hash);
    const url = `${hub.endpoint}/owner/name/resolve`;
    expect(proxy.asked[0]).toBe(`HEAD ${url}/main/model.bin`);
    expect(proxy.asked[1]).toMatch(`GET ${url}/c0ffee`);
    expect(hub.requests[0]?.headers.host).toBe(`127.0.0.1:${hub.port}`);
    const closed = { ...env, HTTP_PROXY: "http://127.0.0.1:1" };
    const rejection = fetchFromHub({ ...file, revision: "x" }, { env: closed, timing: { retries: 0 } });
    await expect(rejection).rejects.toThrow(/refuses the connection/);
  });

  it.each<[string, NodeJS.ProcessEnv, string | undefined]>([
    ["https://huggingface.co/x", { HTTPS_PROXY: "http://p:3128" }, "http://p:3128/"],
    ["https://huggingface.co/x", { https_proxy: "p:3128" }, "http://p:3128/"],
    ["https://huggingface.co/x", { ALL_PROXY: "http://p:1" }, "http://p:1/"],
    ["https://huggingface.co/x", { HTTP_PROXY: "http://p:1" }, undefined],
    ["http://mirror/x", { HTTP_PROXY: "http://p:1", NO_PROXY: "localhost, mirror" }, undefined],
    ["http://a.mirror.org/x", { HTTP_PROXY: "http://p:1", NO_PROXY: ".mirror.org" }, undefined],
    ["http://a.mirror.org/x", { HTTP_PROXY: "http://p:1", NO_PROXY: "mirror.org:80" }, undefined],
    ["http://a.mirror.org/x", { HTTP_PROXY: "http://p:1", NO_PROXY: "mirror.org:81" }, "http://p:1/"],
    ["http://amirror.org/x", { HTTP_PROXY: "http://p:1", NO_PROXY: "mirror.org" }, "http://p:1/"],
    ["http://[::1]:80/x", { HTTP_PROXY: "http://p:1", NO_PROXY: "::1" }, undefined],
    ["http://mirror/x", { HTTP_PROXY: "http://p:1", no_proxy: "*" }, undefined],
  ])("%s with %j", (url, env, expected) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(expected);
  });

  it("of other kinds are refused without showing their password", () => {
    const refused = () => proxyFor(new URL("https://x"), { HTTPS_PROXY: "socks5://me:secret@p:1" });
    expect(refused).toThrow(/Cannot use the proxy "socks5:\/\/\*\*\*@p:1"/);
  });

  const openssl = spawnSync("openssl", ["version"]).status === 0;
  describe.skipIf(!openssl)("and secure connections", () => {
    let tls: { key: string; cert: string };
    let certificate: string;
    beforeAll(() => {
      mkdirSync(join(root, "tls"));
      certificate = join(root, "tls/cert.pem");
      const key = join(root, "tls/key.pem");
      const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
      const names = ["-subj", "/CN=rarity test", "-addext", "subjectAltName=IP:127.0.0.1"];
      const out = ["-keyout", key, "-out", certificate];
      execFileSync("openssl", ["req", "-x509", ...kind, ...names, ...out], { stdio: "ignore" });
      tls = { key: readFileSync(key, "utf8"), cert: readFileSync(certificate, "utf8") };
    });

    it("meet in a tunnel, which the certificate of the Hub must fit", async () => {
      const hub = await start(undefined, { tls });
      const proxy = await startProxy("me:secret");
      const trusting = { NODE_EXTRA_CA_CERTS: certificate };
      const through = { HTTPS_PROXY: `http://me:secret@${proxy.host}` };
      expect(sha256(readFileSync(await child(hub, { ...trusting, ...through }).output))).toBe(hash);
      expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${hub.port}`, `CONNECT 127.0.0.1:${hub.port}`]);

      home = mkdtempSync(join(root, "home-"));
      expect(await child(hub, through).output).toMatch(/^RarityError hub The secure connection.*SELF_SIGNED/);
      const nobody = { ...trusting, HTTPS_PROXY: `http://${proxy.host}` };
      expect(await child(hub, nobody).output).toMatch(
        /^RarityError hub The proxy .* answers 407 .*user and password/,
      );
      expect(hub.gets()).toBe(1);
    });

    it("fail in words where the certificate is unknown, and work where it is given", async () => {
      const hub = await start(undefined, { tls });
      const said = await child(hub).output;
      expect(said).toMatch(
        /^RarityError hub The secure connection .*SELF_SIGNED.*NODE_EXTRA_CA_CERTS.*by hand/,
      );
      expect(hub.requests.length).toBe(0);
      expect(sha256(readFileSync(await child(hub, { NODE_EXTRA_CA_CERTS: certificate }).output))).toBe(hash);
    });

    it("are never left for plain ones by a redirect", async () => {
      const plain = await start();
      const hub = await start(
        (_, response) => {
          response.writeHead(302, { Location: `${plain.endpoint}/owner/name/resolve/main/model.bin` }).end();
          return true;
        },
        { tls },
      );
      const said = await child(hub, { NODE_EXTRA_CA_CERTS: certificate }).output;
      expect(said).toMatch(/redirects to "http:.*which is no https: address/);
      expect(plain.requests.length).toBe(0);
    });
  });
});
