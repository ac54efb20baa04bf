/** The bytes behind an http address as they arrive, with an error in words where they do not. */
import { RarityError } from "../config/errors.js";
import { HubError, networkError } from "../weights/hub-error.js";
import { ask } from "../weights/hub-http.js";
import type { HubTiming } from "../weights/hub-timing.js";

/**
 * @throws {RarityError} "not-found" for 404 and 410; "hub" for what else goes wrong, which knows whether another try may help
 */
export async function* httpPieces(
  address: string,
  timing: HubTiming,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const first = new URL(address);
  const { response, url } = await ask({
    method: "GET",
    url: first,
    headers: {},
    env: process.env,
    timeout: timing.answer,
    signal,
  });
  const timer = setTimeout(
    () => response.destroy(new Error(`nothing came for ${timing.stall / 1000} s`)),
    timing.stall,
  );
  try {
    const status = response.statusCode ?? 0;
    if (status === 404 || status === 410)
      throw new RarityError("not-found", `There is no "${address}" (${status}). Check the address.`);
    if (status !== 200) {
      const passing = status === 429 || status === 408 || status >= 500;
      const message = `${url.host} answers ${status} for "${address}". ${passing ? "Try again later." : "Check the address and who may read it."}`;
      throw new HubError("hub", message, passing ? "always" : "never");
    }
    let arrived = 0;
    try {
      for await (const piece of response as AsyncIterable<Uint8Array>) {
        arrived += piece.length;
        timer.refresh();
        yield piece;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw networkError(url, error);
    }
    const promised = response.headers["content-length"];
    if (promised !== undefined && arrived !== Number(promised))
      throw networkError(url, new Error(`it ended after ${arrived} of ${promised} bytes`));
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
}
