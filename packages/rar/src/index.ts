/** What `import ... from "rarity"` gives. */
export type { GeneratorConfig, SamplingConfig, TokenizerConfig } from "./config/architecture.js";
export { type ErrorCode, RarityError } from "./config/errors.js";
export { decodeImage } from "./images/decode.js";
export { encodePng } from "./images/png.js";
export type { RgbImage } from "./images/rgb.js";
export { contactSheet } from "./images/sheet.js";
export * from "./pipeline.js";
