// Some SGD steps of a two-layer network, each rank with its part of the batch; prints the parameters as JSON.
// usage: training.mjs plain | noSync | blocks | unused
import {
  backward,
  distributed,
  keep,
  liveTensors,
  matmul,
  mean,
  mul,
  noGrad,
  numbers,
  relu,
  scope,
  sub,
  sub_,
  tensor,
} from "libtorch";

const { DistributedGradients, initProcessGroup, rank, worldSize } = distributed;
const [mode] = process.argv.slice(2);
const alone = !process.env.WORLD_SIZE;
if (!alone) initProcessGroup({ backend: "gloo", timeoutSeconds: 20 });

const [inputs, hidden, outputs, batch] = [5, 16, 3, 12];
const wave = (length, seed) => Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i));
// Other numbers on each rank, until rank 0's are broadcast.
const parameter = (rows, columns, seed) =>
  keep(tensor(wave(rows * columns, seed + 100 * rank()), { shape: [rows, columns], requiresGrad: true }));
const first = parameter(inputs, hidden, 1);
const second = parameter(hidden, outputs, 2);
const offset = parameter(1, outputs, 3); // used for the first half of the batch only
const never = parameter(2, 2, 4);
const parameters = [first, second, offset, never];
// Several buckets, although there are few numbers.
const gradients = new DistributedGradients(parameters, { firstBucketBytes: 20, bucketBytes: 100 });

const square = (x) => mul(x, x);
const piecesOfRank = mode === "noSync" || (mode === "unused" && alone) ? 2 : 1;
const rows = batch / worldSize() / piecesOfRank;
let underWay = 0;

/** Backward of the mean loss of one piece of the batch. */
function learn(x, y, piece) {
  const start = (rank() * piecesOfRank + piece) * rows;
  const cut = (whole, columns) =>
    tensor(whole.slice(start * columns, (start + rows) * columns), { shape: [rows, columns] });
  const middle = relu(matmul(cut(x, inputs), first));
  const loss = (middle) => {
    const out = matmul(middle, second);
    const moved = mode === "unused" && start < batch / 2 ? sub(out, offset) : out;
    return mul(mean(square(sub(moved, cut(y, outputs)))), 1 / piecesOfRank);
  };
  if (mode !== "blocks") return backward(loss(middle));
  // As checkpoints do: the second layer's backward, then the first layer's.
  const leaf = tensor(middle.data(), { shape: middle.shape, requiresGrad: true });
  backward(loss(leaf));
  underWay = gradients.underWay;
  backward(middle, { gradients: [leaf.grad] });
}

const before = liveTensors().count;
for (let step = 0; step < 10; step++)
  scope(() => {
    const [x, y] = [wave(batch * inputs, step), wave(batch * outputs, step + 50)];
    for (let piece = 0; piece < piecesOfRank - 1; piece++) gradients.noSync(() => learn(x, y, piece));
    learn(x, y, piecesOfRank - 1);
    gradients.average();
    noGrad(() => {
      for (const p of parameters) {
        if (p.grad) sub_(p, mul(p.grad, 0.1));
        p.grad = null;
      }
    });
  });
const leaked = liveTensors().count - before;
gradients.dispose();
console.log(JSON.stringify({ rank: rank(), underWay, leaked, parameters: parameters.map(numbers) }));
