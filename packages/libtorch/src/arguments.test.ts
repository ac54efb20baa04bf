/** What wrong calls are told. Nothing here may reach a kernel, change a mode for good, or leave a tensor behind. */
import { expect, it } from "vitest";
import { readList } from "../scripts/generate-operators.mjs";
import {
  add,
  add_,
  addmm,
  argmax,
  autocast,
  backward,
  cat,
  clamp,
  conv2d,
  cross_entropy_loss,
  embedding,
  empty,
  gelu,
  generatorState,
  hasOperator,
  index,
  item,
  keep,
  layer_norm,
  linear,
  manualSeed,
  masked_fill,
  matmul,
  mse_loss,
  numbers,
  ones,
  randint,
  scope,
  select,
  setGeneratorState,
  setThreads,
  softmax,
  stack,
  sum,
  type Tensor,
  tensor,
  to,
  topk,
  view,
  zeros,
} from "./index.js";
import * as operators from "./operators.js";
import { describeWithLibtorch } from "./testing/suite.js";

/** Any value where TypeScript wants another, as a JavaScript caller may pass it. */
// biome-ignore lint/suspicious/noExplicitAny: that is the point
const wrong = (value: unknown): any => value;

type Row = readonly [what: string, call: (x: Tensor) => unknown, error: RegExp | string];

