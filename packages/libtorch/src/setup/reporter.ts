/** How setup shows what it does: lines that stay, and on a terminal the step it is at, with its seconds. */
export interface Reporter {
  /** A line that stays. */
  line(text: string): void;
  /** What is being done now. Shown on a terminal only, until the next line or step. */
  step(text: string): void;
}

/** Nothing is shown. */
export const silent: Reporter = { line() {}, step() {} };

export interface ClosingReporter extends Reporter {
  close(): void;
}

export function reporterOn(stream: NodeJS.WriteStream): ClosingReporter {
  let step = "";
  let since = 0;
  const clear = () => {
    if (step !== "") stream.write("\r\x1b[K");
  };
  const draw = () => {
    const text = `${step} (${Math.round((Date.now() - since) / 1000)} s)`;
    stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 80) - 1)}`);
  };
  const timer = stream.isTTY ? setInterval(() => step !== "" && draw(), 1000).unref() : undefined;
  const end = () => {
    clear();
    step = "";
  };
  return {
    line(text) {
      end();
      stream.write(`${text}\n`);
    },
    step(text) {
      if (!timer) return;
      step = text;
      since = Date.now();
      draw();
    },
    close() {
      end();
      clearInterval(timer);
    },
  };
}
