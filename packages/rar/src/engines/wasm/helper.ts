/** A helping thread: holds each generator's kernels and runs its share of every step it is told of. */
import { parentPort } from "node:worker_threads";
import { instantiate, type Kernels } from "./kernels.js";
import { StepThread } from "./step.js";
import type { SharedGenerator, TeamMessage } from "./team.js";

const generators = new Map<number, SharedGenerator & { readonly kernels: Kernels }>();
const sessions = new Map<number, StepThread>();

parentPort?.on("message", (message: TeamMessage) => {
  switch (message.kind) {
    case "load": {
      const { generator } = message;
      const kernels = instantiate(generator.module, generator.memory);
      generators.set(generator.id, { ...generator, kernels });
      return;
    }
    case "release":
      generators.delete(message.generator);
      return;
    case "open": {
      const { kernels, shape, weights } = generators.get(message.generator)!;
      sessions.set(message.id, new StepThread(kernels, shape, weights, message.session, message.thread));
      return;
    }
    case "close":
      sessions.delete(message.id);
      return;
    case "step":
      sessions.get(message.id)!.run(message.position, message.positions);
      return;
    default:
      message satisfies never;
  }
});
