/** What a setup that cannot go on throws: a sentence with a way out, then what the program that failed said. */
export class SetupError extends Error {
  override readonly name = "SetupError";

  /** @param details - the first lines of what a compiler or an installer printed */
  constructor(sentence: string, details: readonly string[] = []) {
    super([sentence, ...details.map((line) => `  ${line}`)].join("\n"));
  }
}
