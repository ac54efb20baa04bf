/** Measures the machine and sends the result to the parent process. */
import { type MachineQuestion, measureHere } from "./floor.js";

process.send?.(await measureHere(JSON.parse(process.argv[2]!) as MachineQuestion));
process.disconnect();
