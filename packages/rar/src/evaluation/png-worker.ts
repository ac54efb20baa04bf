/** The thread of a PNG store: encodes a picture and writes it, whole or not at all. */
import { parentPort } from "node:worker_threads";
import { serve } from "../engines/rpc.js";
import { encodePng } from "../images/png.js";
import { writeAtomically } from "../weights/atomic-file.js";
import type { WritePngArguments } from "./png-store.js";

serve(parentPort!, {
  async writePng(...[path, image, text]: WritePngArguments) {
    const png = await encodePng(image, text);
    await writeAtomically(path, (sink) => sink.append(png));
  },
});
