/** The command as users have it: built files started as processes. Codes, messages, files. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../src/cli/program.js";
import { readPngText } from "../src/images/png.js";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "rarity-cli-"));
const env = { ...process.env, RARITY_CACHE: join(folder, "cache"), HF_HUB_OFFLINE: "1", NO_COLOR: "1" };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function rarity(...words: string[]): Promise<Ended> {
  return new Promise((resolve) =>
    execFile(process.execPath, [main, ...words], { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr }),
    ),
  );
}

/** The same within this process, for the many rows of wrong usage. */
async function inProcess(...words: string[]): Promise<Ended> {
  let [stdout, stderr] = ["", ""];
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      stdout += text;
      return true;
    }),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      stderr += text;
      return true;
    }),
  ];
  try {
    const code = (await run(words)) ?? 0;
    return { code, stdout, stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const files = (path: string): string[] => readdirSync(join(folder, path)).toSorted();
const settings = (path: string) => {
  const text = readPngText(readFileSync(join(folder, path)), path);
  return JSON.parse(text["rarity.settings"]!);
};

beforeAll(() => {
  if (!existsSync(main)) throw new Error("Build first: npm run build");
});

describe("help and wrong usage", () => {
  it("prints help for nothing and for --help, with every verb", async () => {
    const help = await rarity("--help");
    expect(help.code).toBe(0);
    expect((await rarity()).stdout).toBe(help.stdout);
    for (const verb of [
      "demo",
      "generate",
      "complete",
      "inspect",
      "convert",
      "init",
      "verify",
      "tokens",
      "bench",
      "doctor",
    ])
      expect(help.stdout).toContain(`\n  ${verb} `);
  });

  it.each([
    "demo",
    "generate",
    "complete",
    "inspect",
    "convert",
    "init",
    "verify",
    "tokens",
    "bench",
    "doctor",
  ])("%s --help shows a real example, as help %s does", async (verb) => {
    const { code, stdout } = await inProcess(verb, "--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Example:\\n  rarity .*${verb}`));
    expect((await inProcess("help", verb)).stdout).toBe(stdout);
  });

  it("prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(await rarity("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each([
    [["genrate"], 'There is no verb "genrate". Did you mean "generate"?'],
    [["gen"], 'Did you mean "generate"?'],
    [["help", "demmo"], 'Did you mean "demo"?'],
    [["--vershun"], "Unknown option"],
    [["generate", "--sed", "1"], 'Unknown option "--sed". Did you mean --seed? See rarity generate --help.'],
    [["generate", "-m", "debug"], 'Say what to draw: --class NAME, or --class all. "debug" draws 10 classes'],
    [["generate", "-m", "debug", "--class", ","], "Say what to draw"],
    [["generate", "-m", "debug", "--class", "10"], "There is no class 10. Classes are numbered 0 to 9."],
    [["generate", "-m", "rar-b", "--class", "goldfisch"], 'Did you mean 1 "goldfish'],
    [["generate", "-m", "rar-b", "--class", "crane"], '"crane" names 2 classes'],
    [
      ["generate", "-m", "rar-c", "--class", "1"],
      'There is no model "rar-c": no such file or folder. Did you mean "rar-b"?',
    ],
    [
      ["generate", "-m", "debug", "dog"],
      '"dog" is no flag and no key.path=value. For a class write --class "dog".',
    ],
    [["generate", "-m", "debug", "-c", "1", "--temperature", "-1"], "Cannot sample with temperature -1"],
    [["generate", "-m", "debug", "-c", "1", "--temperature", "NaN"], "--temperature <x>"],
    [["generate", "-m", "debug", "-c", "1", "--guidance", "nan"], "--guidance <x>"],
    [["generate", "-m", "debug", "-c", "1", "--guidance", ""], "Give a number."],
    [["generate", "-m", "debug", "-c", "1", "--top-p", "0"], "above 0 and at most 1"],
    [["generate", "-m", "debug", "-c", "1", "--top-p", "1.5"], "above 0 and at most 1"],
    [["generate", "-m", "debug", "-c", "1", "--top-k", "0"], "whole number of at least 1"],
    [["generate", "-m", "debug", "-c", "1", "--batch", "0"], "Give a whole number from 1 to 4096."],
    [["generate", "-m", "debug", "-c", "1", "--seed", "9007199254740992"], "below 2^53"],
    [["generate", "-m", "debug", "-c", "1", "--seed", "1.5"], '"1.5" is invalid'],
    [["generate", "-m", "debug", "-c", "1", "--precision", "int9"], 'Did you mean "int8"?'],
    [["generate", "-m", "debug", "-c", "1", "--engine", "onx"], 'Did you mean "onnx"?'],
    [
      ["generate", "-m", "debug", "-c", "1", "model.generator.guidance_scale=high"],
      'model.generator.guidance_scale is "high"',
    ],
    [
      ["generate", "-m", "debug", "-c", "1", "model.generator.hidden_size=64"],
      'model.generator.hidden_size=64 was given, but the model "debug" has 32',
    ],
    [["complete", "nothing.png", "-m", "debug", "-c", "1"], "there is no such file"],
    [["complete", "x.png", "-m", "debug", "-c", "1", "--keep", "120%"], "from 0% to 100%"],
    [["complete", "x.png", "-m", "debug"], "--class"],
    [["init", "new", "--preset", "rar-bb"], 'Did you mean "rar-b"?'],
    [
      ["convert", "debug", "new", "--dtype", "int4"],
      'none of float32, bfloat16, float16, int8. Did you mean "int8"?',
    ],
    [["inspect", "nowhere"], 'There is no model "nowhere"'],
    [["verify", "nowhere", "--precision", "x"], "It is none of float32, bfloat16"],
  ])("%j: exit code 2 and a sentence", async (words, message) => {
    const { code, stdout, stderr } = await inProcess(...words);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("an engine that is not here is the world's fault: exit code 1", async () => {
    vi.stubEnv("LIBTORCH_ADDON", "");
    vi.stubEnv("LIBTORCH_BUILD", folder); // nothing was built there
    const { code, stderr } = await inProcess(..."generate -m debug -c 1 --engine torch".split(" "));
    vi.unstubAllEnvs();
    expect(stderr).toContain("The libtorch addon is not built. Run `npm run setup`");
    expect(code).toBe(1);
  });

  it("shows the stack for RARITY_DEBUG only", async () => {
    const { stderr } = await new Promise<Ended>((resolve) =>
      execFile(
        process.execPath,
        [main, "inspect", "nowhere"],
        { cwd: folder, env: { ...env, RARITY_DEBUG: "1" } },
        (_, stdout, stderr) => resolve({ code: 0, stdout, stderr }),
      ),
    );
    expect(stderr).toMatch(/\n\s+at /);
  });

  it("notes a key that nobody reads, with the nearest, and goes on", async () => {
    const { code, stderr } = await rarity(
      ..."generate -m debug -c 1 -o unknown-key --no-sheet model.generator.guidance_scal=3".split(" "),
    );
    expect(code).toBe(0);
    expect(stderr).toContain("Did you mean guidance_scale?");
  });
});

it("wrong usage, as a process: exit code 2, the sentence on stderr alone", async () => {
  expect(await rarity("generate", "-m", "debug", "-c", "10")).toEqual({
    code: 2,
    stdout: "",
    stderr: "rarity: There is no class 10. Classes are numbered 0 to 9.\n",
  });
});

describe("generate", () => {
  it("writes numbered files with their settings, numbers on, overwrites, repeats exactly", async () => {
    const first = await rarity(
      ..."generate -m debug -c 3,1 -n 2 -s 5 -o many --scale 2 --top-k 9".split(" "),
    );
    expect(first.stderr).toContain("4 images by debug in many");
    expect(first.stdout.trim().split("\n")).toEqual(
      ["0000-class-3", "0001-class-3", "0002-class-1", "0003-class-1"].map((name) =>
        join("many", `${name}.png`),
      ),
    );
    expect(settings("many/0002-class-1.png")).toEqual({
      model: "debug",
      classIndex: 1,
      seed: 5,
      index: 2,
      temperature: 1,
      guidance: 4,
      pow: 0,
      topK: 9,
      precision: "float32",
      engine: "onnx",
      version: "0.1.0",
      scale: 2,
    });
    const text = readPngText(readFileSync(join(folder, "many/0002-class-1.png")));
    expect(text.Software).toMatch(/^rarity \d/);
    expect(text.Description).toContain("class 1, drawn by RAR model debug (seed 5, image 2,");

    await rarity(..."generate -m debug -c 7 -s 6 -o many".split(" "));
    expect(files("many")).toEqual([
      "0000-class-3.png",
      "0001-class-3.png",
      "0002-class-1.png",
      "0003-class-1.png",
      "0004-class-7.png",
      "sheet-0004.png",
      "sheet.png",
    ]);

    const like = await rarity(..."generate --like many/0002-class-1.png -o like --no-sheet".split(" "));
    expect(like.stderr).not.toContain("Note:");
    expect(readFileSync(join(folder, "like/0000-class-1.png"))).toEqual(
      readFileSync(join(folder, "many/0002-class-1.png")),
    );

    writeFileSync(join(folder, "many/0001-holiday.png"), "a photo of someone else");
    await rarity(..."generate -m debug -c 7,8 -s 6 -o many --overwrite --no-sheet".split(" "));
    expect(files("many").filter((name) => /^000[01]/.test(name))).toEqual([
      "0000-class-7.png",
      "0001-class-8.png",
      "0001-holiday.png",
    ]);
  });

  it("draws what the published overrides ask for, and says which flags change a repetition", async () => {
    const { code, stderr } = await rarity(
      ..."generate -c 2 -s 1 experiment.generator_checkpoint=debug experiment.output_dir=published".split(
        " ",
      ),
      ..."model.generator.guidance_scale=0 model.generator.randomize_temperature=0.5 model.generator.guidance_scale_pow=1".split(
        " ",
      ),
    );
    expect(stderr).not.toContain("Note:");
    expect(code).toBe(0);
    expect(settings("published/0000-class-2.png")).toMatchObject({ guidance: 0, temperature: 0.5, pow: 1 });
    const like = await rarity(
      ..."generate --like published/0000-class-2.png --guidance 3 -o published".split(" "),
    );
    expect(like.stderr).toContain("Note: The image may not be the same: guidance is 3, it was 0.");
  });

  it("answers with one JSON object, and writes animations beside the images", async () => {
    const { stdout } = await rarity(
      ..."generate -m debug -c all -s 1 -o json --json --animate webp".split(" "),
    );
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      model: "debug",
      precision: "float32",
      seed: 1,
      asked: 10,
      folder: "json",
    });
    expect(report.images).toHaveLength(10);
    expect(report.images[9]).toMatchObject({
      classIndex: 9,
      index: 9,
      animation: join("json", "0009-class-9.webp"),
    });
    expect(readFileSync(join(folder, report.images[9].animation)).subarray(0, 4).toString()).toBe("RIFF");
    expect(existsSync(join(folder, report.sheet))).toBe(true);
  });

  it("refuses an output folder that is a file, and a picture without settings", async () => {
    writeFileSync(join(folder, "taken"), "");
    expect(await rarity(..."generate -m debug -c 1 -o taken".split(" "))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"taken" is a file; pictures need a folder'),
    });
    expect(await rarity(..."generate --like taken".split(" "))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"taken"'),
    });
  });
});

describe("complete", () => {
  it("keeps the tokens it was told to, whatever the picture's size, and draws a sheet", async () => {
    await rarity(..."generate -m debug -c 4 -s 2 -o photo --scale 3 --no-sheet".split(" "));
    const { code, stdout } = await rarity(
      ..."complete photo/0000-class-4.png -m debug -c 4 --keep 50% -n 3 -s 1 -o completed --json".split(" "),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).images).toHaveLength(3);
    expect(files("completed")).toEqual([
      "0000-class-4-completed.png",
      "0001-class-4-completed.png",
      "0002-class-4-completed.png",
      "sheet.png",
    ]);
    expect(settings("completed/0001-class-4-completed.png")).toMatchObject({
      index: 1,
      completed: { photo: "0000-class-4.png", keep: 0.5 },
    });
  });
});

describe("signals and pipes", () => {
  it("Ctrl-C once: stops within a step, keeps what was finished, exit code 130", async () => {
    const child = spawn(
      process.execPath,
      [main, ..."generate -m debug -c all -n 5000 -b 4 -o stopped".split(" ")],
      {
        cwd: folder,
        env,
      },
    );
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
    while (!existsSync(join(folder, "stopped/0003-class-0.png"))) await new Promise((r) => setTimeout(r, 20));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(stderr).toContain("Stopping after this step");
    expect(stderr).toMatch(/of 50,000 images \(stopped; these are kept\)/);
    const left = files("stopped");
    expect(left).toContain("sheet.png");
    expect(left.filter((name) => !/^(\d{4}-class-0|sheet)\.png$/.test(name))).toEqual([]);
  });

  it("a second Ctrl-C ends at once", async () => {
    const module = new URL("../dist/cli/interrupt.js", import.meta.url).href;
    const script = `import { interruption } from ${JSON.stringify(module)};
      interruption(); setInterval(() => {}, 1000);
      process.kill(process.pid, "SIGINT"); setTimeout(() => process.kill(process.pid, "SIGINT"), 100);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130);
  });

  it("a reader that has gone is no error", async () => {
    const child = spawn(process.execPath, [main, "inspect", "rar-b"], { cwd: folder, env });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    expect(stderr).toBe("");
  });
});

describe("doctor", () => {
  it("counts the prepared models and clears them", async () => {
    // The weights of "debug" have no file, so nothing prepared from them is kept.
    await rarity(..."init small --preset debug --tokenizer".split(" "));
    await rarity(..."generate -m small -c 1 -o doctor --no-sheet".split(" "));
    const before = JSON.parse((await rarity("doctor", "--json")).stdout);
    expect(before).toMatchObject({
      node: process.versions.node,
      onnxruntime: { version: expect.stringMatching(/^1\./), providers: expect.arrayContaining(["cpu"]) },
      sharp: { version: expect.any(String) },
      graphics: "none",
    });
    expect(before.preparedModels.folder).toBe(join(folder, "cache", "prepared"));
    expect(before.preparedModels.bytes).toBeGreaterThan(0);
    const after = JSON.parse((await rarity("doctor", "--json", "--clear-cache")).stdout);
    expect(after.preparedModels).toMatchObject({ bytes: 0, entries: 0 });
  });
});
