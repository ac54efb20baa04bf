// The same through NCCL on CUDA tensors: sums, and the average of gradients. usage: nccl.mjs nccl | gloo
import { backward, distributed, mul, numbers, sum, tensor } from "libtorch";

const { allReduce, barrier, DistributedGradients, initProcessGroup, rank } = distributed;
const [backend] = process.argv.slice(2);
initProcessGroup({ backend, timeoutSeconds: 60 });
const device = backend === "nccl" ? "cuda" : "cpu";
const one = (options) => tensor([rank() + 1], options);
const weight = tensor([rank() + 5], { device, requiresGrad: true });
const gradients = new DistributedGradients([weight]);
backward(sum(mul(weight, one({ device }))));
gradients.average();
const seen = {
  sum: numbers(allReduce(one({ device }))),
  average: numbers(allReduce(one({ device }), "avg")),
  cpu: numbers(allReduce(one())),
  gradient: numbers(weight.grad),
};
barrier();
console.log(JSON.stringify(seen));
