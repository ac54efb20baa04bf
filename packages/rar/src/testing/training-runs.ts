/** Runs of `rarity train` as users start them: processes of their own, small, killed where a test wants that. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A run of a second or two: one block, forty steps, a checkpoint every six. */
export const smallRun: readonly string[] = [
  "config=debug.yaml",
  "model.generator.hidden_size=32",
  "model.generator.num_hidden_layers=1",
  "model.generator.intermediate_size=64",
  "training.per_gpu_batch_size=4",
  "training.max_train_steps=40",
  "training.use_ema=true",
  "lr_scheduler.params.warmup_steps=4",
  "model.generator.randomness_anneal_start=10",
  "model.generator.randomness_anneal_end=30",
  "experiment.save_every=6",
  "experiment.log_every=10",
  "experiment.generate_every=null",
  "experiment.eval_tokens=null",
  "model.vq_model.pretrained_tokenizer_weight=null",
];

export interface Ended {
  /** Exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stderr has this text, or rejects when the process has ended without it. */
  said(pattern: RegExp): Promise<void>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A shell's words in front of the command, such as `ulimit -f 100;`. */
  readonly shell?: string | undefined;
}

/** Starts `rarity WORDS`. */
export function startRarity(words: readonly string[], { env, shell }: StartOptions = {}): Running {
  const command = [process.execPath, main, ...words];
  const [file, args] =
    shell === undefined
      ? [command[0]!, command.slice(1)]
      : ["/bin/sh", ["-c", `${shell} exec "$@"`, "sh", ...command]];
  const child = spawn(file, args, {
    env: { ...process.env, NO_COLOR: "1", HF_HUB_OFFLINE: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let heard = "";
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    heard += part;
    tell();
  });
  const ended = Promise.all([text(child.stdout), once(child, "close")]).then(
    ([stdout, [code, signal]]): Ended => ({ code: code ?? signal, stdout, stderr: heard }),
  );
  let over = false;
  void ended.then(() => {
    over = true;
    tell();
  });
  return {
    child,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(heard)) resolve();
          else if (over) reject(new Error(`It ended without saying ${pattern}:\n${heard}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
  };
}

/** `rarity train` of a small run into a folder, on one thread. */
export const startTraining = (
  outputDir: string,
  words: readonly string[] = [],
  options: StartOptions = {},
): Running =>
  startRarity(
    [
      "train",
      ...smallRun,
      `experiment.output_dir=${outputDir}`,
      "--threads",
      "1",
      "--device",
      "cpu",
      ...words,
    ],
    options,
  );

/** The same on several ranks of this machine. */
export async function startRanks(
  count: number,
  outputDir: string,
  words: (rank: number) => readonly string[] = () => [],
): Promise<Running[]> {
  const port = String(await freePort());
  return Array.from({ length: count }, (_, rank) =>
    startTraining(outputDir, words(rank), {
      env: {
        RANK: `${rank}`,
        LOCAL_RANK: `${rank}`,
        WORLD_SIZE: `${count}`,
        LOCAL_WORLD_SIZE: `${count}`,
        MASTER_ADDR: "127.0.0.1",
        MASTER_PORT: port,
      },
    }),
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Hashes of what a run's end is decided by: its model, and everything its last checkpoint holds. */
export function endOf(outputDir: string, step: number): Record<string, string> {
  const files = ["generator", "ema", "moments"].map((name) => `checkpoint-${step}/${name}.safetensors`);
  return Object.fromEntries(
    ["generator.safetensors", ...files].map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(outputDir, name)))
        .digest("hex"),
    ]),
  );
}

/** The values of one name in the log, by step. */
export function logged(outputDir: string, name: string): Map<number, number> {
  const lines = readFileSync(join(outputDir, "logs", "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  return new Map(
    lines
      .map((line) => JSON.parse(line) as Record<string, number>)
      .filter((entry) => entry[name] !== undefined)
      .map((entry) => [entry.step!, entry[name]!]),
  );
}
