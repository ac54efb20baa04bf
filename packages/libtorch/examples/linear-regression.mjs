// Finds the line through noisy points.   node examples/linear-regression.mjs [--steps 200]
import { parseArgs } from "node:util";
import * as torch from "libtorch";

const { values } = parseArgs({ options: { steps: { type: "string", default: "200" } } });
torch.manualSeed(0);

// points near y = 3x - 2
const x = torch.randn([256, 1]);
const y = torch.scope(() => torch.add(torch.add(torch.mul(x, 3), -2), torch.mul(torch.randn([256, 1]), 0.1)));

// made outside of every scope, so they live until the program ends
const weight = torch.zeros([1, 1]);
const bias = torch.zeros([1]);
weight.requiresGrad = bias.requiresGrad = true;
const optimizer = new torch.AdamW({ weight, bias }, { lr: 0.1, weightDecay: 0 });

for (let step = 0; step < Number(values.steps); step++) {
  torch.scope(() => {
    optimizer.zeroGrad();
    const loss = torch.mse_loss(torch.linear(x, weight, bias), y);
    torch.backward(loss);
    optimizer.step();
    if (step % 50 === 0) console.log(`step ${step}  loss ${torch.item(loss).toFixed(4)}`);
  });
}

const loss = torch.scope(() =>
  torch.item(torch.noGrad(() => torch.mse_loss(torch.linear(x, weight, bias), y))),
);
console.log(
  `y = ${torch.item(weight).toFixed(2)} x + ${torch.item(bias).toFixed(2)}, loss ${loss.toFixed(4)}`,
);
