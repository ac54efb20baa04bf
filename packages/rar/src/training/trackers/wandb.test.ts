import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crc32 } from "node:zlib";
import { expect, it } from "vitest";
import { fields } from "../../testing/read-protobuf.js";
import { temporaryFolder } from "../../testing/temporary.js";
import { openTrackers, type TrackerOptions } from "./open.js";

const folder = temporaryFolder();
let runs = 0;
const picture = { width: 4, height: 2, data: Uint8Array.from({ length: 24 }, (_, i) => i * 9) };

async function start(out: string, step: number, env: NodeJS.ProcessEnv, module?: string) {
  const said: string[] = [];
  const options: TrackerOptions = {
    step,
    name: "rar-b",
    say: (line) => said.push(line),
    env,
    now: () => 1_700_000_000.5 + step,
    wandb: { config: { training: { seed: 42 } }, ...(module && { module }) },
  };
  return { tracker: await openTrackers(out, options), said };
}

/** A stand-in for @wandb/sdk that notes what it is told. */
function standIn(body: string): { url: string; notes: () => string[] } {
  const path = join(folder, `sdk-${runs++}.mjs`);
  writeFileSync(
    path,
    `import { appendFileSync } from "node:fs";
    const note = (...what) => appendFileSync(${JSON.stringify(`${path}.notes`)}, JSON.stringify(what) + "\\n");
    export default { ${body} };`,
  );
  return {
    url: pathToFileURL(path).href,
    notes: () =>
      existsSync(`${path}.notes`) ? readFileSync(`${path}.notes`, "utf8").trimEnd().split("\n") : [],
  };
}

it("keeps an offline run that wandb's own format describes, and says how to send it", async () => {
  const out = join(folder, `run-${runs++}`);
  const { tracker, said } = await start(out, 0, { WANDB_MODE: "offline", WANDB_ENTITY: "team" });
  tracker.scalars(50, { "train/loss": 6.25, bad: Number.NaN });
  tracker.image(60, "Train Generated", picture);
  const grads = Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => [`grad_norm/module.blocks.${i}`, i / 7]),
  );
  tracker.scalars(100, grads); // more than one block of the file
  tracker.scalars(150, { "train/loss": 5 });
  await tracker.close();

  const [name] = readdirSync(join(out, "logs/wandb"));
  expect(name).toMatch(/^offline-run-20231114_221320-[0-9a-f]{8}$/);
  const run = join(out, "logs/wandb", name!);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(
    /^wandb: WANDB_MODE is offline\. The run is kept for wandb sync .*offline-run-20231114_221320/,
  );
  const records = readRun(run);
  expect(records[0]).toMatchObject({ kind: 17, id: name!.slice(-8), entity: "team", project: "rar-b" });
  expect(records[0]).toMatchObject({ config: { training: { seed: 42 } } });
  const history = records.filter(({ kind }) => kind === 2);
  expect(history[0]).toMatchObject({ step: 50, values: { "train/loss": 6.25, bad: "NaN", _step: 50 } });
  const image = history.find(({ values }) => values?.["Train Generated"] !== undefined);
  const { path } = image!.values!["Train Generated"] as { path: string };
  expect(image!.values!["Train Generated"]).toMatchObject({
    _type: "image-file",
    format: "png",
    width: 4,
    height: 2,
  });
  expect([...readFileSync(join(run, "files", path)).subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
  expect(records.find(({ kind }) => kind === 6)).toMatchObject({ file: path });
  expect(history.find(({ step }) => step === 100)!.values).toMatchObject(grads);
  expect(records.at(-1)!.kind).toBe(18);

  // Goes on at step 120: the same run, without what came later.
  const second = await start(out, 120, { WANDB_MODE: "offline" });
  second.tracker.scalars(130, { "train/loss": 4 });
  await second.tracker.close();
  expect(readdirSync(join(out, "logs/wandb"))).toEqual([name]);
  const again = readRun(run).filter(({ kind }) => kind === 2);
  expect(again.map(({ step }) => step)).toEqual([50, 60, 100, 130]);
  expect(again[1]!.values!["Train Generated"]).toMatchObject({ path });
  expect(again[3]!.values!._runtime).toBe(120);
});

it("sends numbers through the SDK, from the first step on also after a resume", async () => {
  const out = join(folder, `run-${runs++}`);
  const sdk = standIn(`
    async init({ project, name, config }) { note("init", project, name, config); return { url: () => "https://wandb.example/1" }; },
    log(values, step) { note("log", step, values); },
    async finish() { note("finish"); },`);
  const first = await start(out, 0, {}, sdk.url);
  first.tracker.scalars(10, { "train/loss": 7 });
  first.tracker.scalars(20, { "train/loss": 6 });
  await first.tracker.close();
  expect(first.said).toHaveLength(1);
  expect(first.said[0]).toMatch(
    /^wandb: numbers are sent to https:\/\/wandb.example\/1\. A run with the pictures too is kept for wandb sync /,
  );
  const second = await start(out, 10, {}, sdk.url);
  second.tracker.scalars(15, { "train/loss": 5 });
  await second.tracker.close();
  const title = out.slice(folder.length + 1);
  expect(sdk.notes()).toEqual([
    `["init","rar-b","${title}",{"training":{"seed":42}}]`,
    '["log",10,{"train/loss":7}]',
    '["log",20,{"train/loss":6}]',
    '["finish"]',
    `["init","rar-b","${title} (from step 10)",{"training":{"seed":42}}]`,
    '["log",10,{"train/loss":7}]',
    '["log",15,{"train/loss":5}]',
    '["finish"]',
  ]);
});