/** Each call gets a float32 tensor [2, 3]. Errors are TypeErrors. */
// biome-ignore format: a table
const types: readonly Row[] = [
  ["NaN for an int", (x) => softmax(x, Number.NaN), /^softmax: argument "dim" must be a whole number below 2\^53, it is NaN \(self \[2, 3\] float32 cpu\)$/],
  ["infinity for an int", (x) => topk(x, Number.POSITIVE_INFINITY), /"k" must be a whole number below 2\^53, it is Infinity/],
  ["a fraction", (x) => softmax(x, 1.0000001), /"dim" must be a whole number below 2\^53, it is 1\.0000001/],
  ["an int beyond 2^53", (x) => select(x, 0, 2 ** 53), /"index" must be a whole number below 2\^53, it is 9007199254740992/],
  ["a fraction in a list", (x) => view(x, [1.5, 4]), /view: argument "size" must be a whole number below 2\^53, it is 1\.5/],
  ["NaN in a shape", () => zeros([2, Number.NaN]), /"size" must be a whole number below 2\^53, it is NaN/],
  ["a string for an int", (x) => softmax(x, wrong("1")), /"dim" must be a number, it is a string/],
  ["a bigint for an int", (x) => softmax(x, wrong(1n)), /"dim" must be a number, it is 1n/],
  ["a boolean for an int", (x) => softmax(x, wrong(true)), /"dim" must be a number, it is true/],
  ["a number for a boolean", (x) => sum(x, 1, wrong(1)), /"keepdim" must be true or false, it is 1/],
  ["a number for a string", (x) => gelu(x, { approximate: wrong(1) }), /"approximate" must be a string, it is 1/],
  ["a string for a scalar", (x) => masked_fill(x, x, wrong("0")), /"value" must be a number, it is a string/],
  ["a number where a list is wanted", (x) => view(x, wrong(6)), 'view: argument "size" must be an array, it is 6 (self [2, 3] float32 cpu)'],
  ["a number for a shape, as Python allows", () => ones(wrong(3)), /ones: argument "size" must be an array, it is 3/],
  ["a typed array for a list", (x) => view(x, wrong(Int32Array.of(3, 2))), /"size" must be an array, it is an object/],
  ["a string in a list", () => zeros([wrong("2")]), /"size" must be a number, it is a string/],
  ["one tensor where a list is wanted", (x) => cat(wrong(x)), "An array of tensors is wanted as tensors of cat, not Tensor."],
  ["null where it is not allowed", (x) => softmax(x, wrong(null)), /softmax: argument "dim" may not be null/],
  ["null in a list of tensors", (x) => cat([x, wrong(null)]), /cat: argument "tensors" may not hold null \(tensors\[0\] \[2, 3\] float32 cpu\)/],
  ["null for a tensor", (x) => matmul(x, wrong(null)), "A tensor is wanted as other of matmul, not null."],
  ["undefined for a tensor", (x) => matmul(x, wrong(undefined)), "A tensor is wanted as other of matmul, not undefined."],
  ["a number for a tensor", (x) => matmul(x, wrong(2)), "A tensor is wanted as other of matmul, not number 2."],
  ["a string for a tensor", (x) => linear(x, x, wrong("no")), 'A tensor is wanted as bias of linear, not "no".'],
  ["a typed array for a tensor", (x) => matmul(x, wrong(new Float32Array(3))), "A tensor is wanted as other of matmul, not Float32Array."],
  ["undefined in a list of tensors", (x) => stack(wrong([x, undefined, x])), "A tensor is wanted as tensors of stack, not undefined."],
  ["an object for a tensor or number", (x) => add(x, wrong({})), /add: argument "other" must be a number, it is an object/],
  ["a tensor for a number", (x) => masked_fill(x, x, wrong(x)), /"value" must be a number, it is an object/],
  ["a missing argument", (x) => wrong(layer_norm)(x), /layer_norm: argument "normalized_shape" is missing/],
  ["a wrong dtype", () => zeros([2], { dtype: wrong("float") }), /^"float" is no dtype: it must be one of uint8, int8/],
  ["a dtype called like a method of objects", () => zeros([2], { dtype: wrong("toString") }), /"toString" is no dtype/],
  ["a wrong memory format", (x) => empty([1], { memory_format: wrong("nhwc"), dtype: x.dtype }), '"nhwc" is no memory format: it must be one of contiguous, preserve, channels_last.'],
  ["a wrong reduction", (x) => mse_loss(x, x, wrong(2)), '"2" is no reduction: it must be one of none, mean, sum.'],
  ["a wrong device", () => zeros([2], { device: "gpu" }), 'zeros: argument "device" must be a device such as "cpu" or "cuda:0", it is "gpu"'],
  ["a device with a wrong number", (x) => to(x, { device: "cuda:x" }), /"device" must be a device such as/],
  ["options by position", (x) => add(x, x, wrong(2)), "add takes its last arguments by name: { alpha }, not number 2."],
  ["null for options", (x) => add(x, x, wrong(null)), "add takes its last arguments by name: { alpha }, not null."],
  ["a tensor for options", (x) => addmm(x, x, x, wrong(x)), "addmm takes its last arguments by name: { beta, alpha }, not Tensor."],
  ["an unknown option", () => zeros([2], wrong({ type: "int64" })), 'zeros has no option "type": it takes dtype, device, pin_memory.'],
  ["a hidden argument as option", () => zeros([2], wrong({ layout: 0 })), /zeros has no option "layout"/],
  ["an option that is NaN", (x) => sum(x, 0, false, wrong({ dtype: Number.NaN })), /"NaN" is no dtype/],
  ["autocast to a larger type", (x) => autocast({ device: "cpu", dtype: "float64" }, () => matmul(x, x)), 'Autocast computes in bfloat16 or float16, not in "float64".'],
  ["text among numbers", () => tensor(wrong([1, "2"])), 'A tensor is made of numbers, booleans or bigints, not of "2".'],
  ["nothing to make a tensor of", () => tensor(wrong(undefined)), "A tensor is made of numbers, booleans or bigints, not of undefined."],
  ["a tensor of a tensor", (x) => tensor(wrong(x)), "A tensor is made of numbers, booleans or bigints, not of Tensor."],
  ["NaN among whole numbers", () => tensor([1, Number.NaN], { dtype: "int64" }), "NaN is no whole number, and the tensor's dtype is int64."],
  ["a fraction among whole numbers", () => tensor([0.5], { dtype: "uint8" }), "0.5 is no whole number, and the tensor's dtype is uint8."],
  ["bits of which float", () => tensor(new Uint16Array(2)), /pass dtype "float16" or "bfloat16"/],
  ["an array without a number type", () => tensor(wrong(new Uint32Array(2))), "Tensors have no number type like that of a Uint32Array."],
  ["a gradient of another shape", (x) => { x.grad = ones([3]); }, "Tensor([3], float32, cpu) cannot be the gradient of Tensor([2,3], float32, cpu)."],
  ["a gradient of another type", (x) => { x.grad = zeros([2, 3], { dtype: "float64" }); }, /float64, cpu\) cannot be the gradient/],
  ["a gradient that is no tensor", (x) => { x.grad = wrong(1); }, "A tensor is wanted here, not number 1."],
  ["keep of a number", () => keep(wrong(1)), "A tensor is wanted here, not number 1."],
  ["backward of a number", () => backward(wrong(1)), "A tensor is wanted here, not number 1."],
];

