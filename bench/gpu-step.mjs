// node bench/gpu-step.mjs [--presets rar-xl,rar-b] [--part steps,pieces,tuning] [--device cuda]
// Times the pieces of a decode step in bfloat16 inside recorded graphs: our kernels, cuBLAS's products and PyTorch's
// operators, in microseconds and bytes a second. Every block has weights and a cache of its own, as in a step, so
// that nothing is read from a GPU's cache that would not be there. Prints Markdown.
import { parseArgs } from "node:util";
import * as torch from "libtorch";
import { headWidth } from "../packages/rar/dist/config/architecture.js";
import { presetNamed } from "../packages/rar/dist/config/presets.js";
import { stepKernels } from "../packages/rar/dist/engines/torch/kernels/program.js";
import { KernelStepper } from "../packages/rar/dist/engines/torch/kernels/stepper.js";
import { Modulations, rowConditions } from "../packages/rar/dist/engines/torch/modulation.js";
import { recordGraph } from "../packages/rar/dist/engines/torch/record.js";
import { StaticStepper } from "../packages/rar/dist/engines/torch/stepper.js";
import { modulationParts } from "../packages/rar/dist/networks/generator.js";
import { dtype, randomModel, stepBytes } from "./gpu-model.mjs";

const { values } = parseArgs({
  options: {
    presets: { type: "string", default: "rar-xl,rar-b" },
    part: { type: "string", default: "steps,pieces,tuning" },
    device: { type: "string", default: "cuda:0" },
    rows: { type: "string", default: "2,16,256" },
  },
});
const { device } = values;
const parts = values.part.split(",");
const rowCounts = values.rows.split(",").map(Number);

/** Microseconds of the device that one run of `fn` takes, recorded `times` times in one graph. */
function measure(fn, times) {
  return torch.scope(() => {
    const graph = new torch.cuda.Graph({ device, warmUp: 1 });
    graph.capture(() => {
      for (let i = 0; i < times; i++) torch.scope(() => void fn(i));
    });
    const [start, end] = [0, 1].map(() => new torch.cuda.Event({ timing: true }));
    let least = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 6; run++) {
      start.record();
      for (let i = 0; i < 4; i++) graph.replay();
      end.record();
      least = Math.min(least, start.elapsed(end) / 4);
    }
    graph.dispose();
    return (least * 1000) / times;
  });
}

const line = (...cells) => console.log(`| ${cells.join(" | ")} |`);
function report(what, rows, microseconds, bytes) {
  line(what, rows, microseconds.toFixed(2), bytes ? (bytes / microseconds / 1e3).toFixed(0) : "");
}
function header(title) {
  console.log(`\n${title}\n`);
  line("what", "rows", "us", "GB/s");
  line("---", "---", "---", "---");
}
/** A figure, or why there is none: the others are still wanted. */
function tried(what, rows, bytes, fn) {
  try {
    report(what, rows, fn(), bytes);
  } catch (error) {
    process.exitCode = 1;
    line(what, rows, String(error.message).split("\n")[0].slice(0, 150), "");
  }
}

