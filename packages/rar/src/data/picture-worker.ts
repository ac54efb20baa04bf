/** The thread of a picture pool: decodes a picture, crops it, and hands the squares over without copying them. */
import { parentPort } from "node:worker_threads";
import { Answer, serve } from "../engines/rpc.js";
import { decodeImage } from "../images/decode.js";
import type { SquaresArguments } from "./picture-pool.js";
import { squaresOf } from "./pretokenize-plan.js";

serve(parentPort!, {
  async squares(...[stored, plan]: SquaresArguments) {
    const squares = squaresOf(await decodeImage(stored.source, stored.options), plan);
    return new Answer(
      squares,
      squares.map(({ data }) => data.buffer as ArrayBuffer),
    );
  },
});