/** RangeErrors. */
// biome-ignore format: a table
const ranges: readonly Row[] = [
  ["a number that int64 cannot hold as a number", () => tensor([2 ** 53], { dtype: "int64" }), "9007199254740992 is beyond 2^53, where numbers lose digits: give it as a bigint."],
  ["a bigint beyond int64", () => tensor([2n ** 63n]), "9223372036854775808 is outside of the numbers that int64 holds."],
  ["a number beyond uint8", () => tensor([1, 256], { dtype: "uint8" }), "256 is outside of the numbers that uint8 holds."],
  ["a negative uint8", () => tensor([-1], { dtype: "uint8" }), "-1 is outside of the numbers that uint8 holds."],
  ["reading int64 beyond 2^53 as numbers", () => numbers(tensor([2n ** 53n + 1n])), /9007199254740993 is beyond 2\^53: read it with data\(\)/],
  ["rows of different lengths", () => tensor([[1, 2], [3]]), /rows of a nested array must all have the same length/],
  ["a row that is a number", () => tensor([[1], 2]), /rows of a nested array must all have the same length/],
  ["a shape for other numbers", () => tensor([1, 2, 3], { shape: [2, 2] }), "3 numbers do not fit the shape [2,2]."],
  ["a negative shape", () => tensor([1], { shape: [-1, -1] }), "1 numbers do not fit the shape [-1,-1]."],
  ["item of several", (x) => item(x), "item() takes a tensor with one value, this one is [2,3]."],
  ["a negative seed", () => manualSeed(-1), "A seed is a whole number, at least 0 and below 2^53; this is -1."],
  ["a seed that is a fraction", () => manualSeed(0.5), /this is 0\.5/],
  ["no threads", () => setThreads(0), "threads must be a whole number of at least 1, it is 0."],
  ["an empty list of inputs", (x) => backward(sum(x), { inputs: [] }), /backward\(\) was given no inputs/],
];

/** PyTorch's own sentences, with the operator and its operands. */
// biome-ignore format: a table
const native: readonly Row[] = [
  ["matmul", (x) => matmul(x, x), "matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3) (self [2, 3] float32 cpu, other [2, 3] float32 cpu)"],
  ["add", (x) => add(x, ones([2], { dtype: "int64" })), /^add: The size of tensor a \(3\) must match the size of tensor b \(2\) .* \(self \[2, 3\] float32 cpu, other \[2\] int64 cpu\)$/],
  ["a list", (x) => cat([x, ones([3]), x, x, x, x]), /^cat: .*\(tensors\[0\] \[2, 3\] float32 cpu, tensors\[1\] \[3\] float32 cpu, tensors\[2\] .*, tensors\[3\] \[2, 3\] float32 cpu, 2 more\)$/],
  ["view", (x) => view(x, [7]), "view: shape '[7]' is invalid for input of size 6 (self [2, 3] float32 cpu)"],
  ["conv2d", (x) => conv2d(x, x), /^conv2d: Expected 3D .* \(input \[2, 3\] float32 cpu, weight \[2, 3\] float32 cpu\)$/],
  ["an axis", (x) => argmax(x, 2), /^argmax: Dimension out of range \(expected to be in range of \[-2, 1\], but got 2\)/],
  ["a class", (x) => cross_entropy_loss(x, tensor([3n, 0n])), /^cross_entropy_loss: Target 3 is out of bounds\. \(self \[2, 3\] float32 cpu, target \[2\] int64 cpu\)/],
  ["an index", (x) => embedding(x, tensor([2n])), /^embedding: index out of range in self/],
  ["an index in a list with null", (x) => index(x, [null, tensor([3n])]), /^index: index 3 is out of bounds for dimension \d with size 3/],
  ["types", (x) => matmul(x, ones([3, 2], { dtype: "float64" })), /^matmul: .*\(self \[2, 3\] float32 cpu, other \[3, 2\] float64 cpu\)$/],
  ["nothing to clamp by", (x) => clamp(x), /^clamp: .*At least one of 'min' or 'max' must not be None/],
  ["an empty range", () => randint(3, 3, [1]), /^randint: random_ expects 'from' to be less than 'to'/],
  ["a device that is not there", () => zeros([2], { device: "hpu" }), /^zeros: .*(hpu|HPU)/],
  ["in place on a leaf", (x) => { x.requiresGrad = true; add_(x, 1); }, /^add_: a leaf Variable that requires grad .* \(self \[2, 3\] float32 cpu\)$/],
  ["whole numbers that require a gradient", () => tensor([1n], { requiresGrad: true }), /^Only Tensors of floating point .* can require gradients$/],
  ["backward of a matrix", (x) => { x.requiresGrad = true; backward(add(x, 1)); }, /^grad can be implicitly created only for scalar outputs$/],
  ["backward without a graph", (x) => backward(sum(x)), /^element 0 of tensors does not require grad and does not have a grad_fn$/],
  ["backward twice", (x) => { x.requiresGrad = true; const y = sum(matmul(x, view(x, [3, 2]))); backward(y); backward(y); }, /^Trying to backward through the graph a second time/],
  ["a state that is none", (x) => setGeneratorState(x), /^RNG state must be a torch\.ByteTensor$/],
  ["a generator of a device that is not there", () => generatorState("gpu"), /device type at start of device string: gpu/],
];