it.each([
  ["an SDK that is not installed", "no-such-sdk", /@wandb\/sdk is not installed: npm install @wandb\/sdk/],
  [
    "a missing key",
    `async init() { throw new Error("Cannot prompt for API key, set the WANDB_API_KEY"); }`,
    /set WANDB_API_KEY/,
  ],
  [
    "an error in the middle of nowhere",
    `async init() { setTimeout(() => { throw new Error("server on fire"); }); return {}; }, log() {}`,
    /server on fire/,
  ],
  ["an SDK that ends the process", "async init() { process.exit(3); }", /its thread ended/],
])("says %s in one line and keeps the run", async (_, body, line) => {
  const out = join(folder, `run-${runs++}`);
  const module = body.includes("init") ? standIn(body).url : body;
  const { tracker, said } = await start(out, 0, {}, module);
  tracker.scalars(10, { "train/loss": 7 });
  while (!said.some((text) => line.test(text))) await new Promise((done) => setTimeout(done, 20));
  tracker.scalars(20, { "train/loss": 6 });
  await tracker.close();
  expect(said.filter((text) => line.test(text))).toHaveLength(1);
  expect(said.find((text) => line.test(text))).toContain("The run is kept for wandb sync");
  const [name] = readdirSync(join(out, "logs/wandb"));
  expect(readRun(join(out, "logs/wandb", name!)).filter(({ kind }) => kind === 2)).toHaveLength(2);
});

it("does nothing where WANDB_MODE is disabled, and says a folder it cannot write", async () => {
  const off = join(folder, `run-${runs++}`);
  const none = await start(off, 0, { WANDB_MODE: "disabled" });
  await none.tracker.close();
  expect(none.said).toHaveLength(1);
  expect(readdirSync(join(off, "logs"))).not.toContain("wandb");
  const out = join(folder, `run-${runs++}`);
  mkdirSync(join(out, "logs"), { recursive: true });
  writeFileSync(join(out, "logs/wandb"), "");
  const { tracker, said } = await start(out, 0, { WANDB_MODE: "offline" });
  tracker.scalars(1, { a: 1 });
  await tracker.close();
  expect(said).toHaveLength(1);
  expect(readFileSync(join(out, "logs/metrics.jsonl"), "utf8")).toContain('"a":1');
});

interface RunRecord {
  kind: number;
  id?: string;
  entity?: string;
  project?: string;
  config?: Record<string, unknown>;
  step?: number;
  values?: Record<string, unknown>;
  file?: string;
}

/** Written from the description of LevelDB's log format and wandb_internal.proto, not from the writer. */
function readRun(run: string): RunRecord[] {
  const bytes = readFileSync(join(run, readdirSync(run).find((name) => name.endsWith(".wandb"))!));
  expect(bytes.subarray(0, 7).toString("hex")).toBe("3a572642e1be00"); // ":W&B", 0xBEE1, version 0
  const records: RunRecord[] = [];
  let parts: Buffer[] = [];
  for (let at = 7; at < bytes.length; ) {
    const room = 32_768 - (at % 32_768);
    if (room < 7) {
      at += room;
      continue;
    }
    const length = bytes.readUInt16LE(at + 4);
    expect(crc32(bytes.subarray(at + 6, at + 7 + length))).toBe(bytes.readUInt32LE(at));
    expect(length + 7).toBeLessThanOrEqual(room);
    parts.push(bytes.subarray(at + 7, at + 7 + length));
    const type = bytes[at + 6]!;
    at += 7 + length;
    if (type === 1 || type === 4) {
      records.push(recordOf(Buffer.concat(parts)));
      parts = [];
    }
  }
  return records;
}

function recordOf(bytes: Buffer): RunRecord {
  const [, [kind, body]] = [...fields(bytes)] as [unknown, [number, Buffer]];
  const read: RunRecord = { kind };
  for (const [field, value] of fields(body)) {
    if (kind === 17 && field === 1) read.id = `${value}`;
    if (kind === 17 && field === 2) read.entity = `${value}`;
    if (kind === 17 && field === 3) read.project = `${value}`;
    if (kind === 17 && field === 4)
      for (const [, one] of fields(value as Buffer)) read.config = { ...read.config, ...item(one as Buffer) };
    if (kind === 2 && field === 1) read.values = Object.assign(read.values ?? {}, item(value as Buffer));
    if (kind === 2 && field === 2) read.step = [...fields(value as Buffer)][0]![1] as number;
    if (kind === 6) read.file = `${[...fields(value as Buffer)][0]![1]}`;
  }
  return read;
}

function item(bytes: Buffer): Record<string, unknown> {
  const parts = new Map(fields(bytes));
  const text = `${parts.get(16)}`;
  return { [`${parts.get(1)}`]: text === "NaN" ? text : JSON.parse(text) };
}
