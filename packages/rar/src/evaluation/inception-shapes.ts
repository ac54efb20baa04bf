/** Names and shapes of Inception's weights as in the published file (EVALUATION 4). */

type Unit = readonly [name: string, input: number, output: number, height: number, width: number];

const block5 = (name: string, input: number, pool: number): Unit[] => [
  [`${name}.branch1x1`, input, 64, 1, 1],
  [`${name}.branch5x5_1`, input, 48, 1, 1],
  [`${name}.branch5x5_2`, 48, 64, 5, 5],
  [`${name}.branch3x3dbl_1`, input, 64, 1, 1],
  [`${name}.branch3x3dbl_2`, 64, 96, 3, 3],
  [`${name}.branch3x3dbl_3`, 96, 96, 3, 3],
  [`${name}.branch_pool`, input, pool, 1, 1],
];
const block6 = (name: string, k: number): Unit[] => [
  [`${name}.branch1x1`, 768, 192, 1, 1],
  [`${name}.branch7x7_1`, 768, k, 1, 1],
  [`${name}.branch7x7_2`, k, k, 1, 7],
  [`${name}.branch7x7_3`, k, 192, 7, 1],
  [`${name}.branch7x7dbl_1`, 768, k, 1, 1],
  [`${name}.branch7x7dbl_2`, k, k, 7, 1],
  [`${name}.branch7x7dbl_3`, k, k, 1, 7],
  [`${name}.branch7x7dbl_4`, k, k, 7, 1],
  [`${name}.branch7x7dbl_5`, k, 192, 1, 7],
  [`${name}.branch_pool`, 768, 192, 1, 1],
];
const block7 = (name: string, input: number): Unit[] => [
  [`${name}.branch1x1`, input, 320, 1, 1],
  [`${name}.branch3x3_1`, input, 384, 1, 1],
  [`${name}.branch3x3_2a`, 384, 384, 1, 3],
  [`${name}.branch3x3_2b`, 384, 384, 3, 1],
  [`${name}.branch3x3dbl_1`, input, 448, 1, 1],
  [`${name}.branch3x3dbl_2`, 448, 384, 3, 3],
  [`${name}.branch3x3dbl_3a`, 384, 384, 1, 3],
  [`${name}.branch3x3dbl_3b`, 384, 384, 3, 1],
  [`${name}.branch_pool`, input, 192, 1, 1],
];

/** Every convolution with its batch norm. */
const units: readonly Unit[] = [
  ["Conv2d_1a_3x3", 3, 32, 3, 3],
  ["Conv2d_2a_3x3", 32, 32, 3, 3],
  ["Conv2d_2b_3x3", 32, 64, 3, 3],
  ["Conv2d_3b_1x1", 64, 80, 1, 1],
  ["Conv2d_4a_3x3", 80, 192, 3, 3],
  ...block5("Mixed_5b", 192, 32),
  ...block5("Mixed_5c", 256, 64),
  ...block5("Mixed_5d", 288, 64),
  ["Mixed_6a.branch3x3", 288, 384, 3, 3],
  ["Mixed_6a.branch3x3dbl_1", 288, 64, 1, 1],
  ["Mixed_6a.branch3x3dbl_2", 64, 96, 3, 3],
  ["Mixed_6a.branch3x3dbl_3", 96, 96, 3, 3],
  ...block6("Mixed_6b", 128),
  ...block6("Mixed_6c", 160),
  ...block6("Mixed_6d", 160),
  ...block6("Mixed_6e", 192),
  ["Mixed_7a.branch3x3_1", 768, 192, 1, 1],
  ["Mixed_7a.branch3x3_2", 192, 320, 3, 3],
  ["Mixed_7a.branch7x7x3_1", 768, 192, 1, 1],
  ["Mixed_7a.branch7x7x3_2", 192, 192, 1, 7],
  ["Mixed_7a.branch7x7x3_3", 192, 192, 7, 1],
  ["Mixed_7a.branch7x7x3_4", 192, 192, 3, 3],
  ...block7("Mixed_7b", 1280),
  ...block7("Mixed_7c", 2048),
];

/** Names of the 94 convolutions. */
export const inceptionUnits: readonly string[] = units.map(([name]) => name);

/** All 472 tensors, sorted by name. */
export const inceptionShapes: ReadonlyMap<string, readonly number[]> = new Map(
  [
    ...units.flatMap(([name, input, output, height, width]): [string, number[]][] => [
      [`${name}.conv.weight`, [output, input, height, width]],
      ...["weight", "bias", "running_mean", "running_var"].map((part): [string, number[]] => [
        `${name}.bn.${part}`,
        [output],
      ]),
    ]),
    ["fc.weight", [1008, 2048]] as [string, number[]],
    ["fc.bias", [1008]] as [string, number[]],
  ].sort(([a], [b]) => (a < b ? -1 : 1)),
);