describeWithLibtorch("wrong calls", () => {
  const expectError = (kind: ErrorConstructor, [, call, message]: Row): void => {
    let caught: unknown;
    scope(() => {
      const x = ones([2, 3]);
      try {
        call(x);
      } catch (error) {
        caught = error;
      }
    });
    expect(caught).toBeInstanceOf(kind);
    const text = (caught as Error).message;
    if (typeof message === "string") expect(text).toBe(message);
    else expect(text).toMatch(message);
  };

  it.each(types)("TypeError: %s", (...row) => expectError(TypeError, row));
  it.each(ranges)("RangeError: %s", (...row) => expectError(RangeError, row));
  it.each(native)("PyTorch's error: %s", (...row) => expectError(Error, row));

  it("no error carries the C++ stack or advice to PyTorch's developers", () => {
    for (const [, call] of native)
      scope(() => {
        const x = ones([2, 3]);
        expect(() => call(x)).toThrow(
          expect.not.objectContaining({ message: expect.stringMatching(/\.cpp|frame #|Facebook/) }),
        );
      });
  });

  const names = readList().map(({ name }) => name);
  const all = operators as unknown as Record<string, (...args: unknown[]) => unknown>;

  it.each(names)("%s: too many arguments, and none", (name) => {
    const tooMany = new Array(30).fill(undefined);
    expect(() => all[name]!(...tooMany)).toThrow(
      new RegExp(`^${name} takes at most \\d+ arguments, not 30\\.$`),
    );
    expect(() => all[name]!()).toThrow(/is wanted as|is missing|needs a newer one/);
  });

  it.each(names)("%s: one argument more than it has", (name) => {
    const most = Number(/at most (\d+)/.exec(messageOf(() => all[name]!(...new Array(30)))!)![1]);
    expect(messageOf(() => all[name]!(...new Array(most + 1)))).toMatch(/takes at most/);
    expect(messageOf(() => all[name]!(...new Array(most)))).not.toMatch(/takes at most/);
  });

  it("a missing option", (context) => {
    if (!hasOperator("_fused_adamw_")) context.skip("needs a newer libtorch");
    scope(() => {
      const x = [ones([2])];
      expect(() => operators._fused_adamw_(x, x, x, x, [], x, wrong({ lr: 1 }))).toThrow(
        /^_fused_adamw_: argument "beta1" is missing/,
      );
    });
  });
});

function messageOf(fn: () => unknown): string | undefined {
  try {
    fn();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
