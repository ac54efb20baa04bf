/** The command `rarity`: hands the arguments over and turns the result into an exit code. */
import { run } from "./program.js";

process.exitCode = (await run(process.argv.slice(2))) ?? process.exitCode;
