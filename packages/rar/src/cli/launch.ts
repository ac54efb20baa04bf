/** `rarity launch`: starts the ranks of a training on one machine or several. */
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError } from "commander";
import { RarityError } from "../config/errors.js";
import { didYouMean } from "../config/suggest.js";
import { launch } from "../launch/launch.js";
import { wholeNumber } from "./flag-values.js";
import { say } from "./streams.js";
import { verbs } from "./verbs.js";
import { version } from "./version.js";

interface Flags {
  readonly ranks: number;
  readonly nodes: number;
  readonly nodeRank: number;
  readonly master?: { readonly host: string; readonly port: number };
  readonly restarts: number;
  readonly grace: number;
  readonly joinTimeout: number;
}

export function register(program: Command): void {
  program
    .command("launch")
    .description("Start several processes of a verb that compute together, on one machine or several.")
    .argument("<verb...>", "what each rank runs, behind --: -- train config=FILE key=value ...")
    .requiredOption("--ranks <n>", "processes on this machine: one a GPU", wholeNumber(1, 4096))
    .option("--nodes <n>", "machines", wholeNumber(1, 65536), 1)
    .option("--node-rank <n>", "this machine's number, from 0", wholeNumber(0, 65535), 0)
    .option("--master <host:port>", "where node 0 is found; needed for several nodes", address)
    .option("--restarts <n>", "how often all ranks start again after one was lost", wholeNumber(0, 1e6), 3)
    .option(
      "--grace <seconds>",
      "how long ranks may take to end when one was lost",
      wholeNumber(0, 86400),
      30,
    )
    .option("--join-timeout <seconds>", "how long to wait for other nodes", wholeNumber(1, 2e6), 600)
    .addHelpText(
      "after",
      "\nExample:\n  rarity launch --ranks 2 -- train config=configs/debug.yaml experiment.output_dir=runs/debug",
    )
    .action(async (words: [string, ...string[]], flags: Flags) => {
      checkVerb(words[0]);
      const main = fileURLToPath(new URL("main.js", import.meta.url));
      process.exitCode = await launch({
        command: [process.execPath, ...process.execArgv, main, ...words],
        ranks: flags.ranks,
        nodes: flags.nodes,
        node: flags.nodeRank,
        master: flags.master,
        restarts: flags.restarts,
        graceSeconds: flags.grace,
        joinSeconds: flags.joinTimeout,
        version: version(),
        say: (line) => say(`launch: ${line}`),
      });
    });
}

/** A slip is said once and not by every rank. */
function checkVerb(verb: string): void {
  const names = verbs.map(({ name }) => name).filter((name) => name !== "launch");
  if (names.includes(verb)) return;
  const hint = didYouMean(verb, names);
  throw new RarityError("bad-usage", `launch cannot start "${verb}".${hint} Verbs: ${names.join(", ")}.`);
}

function address(text: string): { host: string; port: number } {
  const [, host, port] =
    /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text)?.filter((part) => part !== undefined) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65535)
    throw new InvalidArgumentError("Give HOST:PORT with a port from 1 to 65535, such as 10.0.0.1:29500.");
  return { host, port: Number(port) };
}
