import { expect, it } from "vitest";
import { changesBetween, checkChanges, differences } from "./changes.js";

it("finds keys that differ, are gone and are new", () => {
  const was = { a: { b: 1, c: [1, 2], gone: true }, same: "x" };
  const is = { a: { b: 2, c: [1, 2], added: null }, same: "x" };
  expect(changesBetween(was, is)).toEqual([
    { key: "a.b", was: 1, is: 2 },
    { key: "a.gone", was: true, is: undefined },
    { key: "a.added", was: undefined, is: null },
  ]);
});

const change = (key: string) => [{ key, was: 1, is: 2 }];

it.each([
  "optimizer.params.beta2",
  "lr_scheduler.params.warmup_steps",
  "training.seed",
  "training.use_ema",
  "model.generator.dropout",
  "model.generator.randomness_anneal_end",
  "model.generator.order",
  "rows_a_step",
  "tokens",
])("%s matters", (key) => {
  expect(() => checkChanges("run", change(key), [])).toThrow(`${key} was 1, is 2`);
  expect(() => checkChanges("run", change(key), [])).toThrow(`--allow-changed ${key}.`);
  expect(checkChanges("run", change(key), [key])).toEqual([`${key} was 1, is 2 (allowed)`]);
});

it.each([
  "experiment.save_every",
  "dataset.params.pretokenization",
  "model.generator.guidance_scale",
  "training.enable_wandb",
  "config",
])("%s does not matter", (key) => {
  expect(checkChanges("run", change(key), [])).toEqual([`${key} was 1, is 2`]);
});

it("a model of another size cannot be gone on with, whatever is allowed", () => {
  const key = "model.generator.condition_num_classes";
  expect(() => checkChanges("run", change(key), [key])).toThrow(
    /model of another size.*experiment\.init_weight/,
  );
});

it("names what one rank was started with and another was not", () => {
  const config = { training: { seed: 1 } };
  expect(differences({ version: "1.0.0", config }, { version: "1.1.0", config })).toEqual([
    'version ("1.1.0", there "1.0.0")',
  ]);
  expect(differences({ config }, { config: { training: { seed: 2 } } })).toEqual([
    "training.seed (2, there 1)",
  ]);
});
