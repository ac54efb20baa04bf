// One RAR-B block, forward and backward: prints milliseconds of each run, the peak of resident memory above the start
// in MB, and a checksum, as JSON. block.py is its peer.   node block.mjs ATTENTION RUNS THREADS
import { readFileSync } from "node:fs";
import * as torch from "libtorch";

const { add, chunk, linear, mul, scope } = torch;
const [attentionKind, runs, threads] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const [B, T, C, H] = [8, 258, 768, 16];
torch.setThreads(threads);
torch.manualSeed(0);

/** Written by the system as pages are touched; resident memory now, and its highest so far. */
const resident = (field) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1e3;

const weight = (...shape) => {
  const w = torch.mul_(torch.randn(shape), 0.02);
  w.requiresGrad = true;
  return w;
};
const w = {
  adaLN: [weight(6 * C, C), weight(6 * C)],
  norm1: [weight(C), weight(C)],
  qkv: [weight(3 * C, C), weight(3 * C)],
  qNorm: [weight(C / H), weight(C / H)],
  kNorm: [weight(C / H), weight(C / H)],
  proj: [weight(C, C), weight(C)],
  norm2: [weight(C), weight(C)],
  fc1: [weight(4 * C, C), weight(4 * C)],
  fc2: [weight(C, 4 * C), weight(C)],
};
const parameters = Object.values(w).flat();
const x = torch.randn([B, T, C]);
const c = torch.randn([B, T, C]);
x.requiresGrad = c.requiresGrad = true;
const future = torch.triu(torch.full([T, T], Number.NEGATIVE_INFINITY), 1);

const norm = (x, affine) => torch.layer_norm(x, [x.shape.at(-1)], ...affine, 1e-6);
const modulate = (x, affine, shift, scale) => scope(() => add(mul(norm(x, affine), add(scale, 1)), shift)); // [B, T, C]

function attention(x) {
  return scope(() => {
    const qkv = torch.permute(torch.reshape(linear(x, ...w.qkv), [B, T, 3, H, C / H]), [2, 0, 3, 1, 4]);
    const [q, k, v] = torch.unbind(qkv); // [B, H, T, D]
    const out = weigh(norm(q, w.qNorm), norm(k, w.kNorm), v);
    return linear(torch.reshape(torch.transpose(out, 1, 2), [B, T, C]), ...w.proj);
  });
}

function weigh(q, k, v) {
  if (attentionKind === "fused") return torch.scaled_dot_product_attention(q, k, v, null, 0, true);
  return scope(() => {
    const raw = torch.matmul(q, torch.transpose(k, -2, -1)); // [B, H, T, T], the largest there are
    const scores = mul(raw, (C / H) ** -0.5);
    raw.dispose();
    const masked = add(scores, future);
    scores.dispose();
    const probabilities = torch.softmax(masked, -1);
    masked.dispose();
    return torch.matmul(probabilities, v);
  });
}

const mlp = (x) => scope(() => linear(torch.gelu(linear(x, ...w.fc1)), ...w.fc2));

function block(x, c) {
  return scope(() => {
    const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = chunk(linear(torch.silu(c), ...w.adaLN), 6, -1);
    const h = scope(() => add(x, mul(gateA, attention(modulate(x, w.norm1, shiftA, scaleA)))));
    return scope(() => add(h, mul(gateM, mlp(modulate(h, w.norm2, shiftM, scaleM)))));
  });
}

const start = resident("VmRSS");
const times = [];
let checksum;
for (let run = 0; run < runs; run++) {
  for (const p of [x, c, ...parameters]) p.grad = null;
  const began = performance.now();
  scope(() => torch.backward(torch.sum(block(x, c))));
  times.push(performance.now() - began);
  checksum = scope(() => torch.item(torch.sum(torch.mul(x.grad, x.grad))));
}
console.log(JSON.stringify({ times, peak: resident("VmHWM") - start, start, checksum }));
