// Two tensors, their sum, and a gradient.   node examples/sum.mjs
import { add, backward, mul, numbers, scope, sum, tensor } from "libtorch";

scope(() => {
  const x = tensor([1, 2, 3, 4], { shape: [2, 2], requiresGrad: true });
  const y = tensor([10, 20]); // added to every row
  const z = add(mul(x, x), y);
  console.log(`x * x + y = ${numbers(z)}, shape [${z.shape}]`);

  const total = sum(z);
  backward(total);
  console.log(`sum = ${numbers(total)}, its gradient 2x = ${numbers(x.grad)}`);
}); // everything made inside is freed here
