/** Ctrl-C and SIGTERM: the first asks long work to stop within a step, the second ends the process at once. */

type Signal = "SIGINT" | "SIGTERM";
const exitCodes: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143 };

let controller: AbortController | undefined;
let received: Signal | undefined;

/**
 * The signal of this process. The handlers are in place from the first call on; a verb that never calls this is ended by Ctrl-C at once, as
 * any program is.
 */
export function interruption(): AbortSignal {
  if (controller === undefined) {
    controller = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  }
  return controller.signal;
}

/** 130 after Ctrl-C, 143 after SIGTERM, undefined where neither came. */
export const interruptedExitCode = (): number | undefined => received && exitCodes[received];

function stop(signal: Signal): void {
  if (received !== undefined) process.exit(exitCodes[signal]);
  received = signal;
  process.stderr.write("\nStopping after this step (once more: at once).\n");
  controller?.abort();
}
