// npm run study:parity [-- FIXTURES] > table: every recorded number about generator and tokenizer, as Markdown.
import { existsSync } from "node:fs";
import { OnnxEngine } from "../packages/rar/dist/engines/onnx/engine.js";
import { verify } from "../packages/rar/dist/verify/verify.js";

// --large: also the larger full-size networks (up to 6 GB of weights, minutes each).
const words = process.argv.slice(2);
const large = words.includes("--large");
const root = words.find((word) => !word.startsWith("--")) ?? "../shared/fixtures";
const runs = [
  ["rar_tiny", "generator.safetensors"],
  ["rar_tiny", "generator.bin"],
  ["rar_tiny", "generator_legacy.bin"],
  ["rar_tiny", "generator_bf16.bin"],
  ["rar_tiny", "generator_fp16.bin"],
  ["rar_tiny", "generator_shared.bin"],
  ["rar_b_width"],
  ["rar_full", undefined, "rar_b"],
  ...(large ? ["rar_l", "rar_xl", "rar_xxl"] : []).map((preset) => ["rar_full", undefined, preset]),
  ["vq_tiny"],
  ["vq_full"],
  ["cifar10"],
];
console.log(
  "| folder | weights | tensors and losses | largest deviation | its tolerance | ids and indices | that differ | seconds |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
let wrong = 0;
for (const [folder, file, only] of runs) {
  if (!existsSync(`${root}/${folder}`)) {
    console.error(`skipped: ${root}/${folder} is not at hand`);
    continue;
  }
  const engine = new OnnxEngine();
  const start = performance.now();
  const results = [];
  const weights = file && `${root}/${folder}/${file}`;
  for await (const result of verify(`${root}/${folder}`, engine, { weights, only: only && [only] }))
    results.push(result);
  await engine.dispose();
  wrong += results.filter((result) => !result.ok).length;
  const close = results.filter((result) => result.tolerance > 0 && result.tolerance < 1);
  const exact = results.filter((result) => !(result.tolerance > 0 && result.tolerance < 1));
  const worst = close.reduce(
    (a, b) => (b.deviation / b.tolerance > a.deviation / a.tolerance ? b : a),
    close[0],
  );
  const cells = [
    folder,
    only ?? file ?? (folder === "rar_b_width" || folder === "vq_full" ? "closed form" : "its own"),
    close.length,
    worst ? `${worst.deviation.toExponential(1)} (${worst.name})` : "",
    worst?.tolerance ?? "",
    exact.length,
    exact.reduce((sum, result) => sum + result.deviation, 0),
    ((performance.now() - start) / 1000).toFixed(0),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
console.error(wrong === 0 ? "all checks hold" : `${wrong} checks do not hold`);
process.exitCode = wrong === 0 ? 0 : 1;