/** Whole steps, the first and the last third of an image's positions. */
function wholeSteps(model, preset) {
  const { config } = model;
  header(`${preset}: whole steps; bytes are of weights and the cache so far`);
  for (const rows of rowCounts) {
    const conditions = Int32Array.from({ length: rows / 2 }, (_, i) => config.codebookSize + 1 + (i % 1000));
    const time = (name, make, between) =>
      tried(name, rows, stepBytes(config, rows, (between[0] + between[1]) / 2), () => {
        const stepper = make();
        const modulations = new Modulations(model, rowConditions(config, conditions, true));
        try {
          return torch.scope(() => {
            const one = (n) => torch.full([1], n, { device, dtype: "int64" });
            const [where, next] = [one(2), one(3)];
            const content = torch.zeros([rows / 2, 1], { device, dtype: "int64" });
            const run = (position) =>
              torch.scope(() => void stepper.run({ content, where, next, modulations }, position));
            run(between[0]); // records
            run(between[1]);
            const [start, end] = [0, 1].map(() => new torch.cuda.Event({ timing: true }));
            run(between[0]);
            torch.cuda.synchronize(device);
            // between chunks of the modulation
            start.record();
            let count = 0;
            for (let position = between[0]; position < between[1]; position++, count++) run(position);
            end.record();
            return (start.elapsed(end) * 1000) / count;
          });
        } finally {
          stepper.dispose();
          modulations.dispose();
        }
      });
    const kernels = (tuning) => () =>
      new KernelStepper(
        model,
        rows,
        stepKernels(config, dtype, device, rows, config.tokens + 1, torch.cuda.compileKernels, tuning),
        recordGraph(device),
      );
    const last = config.tokens;
    for (const between of [
      [1, Math.min(32, last)],
      [Math.max(1, last - 24), last],
    ]) {
      const where = `positions ${between.join(" to ")}`;
      time(`kernels, ${where}`, kernels(), between);
      time(`kernels one after the other, ${where}`, kernels({ dependent: false }), between);
      time(`operators, ${where}`, () => new StaticStepper(model, rows, recordGraph(device)), between);
    }
  }
}

/** Tensors that the kernels of one step read and write. */
function buffers(config, rows) {
  const room = (shape, type = dtype) => torch.to(torch.randn(shape, { device }), { dtype: type });
  const d = headWidth(config);
  return {
    state: torch.zeros([2], { device, dtype: "int32" }),
    table: room([2, 33, modulationParts(config), config.width]),
    condition: torch.zeros([rows], { device, dtype: "int64" }),
    x: room([rows, config.width], "float32"),
    cache: Array.from({ length: Math.min(config.depth, 8) }, () => ({
      k: room([rows, config.heads, config.tokens + 1, d]),
      v: room([rows, config.heads, config.tokens + 1, d]),
    })),
    attended: room([rows, config.width]),
    qkv: room([rows, 3 * config.width]),
    hidden: room([rows, config.mlpWidth]),
    logits: room([rows, config.codebookSize], "float32"),
  };
}

const cutOf = (config) => ({
  qkvLinear: [config.width, 3 * config.width],
  projLinear: [config.width, config.width],
  fc1Linear: [config.width, config.mlpWidth],
  fc2Linear: [config.mlpWidth, config.width],
});

function fewLaunch(name, { weights }, few, b) {
  const modulation = [b.table, b.condition, b.state];
  const calls = {
    qkvLinear: (w) => few.qkvLinear(true, b.x, ...modulation, 1, 0, w.qkv.weight, w.qkv.bias, b.qkv),
    projLinear: (w) => few.projLinear(true, b.attended, b.x, ...modulation, 2, w.proj.weight, w.proj.bias),
    fc1Linear: (w) => few.fc1Linear(true, b.x, ...modulation, 4, 3, w.fc1.weight, w.fc1.bias, b.hidden),
    fc2Linear: (w) => few.fc2Linear(true, b.hidden, b.x, ...modulation, 5, w.fc2.weight, w.fc2.bias),
  };
  return (i) => calls[name](weights.blocks[i % weights.blocks.length]);
}

function attentionPieces(model, preset) {
  const { config } = model;
  const d = headWidth(config);
  for (const rows of rowCounts)
    torch.scope(() => {
      const b = buffers(config, rows);
      const [w] = model.weights.blocks;
      for (const ahead of [4, 8])
        for (const length of [33, 129, config.tokens + 1]) {
          if (length > config.tokens + 1) continue;
          const bytes = 4 * rows * config.width * length;
          tried(`${preset}: attention over ${length}, ${ahead} loads ahead`, rows, bytes, () => {
            const { run } = stepKernels(
              ...[config, dtype, device, rows, config.tokens + 1, torch.cuda.compileKernels],
              { attentionAhead: ahead },
            );
            torch.copy_(b.state, torch.tensor(Int32Array.of(length - 1, 0), { device }));
            const launch = (i) => {
              const { k, v } = b.cache[i % b.cache.length];
              const norms = [w.qScaled.weight, w.qScaled.bias, w.kNorm.weight, w.kNorm.bias];
              run.attention(rows * config.heads, i > 0, b.qkv, ...norms, k, v, b.state, b.attended);
            };
            return measure(launch, 32);
          });
        }
      const q = torch.narrow(b.cache[0].k, 2, 0, 1);
      const span = config.tokens;
      const mask = torch.zeros([1, 1, 1, span], { device, dtype });
      tried(`${preset}: PyTorch's attention over ${span}, d ${d}`, rows, 4 * rows * config.width * span, () =>
        measure((i) => {
          const { k, v } = b.cache[i % b.cache.length];
          const [keys, all] = [k, v].map((x) => torch.narrow(x, 2, 0, span));
          torch.scaled_dot_product_attention(q, keys, all, mask, 0, false, { scale: 1 });
        }, 32),
      );
    });
}

