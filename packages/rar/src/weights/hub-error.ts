/** What went wrong between this machine and the Hub, in words, and whether trying again can help. */
import type { IncomingMessage } from "node:http";
import { type ErrorCode, RarityError } from "../config/errors.js";

/** `resuming`: worth another try only once the server has been reached, as in the middle of a download. */
export type Retry = "never" | "resuming" | "always";

/** A failure of the Hub or the network that knows whether it may pass. */
export class HubError extends RarityError {
  readonly retry: Retry;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly afterMs: number | undefined;
  /** Whether the Hub could not be spoken to at all; a file brought by hand is a way out then. */
  readonly network: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    retry: Retry = "never",
    extra: { cause?: unknown; afterMs?: number | undefined; network?: boolean } = {},
  ) {
    super(code, message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.retry = retry;
    this.afterMs = extra.afterMs;
    this.network = extra.network ?? false;
  }
}

const unreachable: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name cannot be found",
  EAI_AGAIN: "its name cannot be found",
  ECONNREFUSED: "it refuses the connection",
  ENETUNREACH: "there is no network",
  EHOSTUNREACH: "there is no way to it",
  ENETDOWN: "there is no network",
};
const certificate =
  /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_TLS_|EPROTO|ERR_SSL_|HOSTNAME_MISMATCH/;

/** The sentence for a request that brought no whole answer: no host, no certificate, cut, too slow. */
export function networkError(url: URL, error: unknown): HubError {
  if (error instanceof HubError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  const why = unreachable[code];
  if (why !== undefined) {
    const sentence = `Cannot reach ${url.host}: ${why} (${code}). Check the network, HTTPS_PROXY, NO_PROXY and HF_ENDPOINT.`;
    return new HubError("hub", sentence, "resuming", { cause: error, network: true });
  }
  if (certificate.test(code)) {
    const sentence =
      `The secure connection to ${url.host} failed: ${message} (${code}). Where a company proxy signs ` +
      "connections, set NODE_EXTRA_CA_CERTS to its certificate file; else check this machine's clock.";
    return new HubError("hub", sentence, "never", { cause: error, network: true });
  }
  const sentence = `The connection to ${url.host} broke: ${message || code}. Run it again: what has arrived is kept.`;
  return new HubError("hub", sentence, "always", { cause: error, network: true });
}

/** What an answer is about, for the sentences of {@link statusError}. */
export interface Subject {
  readonly endpoint: string;
  readonly repository: string;
  readonly revision: string;
  readonly file: string;
  readonly hasToken: boolean;
}

/** The sentence for an answer that is not the file; the Hub says the reason in X-Error-Code. */
export function statusError(response: IncomingMessage, subject: Subject): HubError {
  const { endpoint, repository, revision, file, hasToken } = subject;
  const status = response.statusCode ?? 0;
  const reason = String(response.headers["x-error-code"] ?? "");
  const said = quoted(response.headers["x-error-message"]);
  const page = `${endpoint}/${repository}`;
  const token = `a token (${endpoint}/settings/tokens) in HF_TOKEN, or by \`hf auth login\``;

  if (reason === "GatedRepo" || (status === 403 && reason === "")) {
    const first = hasToken ? `ask for access at ${page}` : `accept its terms at ${page} and give ${token}`;
    return new HubError("hub", `"${repository}" is closed to you (${status}${said}): ${first}.`);
  }
  if (status === 401 && hasToken && reason === "") {
    const cure = `Unset HF_TOKEN (public repositories need none) or give ${token}.`;
    return new HubError("hub", `The Hub refuses the token for "${repository}" (401${said}). ${cure}`);
  }
  if (reason === "RepoNotFound" || status === 401) {
    const cure = `Check the spelling; if it is private, give ${token}${hasToken ? " that may read it" : ""}.`;
    return new HubError("not-found", `There is no public repository "${repository}" at ${endpoint}. ${cure}`);
  }
  if (reason === "RevisionNotFound") {
    const cure = `See ${page}/branches or leave the revision out.`;
    return new HubError("not-found", `"${repository}" has no revision "${revision}". ${cure}`);
  }
  if (reason === "EntryNotFound" || status === 404) {
    const cure = `Its files are listed at ${page}/tree/${revision}.`;
    return new HubError("not-found", `"${repository}" has no file "${file}" at ${revision}. ${cure}`);
  }
  if (status === 429) {
    const cure = hasToken ? "Try again later." : `Try again later, or give ${token}: limits are wider then.`;
    const extra = { afterMs: retryAfter(response) };
    return new HubError("hub", `The Hub asks for fewer requests (429${said}). ${cure}`, "always", extra);
  }
  if (status >= 500 || status === 408) {
    const extra = { afterMs: retryAfter(response) };
    return new HubError("hub", `The Hub has trouble (${status}${said}). Try again later.`, "always", extra);
  }
  return new HubError("hub", `The Hub answers ${status}${said} for "${file}" of "${repository}".`);
}

/** Retry-After in milliseconds: a number of seconds or a date. */
function retryAfter(response: IncomingMessage): number | undefined {
  const value = response.headers["retry-after"];
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** A server's own words: one short printable line, or nothing. */
function quoted(header: string | string[] | undefined): string {
  const text = String(header ?? "")
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
  return text === "" ? "" : `: "${text.slice(0, 200)}"`;
}

/** Whether an error comes from the system rather than from this program. */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";

/** The sentence for a failure of the disk. */
export function diskError(error: unknown, folder: string): RarityError {
  if (error instanceof RarityError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (["ENOSPC", "EDQUOT", "EFBIG"].includes(code)) {
    const cure =
      "Free some space or set HF_HUB_CACHE to a folder on a larger disk; what has arrived is kept.";
    return new RarityError("io", `No room left in ${folder} (${code}). ${cure}`, { cause: error });
  }
  const sentence = `Cannot write to the cache folder ${folder}: ${message}. Set HF_HUB_CACHE to one you may write to.`;
  return new RarityError("io", sentence, { cause: error });
}
