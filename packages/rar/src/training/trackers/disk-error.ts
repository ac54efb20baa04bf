/** Turns the failures of one tracker into one line. */

/** @returns says the first error and keeps quiet about the others */
export function saidOnce(what: string, say: (line: string) => void): (error: unknown) => void {
  let said = false;
  return (error) => {
    if (said) return;
    said = true;
    const reason = error instanceof Error ? error.message : String(error);
    say(`${what} cannot be written, and the training goes on without: ${reason}`);
  };
}
