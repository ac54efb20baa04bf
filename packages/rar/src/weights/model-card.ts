/** The README.md of a model folder. */
import type { ModelLocation } from "./model-folder-location.js";

/** A first model card, for people to go on with. */
export function modelCard({
  name,
  origins,
  generator,
  tokenizer,
  sampling,
  classNames,
}: Pick<ModelLocation, "name" | "origins" | "generator" | "tokenizer" | "sampling" | "classNames">): string {
  const rows = [
    generator &&
      `- generator: ${generator.depth} blocks of width ${generator.width}, ${generator.tokens} tokens an image, ${generator.classes} classes`,
    tokenizer &&
      `- tokenizer: ${tokenizer.codebookSize} codes, images of ${tokenizer.resolution} x ${tokenizer.resolution}`,
    `- sampling: temperature ${sampling.temperature}, guidance ${sampling.guidanceScale}, power ${sampling.guidanceScalePow}`,
    ...Object.entries(origins).flatMap(([part, origin]) =>
      origin ? `- ${part} from ${origin.replace(/^.*[\\/](?=[^\\/]+$)/, "")}` : [],
    ),
    classNames.names.length > 0 && classNames.wordnet === undefined && "- class names: classes.txt",
  ];
  return `# ${name}\n\nA RAR model for rarity (Yu et al. 2024, arXiv 2411.00776).\n\n${rows.filter(Boolean).join("\n")}\n`;
}
