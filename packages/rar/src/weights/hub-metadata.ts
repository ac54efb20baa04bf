/** What the Hub says of a file before it is downloaded: its commit, its hash and its size. */
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { type HubFile, hubHome, isCommit, isOn, setting } from "./hub-cache.js";
import { HubError, type Subject, statusError } from "./hub-error.js";
import { type Answer, ask } from "./hub-http.js";
import { type HubTiming, waitOrThrow } from "./hub-timing.js";

/** Where a file is asked for, and as whom. */
export interface HubAddress {
  readonly subject: Subject;
  readonly headers: Readonly<Record<string, string>>;
  url(revision: string): URL;
}

export interface HubMetadata {
  readonly commit: string;
  /** Git's SHA-1 of the blob (40 digits) or the SHA-256 of the content (64): the blob's name in the cache. */
  readonly etag: string;
  readonly size: number;
  /** The ETag of the server that sends the content, where it is known already. */
  readonly validator: string | undefined;
}

/** @throws {HubError} where HF_ENDPOINT is no address or the token cannot be one */
export function hubAddress(file: HubFile, revision: string, env: NodeJS.ProcessEnv): HubAddress {
  const endpoint = (setting(env, "HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:\/\/[^/?#]+/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new HubError("hub", `HF_ENDPOINT is "${endpoint}"; it should look like "https://huggingface.co".`);
  }
  const token = readToken(env);
  const name = file.file.split("/").map(encodeURIComponent).join("/");
  const { repository } = file;
  return {
    subject: { endpoint, repository, revision, file: file.file, hasToken: token !== undefined },
    headers: {
      "user-agent": `rarity; node/${process.versions.node}`,
      "accept-encoding": "identity", // sizes and ranges are those of the file, not of a compressed form
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    url: (at) => new URL(`${endpoint}/${repository}/resolve/${encodeURIComponent(at)}/${name}`),
  };
}

/** HF_TOKEN, or what `hf auth login` wrote. */
function readToken(env: NodeJS.ProcessEnv): string | undefined {
  let token = setting(env, "HF_TOKEN") ?? setting(env, "HUGGING_FACE_HUB_TOKEN");
  if (token === undefined && !isOn(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) {
    try {
      token = readFileSync(setting(env, "HF_TOKEN_PATH") ?? join(hubHome(env), "token"), "utf8");
    } catch {
      return undefined; // nobody logged in
    }
  }
  token = token?.trim();
  if (token === undefined || token === "") return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new HubError(
    "hub",
    "The Hub token (HF_TOKEN or the token file) has spaces or other odd characters in it.",
  );
}

/**
 * Asks for a file's metadata, with further tries.
 *
 * @throws {HubError} also where the answer disagrees with the size or hash the caller expects, or is not a Hub's
 */
export async function readMetadata(
  file: HubFile,
  address: HubAddress,
  { env, timing, signal }: { env: NodeJS.ProcessEnv; timing: HubTiming; signal: AbortSignal | undefined },
): Promise<HubMetadata> {
  const { subject, headers } = address;
  const request = { method: "HEAD", url: address.url(subject.revision), headers, env, signal } as const;
  for (let tries = 0; ; tries++) {
    try {
      // The Hub's own redirect to a large file's server already tells all there is to know.
      const answer = await ask({ ...request, timeout: timing.answer }, ({ headers: found }) =>
        ["x-linked-etag", "x-linked-size", "x-repo-commit"].every((name) => found[name] !== undefined),
      );
      answer.response.destroy();
      return understand(answer, file, subject);
    } catch (error) {
      await waitOrThrow(error, tries, false, timing, signal);
    }
  }
}

function understand({ response, url }: Answer, file: HubFile, subject: Subject): HubMetadata {
  const { statusCode = 0 } = response;
  if (statusCode >= 400 || statusCode < 200) throw statusError(response, subject);
  const own = one(response, "etag");
  const linked = one(response, "x-linked-etag");
  const etag = (linked ?? own ?? "").replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
  const commit = one(response, "x-repo-commit") ?? "";
  const length = one(response, "x-linked-size") ?? one(response, "content-length") ?? "";
  if (!isCommit(commit)) throw notAHub(url, "X-Repo-Commit", commit);
  // The etag becomes a file name, and is what the content is checked against: nothing but a hash will do.
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) throw notAHub(url, "ETag", etag);
  if (!/^\d{1,15}$/.test(length)) throw notAHub(url, "X-Linked-Size", length);
  const size = Number(length);

  const what = `"${file.file}" of "${file.repository}" at ${subject.revision}`;
  const cure = "The repository has changed: name the commit wanted as revision, or update this program.";
  if (file.size !== undefined && file.size !== size) {
    throw new HubError("hub", `${what} has ${size} bytes, expected were ${file.size}. ${cure}`);
  }
  if (file.sha256 !== undefined && etag.length === 64 && etag !== file.sha256.toLowerCase()) {
    throw new HubError("hub", `${what} has the SHA-256 ${etag}, expected was ${file.sha256}. ${cure}`);
  }
  const direct = statusCode < 300 && own?.startsWith('"') && (linked === undefined || linked === own);
  return { commit, etag, size, validator: direct ? own : undefined };
}

const one = (response: IncomingMessage, name: string): string | undefined => {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

function notAHub(url: URL, header: string, value: string): HubError {
  const got = value === "" ? "none" : JSON.stringify(value.slice(0, 80));
  const cure = "Check HF_ENDPOINT, and whether a proxy or a sign-in page answers in its place.";
  return new HubError("hub", `${url.host} does not answer as a Hub does (its ${header}: ${got}). ${cure}`);
}
