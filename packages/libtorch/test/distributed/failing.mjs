// Rank FAILING ends in some way between two operations; the others go on until they notice, and print when.
// usage: failing.mjs throw | reject | exit | close | kill | hang | cut | shapes | twice
import { execFileSync } from "node:child_process";
import { backward, distributed, mean, tensor, zeros } from "libtorch";

const { allReduceAsync, barrier, DistributedGradients, rank } = distributed;
const [how] = process.argv.slice(2);
distributed.initProcessGroup({ backend: "gloo", timeoutSeconds: 3 });
barrier();
const failing = rank() === Number(process.env.FAILING);

const parameter = tensor([1, 2], { shape: failing ? [2, 1] : [1, 2], requiresGrad: true });
if (how === "shapes") new DistributedGradients([parameter]);
if (how === "twice") {
  new DistributedGradients([parameter]);
  backward(mean(parameter));
  backward(mean(parameter));
}
if (failing) {
  if (how === "throw") throw new Error("the data is wrong");
  if (how === "reject") await Promise.reject(new Error("the data is wrong"));
  if (how === "exit") process.exit(3);
  if (how === "kill") process.kill(process.pid, "SIGKILL");
  if (how === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
  if (how === "cut") execFileSync("ip", ["link", "set", "lt-a", "down"]);
  if (how === "close") {
    distributed.closeProcessGroup();
    process.exit();
  }
}
const begin = Date.now();
try {
  // Several under way, as buckets of gradients are.
  const work = Array.from({ length: 5 }, () => allReduceAsync(zeros([100_000])));
  for (const one of work) one.wait();
} finally {
  console.log(JSON.stringify({ after: (Date.now() - begin) / 1000 }));
}
