/** Measures the machine and sends the result to the parent process. */
import { measureHere } from "./floor.js";

process.send?.(await measureHere(Number(process.argv[2])));
process.disconnect();
