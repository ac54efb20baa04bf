/** Builds the command from its verbs, runs one, and says what went wrong: a sentence and an exit code. */
import { Command } from "commander";
import { didYouMean } from "../config/suggest.js";
import { failureOf, stackOf, usageSentence } from "./failure.js";
import { interruptedExitCode } from "./interrupt.js";
import { say, surviveClosedPipes } from "./streams.js";
import { verbs } from "./verbs.js";
import { version } from "./version.js";

const examples = `
Examples:
  rarity demo
  rarity generate --class bird,flag --count 8
  rarity generate --model rar-b --class "golden retriever" --seed 7

More: rarity VERB --help`;

/**
 * Runs the command.
 *
 * @param words - the arguments after `rarity`
 * @returns an exit code, or undefined where the verb has run to its end
 */
export async function run(words: readonly string[]): Promise<number | undefined> {
  surviveClosedPipes();
  try {
    const program = await programFor(words);
    if (program === undefined) return 2;
    await program.parseAsync(words, { from: "user" });
    return interruptedExitCode();
  } catch (error) {
    const interrupted = interruptedExitCode();
    const { message, exitCode } = failureOf(error);
    // After Ctrl-C whatever is thrown is the way out; the verb has said what was kept.
    if (interrupted === undefined && message !== "") say(`rarity: ${message}`);
    if (process.env.RARITY_DEBUG && message !== "") say(stackOf(error));
    return interrupted ?? exitCode;
  }
}

async function programFor(words: readonly string[]): Promise<Command | undefined> {
  const asked = words[0] === "help" ? words[1] : words[0];
  const verb = verbs.find(({ name }) => name === asked);
  if (verb === undefined && asked !== undefined && !asked.startsWith("-")) {
    const names = verbs.map(({ name }) => name);
    const begun = names.find((name) => name.startsWith(asked));
    const hint = begun === undefined ? didYouMean(asked, names) : ` Did you mean "${begun}"?`;
    say(`rarity: There is no verb "${asked}".${hint} Verbs: ${names.join(", ")}.`);
    return undefined;
  }
  const program: Command = new Command("rarity");
  program
    .description("RAR: draws images token by token, on this machine.")
    .usage("VERB [arguments] [flags]")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [verb]", "print the help of a verb")
    .addHelpText("after", examples)
    .action((): void => program.outputHelp())
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({
      outputError: (text) => say(`rarity: ${usageSentence(text)} See rarity${seeAlso(verb?.name)}.`),
    });
  for (const { name, summary, load } of verbs) {
    if (name === verb?.name) (await load()).register(program);
    else program.command(name).description(summary);
  }
  return program;
}

const seeAlso = (verb: string | undefined): string => (verb === undefined ? " --help" : ` ${verb} --help`);
