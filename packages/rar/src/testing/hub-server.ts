/** A small Hub on this machine for tests, which behaves well until a hook makes it misbehave. */
import { createHash } from "node:crypto";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";

export const commit = "c0ffee".padEnd(40, "0");
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const gitHash = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

export interface TestHub {
  readonly endpoint: string;
  readonly port: number;
  /** `METHOD /path` of every request so far, and its headers. */
  readonly requests: readonly { line: string; headers: http.IncomingHttpHeaders }[];
  /** How many of them asked for content. */
  readonly gets: () => number;
  close(): Promise<void>;
}

/** Returns true where it has answered (or means to leave the client waiting). */
export type Hook = (request: IncomingMessage, response: ServerResponse, nth: number) => boolean;

/** `nth` counts the requests of one method, from 1. `tls` holds a key and a certificate for an https server. */
export async function startHub(
  files: Readonly<Record<string, Uint8Array>>,
  hook: Hook = () => false,
  { lfs = true, tls }: { lfs?: boolean; tls?: { key: string; cert: string } } = {},
): Promise<TestHub> {
  const requests: { line: string; headers: http.IncomingHttpHeaders }[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    response.on("error", () => undefined);
    const nth = requests.filter(({ line }) => line.startsWith(`${request.method} `)).length;
    if (hook(request, response, nth)) return;
    const [, name = ""] = /^\/owner\/name\/resolve\/[^/]+\/(.*)$/.exec(request.url ?? "") ?? [];
    const bytes = files[decodeURIComponent(name)];
    if (bytes === undefined) {
      response.writeHead(404, { "X-Error-Code": "EntryNotFound" }).end();
      return;
    }
    serve(request, response, bytes, lfs);
  };
  const server = tls ? https.createServer(tls, answer) : http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    port,
    requests,
    gets: () => requests.filter(({ line }) => line.startsWith("GET ")).length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The headers the Hub gives with a file. */
export function fileHeaders(bytes: Uint8Array, lfs = true): Record<string, string> {
  const etag = `"${lfs ? sha256(bytes) : gitHash(bytes)}"`;
  return { ETag: etag, "X-Repo-Commit": commit, "Accept-Ranges": "bytes" };
}

/** Answers as a Hub should: HEAD, GET, one Range, If-Range. */
export function serve(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  lfs = true,
): void {
  const headers = fileHeaders(bytes, lfs);
  const condition = request.headers["if-range"];
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  if (from !== undefined && (condition === undefined || condition === headers.ETag)) {
    const first = Number(from);
    if (first >= bytes.length) {
      response.writeHead(416, { "Content-Range": `bytes */${bytes.length}` }).end();
      return;
    }
    const range = `bytes ${first}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { ...headers, "Content-Range": range, "Content-Length": bytes.length - first });
    response.end(bytes.subarray(first));
    return;
  }
  response.writeHead(200, { ...headers, "Content-Length": bytes.length });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** Begins a whole answer and stops after `count` bytes: cut, or left hanging. */
export function servePart(
  response: ServerResponse,
  bytes: Uint8Array,
  count: number,
  then: "cut" | "hang",
): void {
  response.writeHead(200, { ...fileHeaders(bytes), "Content-Length": bytes.length });
  response.flushHeaders();
  const end = () => then === "cut" && response.socket?.end();
  if (count === 0) setImmediate(end);
  else response.write(bytes.subarray(0, count), end);
}
