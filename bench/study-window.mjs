/**
 * How many tokens a step of a lone image gives when several positions are computed at once, and what that saves. The tokens
 * must be those of one position after the other; the study ends in an error where they are not.
 *
 *   npm run study:window
 *   options: --models emoji,cifar10 (embedded names or folders), --windows 1,2,4,8,12,auto, --images 24, --precision float32,
 *   --guidance (the model's own), --temperature (the model's own)
 */
import { availableParallelism, cpus } from "node:os";
import { createEngine } from "../packages/rar/dist/engines/create.js";
import { sampleTokens } from "../packages/rar/dist/sampling/generate.js";
import { locateModel, openModel } from "../packages/rar/dist/weights/model-folder.js";
import { option } from "./study-lib/model.mjs";
import { table } from "./study-lib/scores.mjs";

const windows = String(option("windows", "1,2,4,8,12,auto")).split(",");
const images = Number(option("images", 24));
const precision = option("precision", "float32");

/** One image after the other: their tokens, the network's steps, and seconds. */
async function draw(generator, sampling) {
  const { classes } = generator.config;
  const drawn = [];
  let steps = 0;
  const start = performance.now();
  for (let i = 0; i < images; i++) {
    const request = {
      classes: [Math.floor((i * classes) / images)],
      seed: 7,
      indices: [i],
      guidance: { scale: sampling.guidanceScale, pow: sampling.guidanceScalePow },
      draw: { temperature: sampling.temperature },
    };
    let last;
    for await (const step of sampleTokens(generator, request)) last = step;
    drawn.push([...last.tokens[0]]);
    steps += last.steps;
  }
  return { drawn, steps: steps / images, seconds: (performance.now() - start) / 1000 / images };
}

const lines = [];
for (const name of String(option("models", "emoji,cifar10")).split(",")) {
  const location = await locateModel(name);
  const opened = await openModel(location);
  const sampling = {
    ...location.sampling,
    guidanceScale: Number(option("guidance", location.sampling.guidanceScale)),
    temperature: Number(option("temperature", location.sampling.temperature)),
  };
  let alone;
  for (const window of windows) {
    const engine = await createEngine(
      { engine: "onnx", precision, window: window === "auto" ? undefined : Number(window) },
      0,
    );
    const generator = await engine.loadGenerator(opened.generator);
    await draw(generator, sampling); // warms up: some modulation is made once a model
    const { drawn, steps, seconds } = await draw(generator, sampling);
    alone ??= drawn;
    if (JSON.stringify(drawn) !== JSON.stringify(alone))
      throw new Error(`${name}: other tokens with window ${window} than with ${windows[0]}`);
    await engine.dispose();
    const { tokens } = generator.config;
    lines.push([
      location.name,
      window,
      steps.toFixed(1),
      (tokens / (steps - 1)).toFixed(2),
      ((seconds * 1000) / steps).toFixed(1),
      seconds.toFixed(2),
    ]);
  }
  await opened.close();
}
console.log(
  `${precision}, ${images} images one after the other, ${availableParallelism()} threads, ${cpus()[0]?.model}`,
);
console.log(table(["model", "window", "steps an image", "tokens a step", "ms a step", "s an image"], lines));
