/** How long to wait for the Hub, and how often to try again. */
import { setTimeout as sleep } from "node:timers/promises";
import { setting } from "./hub-cache.js";
import { HubError } from "./hub-error.js";

/** All times in milliseconds. */
export interface HubTiming {
  /** Tries after the first one that bring nothing new. */
  readonly retries: number;
  /** First pause between tries; each further one is twice as long, up to 16 times. */
  readonly pause: number;
  /** The longest Retry-After that is obeyed; a server that asks for more is an error. */
  readonly longestWait: number;
  /** Until an answer begins: name, connection, certificate, headers. */
  readonly answer: number;
  /** Between two pieces of a body. */
  readonly stall: number;
  /** Between two looks at a lock another process holds. */
  readonly lockPoll: number;
  /** A lock whose owner gave no sign of life for so long is taken over. */
  readonly lockStale: number;
}

/** The usual times, with huggingface_hub's two variables (in seconds) and then the caller's own over them. */
export function hubTiming(env: NodeJS.ProcessEnv, own: Partial<HubTiming> = {}): HubTiming {
  return {
    retries: 5,
    pause: 500,
    longestWait: 120_000,
    answer: milliseconds(setting(env, "HF_HUB_ETAG_TIMEOUT")) ?? 15_000,
    stall: milliseconds(setting(env, "HF_HUB_DOWNLOAD_TIMEOUT")) ?? 30_000,
    lockPoll: 250,
    lockStale: 60_000,
    ...own,
  };
}

function milliseconds(seconds: string | undefined): number | undefined {
  const value = Number(seconds) * 1000;
  return value > 0 && value < 2 ** 31 ? value : undefined;
}

/** Sleeps, or throws the signal's reason as soon as it is aborted. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  signal?.throwIfAborted();
}

/**
 * Called with a failure: waits before another try, or throws it where another would not help.
 *
 * @param tries - how many fruitless tries came before this one
 * @param resuming - whether the server has been reached before, so that a lost network may come back
 */
export async function waitOrThrow(
  error: unknown,
  tries: number,
  resuming: boolean,
  timing: HubTiming,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  if (!(error instanceof HubError) || tries >= timing.retries) throw error;
  if (error.retry === "never" || (error.retry === "resuming" && !resuming)) throw error;
  const wanted = error.afterMs ?? timing.pause * 2 ** Math.min(tries, 4);
  if (wanted > timing.longestWait) {
    const seconds = Math.ceil(wanted / 1000);
    throw new HubError(error.code, `${error.message} It asks to wait ${seconds} s.`, "never", {
      cause: error,
    });
  }
  await pause(wanted, signal);
}
