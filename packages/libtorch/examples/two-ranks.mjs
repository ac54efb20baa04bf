// Two processes train one model, each with half of every batch.   node examples/two-ranks.mjs [--steps 200]
// Under a launcher that sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT (torchrun --no-python ...) it is one of the ranks.
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import * as torch from "libtorch";

const { values } = parseArgs({ options: { steps: { type: "string", default: "200" } } });
if (process.env.RANK === undefined) startRanks(2);
else train(Number(values.steps));

function startRanks(count) {
  const port = String(20_000 + Math.floor(Math.random() * 10_000));
  for (let rank = 0; rank < count; rank++) {
    const place = { RANK: `${rank}`, WORLD_SIZE: `${count}`, MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
    const child = fork(process.argv[1], process.argv.slice(2), { env: { ...process.env, ...place } });
    child.on("exit", (code) => {
      if (code !== 0) process.exitCode = 1;
    });
  }
}

function train(steps) {
  const { DistributedGradients, initProcessGroup, rank, worldSize } = torch.distributed;
  initProcessGroup({ timeoutSeconds: 60 });
  torch.setThreads(1);
  torch.manualSeed(rank()); // other data on each rank

  const parameters = [torch.randn([64, 2]), torch.zeros([64]), torch.zeros([1, 64]), torch.zeros([1])];
  for (const x of parameters) x.requiresGrad = true;
  const [up, upBias, down, downBias] = parameters;
  const gradients = new DistributedGradients(parameters); // all ranks have rank 0's parameters now
  const optimizer = new torch.AdamW(parameters, { lr: 0.01 });

  for (let step = 0; step < steps; step++) {
    torch.scope(() => {
      const x = torch.randn([64, 2]);
      const wanted = torch.sum(torch.mul(x, x), [1], true); // [64, 1]
      const y = torch.linear(torch.relu(torch.linear(x, up, upBias)), down, downBias);
      const loss = torch.mse_loss(y, wanted);
      optimizer.zeroGrad();
      torch.backward(loss);
      gradients.average();
      optimizer.step();
      if (rank() === 0 && step % 50 === 0)
        console.log(`step ${step}  loss of rank 0 ${torch.item(loss).toFixed(4)}`);
    });
  }
  const trace = torch.scope(() => torch.item(torch.sum(torch.abs(up))));
  console.log(`rank ${rank()} of ${worldSize()}: sum of weights ${trace}`); // the same on all
}
