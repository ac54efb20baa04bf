import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fields } from "../../testing/read-protobuf.js";
import { temporaryFolder } from "../../testing/temporary.js";
import { crc32c, maskedCrc32c } from "./crc32c.js";
import { openTrackers, type TrackerOptions } from "./open.js";

const folder = temporaryFolder();
let runs = 0;
const newRun = (): string => join(folder, `run-${runs++}`);
const quiet = (step: number): TrackerOptions => ({
  step,
  name: "rar-b",
  say: (line) => expect.fail(`nothing should be said: ${line}`),
});
const picture = { width: 3, height: 2, data: Uint8Array.from({ length: 18 }, (_, i) => i * 14) };

it("drops the log's lines after the step a run continues from, and a line that a crash cut short", async () => {
  const out = newRun();
  const first = await openTrackers(out, { ...quiet(0), now: () => 1000 });
  for (const step of [10, 20, 30]) first.scalars(step, { "train/loss": 8 - step / 10, lr: 1e-4 });
  first.scalars(30, { bad: Number.NaN });
  await first.close();
  const path = join(out, "logs/metrics.jsonl");
  appendFileSync(path, '{"step":40,"ti');
  const second = await openTrackers(out, { ...quiet(20), now: () => 2000.1234 });
  second.scalars(25, { "train/loss": 5.5 });
  await second.close();
  second.scalars(26, { late: 1 });
  expect(readFileSync(path, "utf8").trimEnd().split("\n")).toEqual([
    '{"step":10,"time":1000,"train/loss":7,"lr":0.0001}',
    '{"step":20,"time":1000,"train/loss":6,"lr":0.0001}',
    '{"step":25,"time":2000.123,"train/loss":5.5}',
  ]);
  // The curves know the earlier lines, and not the dropped ones.
  const svg = readFileSync(join(out, "curves.svg"), "utf8");
  expect(svg).toContain("loss (nats a token)");
  expect(svg).not.toContain("share of random orders");
  expect(svg.match(/<path d="M[\d .L]+" stroke="#1f77b4"/g)?.[0]?.match(/L/g)).toHaveLength(2);
});

it("drops everything of an earlier run where one starts at step 0", async () => {
  const out = newRun();
  const first = await openTrackers(out, quiet(0));
  first.scalars(10, { a: 1 });
  await first.close();
  const second = await openTrackers(out, quiet(0));
  await second.close();
  expect(readFileSync(join(out, "logs/metrics.jsonl"), "utf8")).toBe("");
});

it("computes the checksum of RFC 3720's examples", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

it("writes event files that a reader of the documented format understands, and supersedes later steps", async () => {
  const out = newRun();
  const first = await openTrackers(out, { ...quiet(0), now: () => 1_700_000_000 });
  first.scalars(50, { "train/loss": 6.25, lr: 4e-4 });
  first.image(50, "Train Generated", picture);
  await first.close();
  const second = await openTrackers(out, { ...quiet(40), now: () => 1_700_000_100 });
  await second.close();
  const board = join(out, "logs/rar-b");
  const files = readdirSync(board).sort();
  expect(files).toHaveLength(2);
  const events = readEvents(readFileSync(join(board, files[0]!)));
  expect(events[0]).toMatchObject({ time: 1_700_000_000, version: "brain.Event:2" });
  expect(events[1]).toMatchObject({ step: 1, session: 1 });
  expect(events[2]).toMatchObject({
    step: 50,
    values: [
      { tag: "train/loss", scalar: 6.25 },
      { tag: "lr", scalar: Math.fround(4e-4) },
    ],
  });
  const image = events[3]!.values[0]!;
  expect(image).toMatchObject({ tag: "Train Generated", height: 2, width: 3, colours: 3 });
  expect([...image.png!.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  expect(readEvents(readFileSync(join(board, files[1]!)))[1]).toMatchObject({ step: 41, session: 1 });
});

it("keeps grids under the reference's names", async () => {
  const out = newRun();
  const tracker = await openTrackers(out, quiet(0));
  tracker.image(5000, "Train Generated", picture);
  tracker.image(10, "Reconstructions: held out", picture);
  await tracker.close();
  expect(readdirSync(join(out, "train_generated_images"))).toEqual(["00005000_s-generated.png"]);
  expect(readdirSync(join(out, "images"))).toEqual(["00000010_reconstructions-held-out.png"]);
});

it("says once what cannot be written and goes on", async () => {
  const out = newRun();
  mkdirSync(join(out, "logs/metrics.jsonl"), { recursive: true }); // folders where files belong
  mkdirSync(join(out, "curves.svg/x"), { recursive: true });
  writeFileSync(join(out, "train_generated_images"), "");
  writeFileSync(join(out, "logs/rar-b"), "");
  const said: string[] = [];
  const tracker = await openTrackers(out, { ...quiet(0), say: (line) => said.push(line) });
  for (const step of [1, 2, 3]) {
    tracker.scalars(step, { "train/loss": step });
    tracker.image(step, "Train Generated", picture);
  }
  await tracker.close();
  for (const what of ["metrics.jsonl", "curves.svg and", "A picture", "tfevents"])
    expect(said.filter((line) => line.includes(what))).toHaveLength(1);
});

it("stays below the run's folder whatever the run is called", async () => {
  const out = newRun();
  const tracker = await openTrackers(out, { ...quiet(0), name: "../../x" });
  await tracker.close();
  expect(readdirSync(join(out, "logs")).sort()).toEqual(["-..-x", "metrics.jsonl"]);
});

interface EventRead {
  time?: number;
  step?: number;
  version?: string;
  session?: number;
  values: {
    tag?: string;
    scalar?: number;
    height?: number;
    width?: number;
    colours?: number;
    png?: Buffer;
  }[];
}

/** Written from the description of TFRecord and the .proto files, not from the writer. */
function readEvents(bytes: Buffer): EventRead[] {
  const events: EventRead[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const body = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(body));
    at += 16 + length;
    const event: EventRead = { values: [] };
    for (const [field, value] of fields(body)) {
      if (field === 1) event.time = (value as Buffer).readDoubleLE();
      if (field === 2) event.step = value as number;
      if (field === 3) event.version = `${value}`;
      if (field === 7) event.session = [...fields(value as Buffer)][0]![1] as number;
      if (field === 5)
        for (const [, summary] of fields(value as Buffer)) event.values.push(summaryValue(summary as Buffer));
    }
    events.push(event);
  }
  return events;
}

function summaryValue(bytes: Buffer): EventRead["values"][number] {
  const value: EventRead["values"][number] = {};
  for (const [field, content] of fields(bytes)) {
    if (field === 1) value.tag = `${content}`;
    if (field === 2) value.scalar = (content as Buffer).readFloatLE();
    if (field === 4)
      for (const [part, of] of fields(content as Buffer)) {
        if (part === 1) value.height = of as number;
        if (part === 2) value.width = of as number;
        if (part === 3) value.colours = of as number;
        if (part === 4) value.png = of as Buffer;
      }
  }
  return value;
}
