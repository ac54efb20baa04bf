/** Model folders for tests of whole programs: recorded ones where they are at hand, else random weights. */
import { join } from "node:path";
import { init } from "../cli/init.js";
import { fixture } from "./fixtures.js";

/** 16 x 16 pictures of 4 x 4 codes, random weights. */
export async function tinyFolder(parent: string): Promise<string> {
  const folder = join(parent, "tiny");
  await init({ folder, preset: "debug", seed: 4, randomModulation: true, tokenizer: true, overrides: [] });
  return folder;
}

/** As large as the embedded models: 6 blocks of width 192, 32 x 32 pictures of 8 x 8 codes. */
export async function embeddedSizeFolder(parent: string): Promise<string> {
  const recorded = fixture("cifar10") ?? fixture("emoji");
  if (recorded) return recorded;
  const folder = join(parent, "embedded-size");
  const generator = {
    hidden_size: 192,
    num_hidden_layers: 6,
    num_attention_heads: 6,
    intermediate_size: 768,
    image_seq_len: 64,
    condition_num_classes: 10,
  };
  const tokenizer = {
    codebook_size: 512,
    token_size: 64,
    num_latent_tokens: 64,
    channel_mult: "[2,2,2]",
    num_resolutions: 3,
    hidden_channels: 32,
    num_res_blocks: 1,
    resolution: 32,
    z_channels: 64,
  };
  const overrides = [
    ...Object.entries(generator).map(([key, value]) => `model.generator.${key}=${value}`),
    ...Object.entries(tokenizer).map(([key, value]) => `model.vq_model.${key}=${value}`),
  ];
  await init({ folder, preset: "debug", seed: 4, randomModulation: true, tokenizer: true, overrides });
  return folder;
}
