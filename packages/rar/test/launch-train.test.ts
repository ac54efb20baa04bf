/** `rarity launch -- train`: a killed rank costs nothing but time, and a signal reaches every rank once. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../libtorch/src/testing/suite.js";
import { temporaryFolder } from "../src/testing/temporary.js";

const folder = temporaryFolder();
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const weights = (run: string): string =>
  createHash("sha256")
    .update(readFileSync(join(folder, run, "generator.safetensors")))
    .digest("hex");

/** Two ranks that train the debug model for 30 steps. */
function start(run: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const settings = [
    "config=debug.yaml",
    `experiment.output_dir=${join(folder, run)}`,
    "training.max_train_steps=30",
    "training.per_gpu_batch_size=4",
    "experiment.save_every=10",
    "experiment.generate_every=1000",
    "experiment.eval_every=1000",
    ...more,
  ];
  const words = ["launch", "--ranks", "2", "--", "train", ...settings, "--device", "cpu", "--timeout", "60"];
  const child = spawn(process.execPath, [main, ...words], {
    env: { ...process.env, OMP_NUM_THREADS: "1", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = { text: "" };
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.text += text;
  });
  return { child, said };
}

const exitCode = async (child: ChildProcess): Promise<number | null> => (await once(child, "close"))[0];

describeWithLibtorch("launch", () => {
  it("starts all ranks again from the last checkpoint after one was killed, and ends with the same weights", async () => {
    const whole = start("whole");
    expect(await exitCode(whole.child), whole.said.text).toBe(0);
    // Rank 1 kills itself once the first checkpoint is there, in the first start only.
    const trap = join(folder, "trap.mjs");
    writeFileSync(
      trap,
      `import { existsSync } from "node:fs";
      const { RANK, TORCHELASTIC_RESTART_COUNT } = process.env;
      if (RANK === "1" && TORCHELASTIC_RESTART_COUNT === "0")
        setInterval(() => {
          if (existsSync(${JSON.stringify(join(folder, "killed/checkpoint-10"))})) process.kill(process.pid, "SIGKILL");
        }, 1).unref();`,
    );
    const killed = start("killed", [], { NODE_OPTIONS: `--import ${pathToFileURL(trap).href}` });
    expect(await exitCode(killed.child), killed.said.text).toBe(0);
    expect(killed.said.text).toMatch(/launch: Rank 1 \(process \d+ on .+\) was killed by SIGKILL/);
    expect(killed.said.text).toContain(
      "launch: Starting all ranks again from the last checkpoint (restart 1 of 3).",
    );
    expect(weights("killed")).toBe(weights("whole"));
  });

  it("passes SIGTERM on: the ranks save, exit with 143 and are not started again", async () => {
    const { child, said } = start("stopped", ["training.max_train_steps=100000"]);
    while (!existsSync(join(folder, "stopped/checkpoint-10"))) await pause(20);
    child.kill("SIGTERM");
    expect(await exitCode(child), said.text).toBe(143);
    expect(said.text).toMatch(/launch: SIGTERM: passed on to all ranks[\s\S]*Saved .*checkpoint-\d+/);
    expect(said.text).not.toContain("Starting all ranks again");
  });
});