function pieces(model, preset) {
  const { config, weights } = model;
  header(`${preset}: pieces`);
  const layer = { qkvLinear: "qkv", projLinear: "proj", fc1Linear: "fc1", fc2Linear: "fc2" };
  for (const rows of [...new Set([2, 4, ...rowCounts])])
    torch.scope(() => {
      const b = buffers(config, rows);
      const { run, few } = stepKernels(
        config,
        dtype,
        device,
        rows,
        config.tokens + 1,
        torch.cuda.compileKernels,
      );
      for (const [name, [inputs, outputs]] of Object.entries(cutOf(config))) {
        const bytes = 2 * inputs * outputs;
        if (few) tried(`${name}, ours`, rows, bytes, () => measure(fewLaunch(name, model, few, b), 64));
        const x = torch.to(torch.randn([rows, inputs], { device }), { dtype });
        tried(`${name}, cuBLAS`, rows, bytes, () =>
          measure((i) => {
            const w = weights.blocks[i % config.depth][layer[name]];
            torch.linear(x, w.weight, w.bias);
          }, 64),
        );
      }
      const y = torch.to(torch.randn([rows, config.width], { device }), { dtype });
      tried("normalize, ours", rows, 0, () =>
        measure(
          () => run.normalize(rows, true, b.x, y, b.table, b.condition, b.state, 2, 1, 0, b.attended),
          64,
        ),
      );
      tried("gelu", rows, 0, () => measure(() => torch.gelu(b.hidden), 64));
    });
  attentionPieces(model, preset);
}

/** The linear layers of two rows, cut in other ways. */
function tuning(model, preset) {
  const { config } = model;
  header(`${preset}: two rows, linear layers cut in other ways`);
  torch.scope(() => {
    const b = buffers(config, 2);
    for (const linearThreads of [128, 256, 512])
      for (const each of [1, 2, 4])
        for (const more of [1, 2]) {
          const all = Object.keys(cutOf(config));
          const split = { qkvLinear: more, projLinear: 2 * more, fc1Linear: more, fc2Linear: 4 * more };
          if (linearThreads / 32 < 4 * more) continue;
          const cut = { linearThreads, each: Object.fromEntries(all.map((name) => [name, each])), split };
          let kernels;
          try {
            kernels = stepKernels(
              config,
              dtype,
              device,
              2,
              config.tokens + 1,
              torch.cuda.compileKernels,
              cut,
            );
          } catch (error) {
            line(`${linearThreads} threads, ${each} each`, 2, error.message.split("\n")[0], "");
            continue;
          }
          for (const [name, [inputs, outputs]] of Object.entries(cutOf(config)))
            tried(
              `${name}, ${linearThreads} threads, ${each} outputs a warp, split ${split[name]}`,
              2,
              2 * inputs * outputs,
              () => measure(fewLaunch(name, model, kernels.few, b), 64),
            );
        }
  });
}

console.log(JSON.stringify(torch.cuda.properties(device)));
torch.allowTF32(false);
torch.inferenceMode(() => {
  for (const preset of values.presets.split(",")) {
    const model = randomModel(presetNamed(preset).generator, device);
    if (parts.includes("steps")) wholeSteps(model, preset);
    if (parts.includes("pieces")) pieces(model, preset);
    if (parts.includes("tuning")) tuning(model, preset);
    model.dispose();
  }
});
