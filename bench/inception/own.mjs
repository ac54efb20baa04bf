// Inception's features by rarity, as `evaluate` computes them; prints JSON.   node own.mjs < settings   (peer.py is its peer)
import { readFileSync } from "node:fs";
import { runtimeInfo } from "libtorch";
import { Inception } from "../../packages/rar/dist/evaluation/inception-features.js";
import { inceptionByFormula } from "../../packages/rar/dist/evaluation/inception-formula.js";

const { batch, batches, threads, device, side } = JSON.parse(readFileSync(0, "utf8"));
const data = Uint8Array.from({ length: batch * side * side * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
const images = { data, count: batch, width: side, height: side };
const network = await Inception.load(inceptionByFormula(), { device, threads });
const { pooled, spatial } = network.features(images); // warm-up
const times = [];
const before = process.cpuUsage();
for (let i = 0; i < batches; i++) {
  const start = performance.now();
  network.features(images);
  times.push((performance.now() - start) / 1000);
}
const { user, system } = process.cpuUsage(before);
const cpu = (user + system) / 1e6 / batches;
const firsts = ({ data, columns, rows }) =>
  Array.from({ length: rows }, (_, r) => [...data.subarray(r * columns, r * columns + 16)]).flat();
const check = [firsts(pooled), firsts(spatial)];
console.log(JSON.stringify({ times, cpu, check, version: runtimeInfo().version }));
network.dispose();
