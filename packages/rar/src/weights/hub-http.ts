/** HTTP requests to the Hub: proxies, redirects, time-outs and aborts; bodies are streamed, never gathered. */
import http, { type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import { HubError, networkError } from "./hub-error.js";

export interface Ask {
  readonly method: "HEAD" | "GET";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds until the answer must have begun. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

export interface Answer {
  readonly response: IncomingMessage;
  /** Where the answer came from after all redirects. */
  readonly url: URL;
}

const maxRedirects = 10;

/** A connection for each request; and more than Node's 250 ms for each of a host's addresses, too few over a slow line. */
const connection = { agent: false, autoSelectFamilyAttemptTimeout: 2000 } as const;

/**
 * Asks, and follows redirects until an answer is none or `enough` says it holds what is wanted. The Authorization
 * header goes to the first host only.
 *
 * @throws {HubError} where no answer comes; the signal's reason when aborted
 */
export async function ask(first: Ask, enough?: (response: IncomingMessage) => boolean): Promise<Answer> {
  let { url, headers } = first;
  for (let hops = 0; hops <= maxRedirects; hops++) {
    const response = await send({ ...first, url, headers });
    const { statusCode = 0, headers: answered } = response;
    const redirected = statusCode >= 300 && statusCode < 400 && answered.location !== undefined;
    if (!redirected || enough?.(response)) return { response, url };
    response.destroy();
    const next = target(answered.location ?? "", url);
    if (next.origin !== url.origin) {
      const { authorization: _kept, ...others } = headers;
      headers = others;
    }
    url = next;
  }
  throw new HubError("hub", `${first.url.host} redirects in a circle (more than ${maxRedirects} times).`);
}

function target(location: string, from: URL): URL {
  let next: URL | undefined;
  try {
    next = new URL(location, from);
  } catch {}
  const safe = next?.protocol === "https:" || (next?.protocol === "http:" && from.protocol === "http:");
  if (next === undefined || !safe) {
    const where = JSON.stringify(location.slice(0, 100));
    throw new HubError("hub", `${from.host} redirects to ${where}, which is no ${from.protocol} address.`);
  }
  return next;
}

/** One request. The response is destroyed when the signal fires, also in the middle of its body. */
async function send(what: Ask): Promise<IncomingMessage> {
  const { url, method, headers } = what;
  const proxy = proxyFor(url, what.env);
  try {
    if (proxy === undefined) {
      const { request } = url.protocol === "https:" ? https : http;
      return await answerOf(request(url, { method, headers, ...connection }), what);
    }
    if (url.protocol === "http:") {
      const options = {
        method,
        path: url.href,
        headers: { host: url.host, ...headers, ...credentials(proxy) },
      };
      return await answerOf(toProxy(proxy, options), what);
    }
    const socket = await tunnel(proxy, what);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const name = isIP(host) ? {} : { servername: host };
    const createConnection = () => tls.connect({ socket, host, ...name });
    return await answerOf(https.request(url, { method, headers, createConnection }), what);
  } catch (error) {
    what.signal?.throwIfAborted();
    throw networkError(url, error);
  }
}

/** Waits for the beginning of the answer, or for a proxy's tunnel. */
function answerOf(request: http.ClientRequest, what: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { signal, timeout } = what;
    const stop = () => request.destroy(new Error("aborted"));
    const forget = () => signal?.removeEventListener("abort", stop);
    const late = new Error(`no answer within ${timeout / 1000} s`);
    const timer = setTimeout(() => request.destroy(late), timeout);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    request.on("error", (error) => {
      clearTimeout(timer);
      forget();
      reject(error);
    });
    request.on("response", (response) => {
      clearTimeout(timer);
      response.on("close", forget);
      response.on("error", () => undefined); // whoever reads the body is told; a body nobody reads may end as it likes
      resolve(response);
    });
    request.on("connect", (response, socket: Socket) => {
      clearTimeout(timer);
      forget();
      resolve(Object.assign(response, { socket }));
    });
    request.end();
  });
}

function toProxy(proxy: URL, options: RequestOptions): http.ClientRequest {
  const { request } = proxy.protocol === "https:" ? https : http;
  const place = { hostname: proxy.hostname.replace(/^\[|\]$/g, ""), port: proxy.port || undefined };
  return request({ ...place, ...connection, ...options });
}

/** A connection through the proxy to the host of a secure address. */
async function tunnel(proxy: URL, what: Ask): Promise<Socket> {
  const authority = `${what.url.hostname}:${what.url.port || 443}`;
  const headers = { host: authority, ...credentials(proxy) };
  let response: IncomingMessage;
  try {
    response = await answerOf(toProxy(proxy, { method: "CONNECT", path: authority, headers }), what);
  } catch (error) {
    throw networkError(proxy, error);
  }
  if (response.statusCode === 200) return response.socket;
  response.socket.destroy();
  const cure =
    response.statusCode === 407
      ? "Put user and password in HTTPS_PROXY: http://user:password@host:port."
      : "";
  const message = `The proxy ${proxy.host} answers ${response.statusCode} for ${what.url.host}. ${cure}`;
  const retry = (response.statusCode ?? 0) >= 500 ? "always" : "never";
  throw new HubError("hub", message.trim(), retry, { network: true });
}

function credentials(proxy: URL): Record<string, string> {
  if (proxy.username === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/**
 * The proxy an address is asked through: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, also in small letters, unless NO_PROXY
 * names the host, a domain above it, host:port, or `*`.
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  const read = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  const value = read(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY") ?? read("ALL_PROXY");
  if (value === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  for (const entry of (read("NO_PROXY") ?? "").toLowerCase().split(/[\s,]+/)) {
    const domain = entry.replace(/^\*?\./, "").replace(/:(\d+)$/, (all, p) => (p === port ? "" : all));
    if (domain !== "" && (domain === "*" || host === domain || host.endsWith(`.${domain}`))) return undefined;
  }
  try {
    const proxy = new URL(value.includes("://") ? value : `http://${value}`);
    if (proxy.protocol === "http:" || proxy.protocol === "https:") return proxy;
  } catch {}
  const shown = value.replace(/\/\/[^@]*@/, "//***@");
  const message = `Cannot use the proxy "${shown}": only http://host:port and https://host:port work.`;
  throw new HubError("hub", message, "never", { network: true });
}
