/** Which stepper a model gets: kernels of our own where they can be compiled, else PyTorch's operators. */
import { cuda } from "libtorch";
import type { Recorder } from "../record.js";
import { EagerStepper, type MakeStepper, StaticStepper } from "../stepper.js";
import { stepKernels } from "./program.js";
import { KernelStepper } from "./stepper.js";

export interface StepperChoice {
  readonly kernels: boolean;
  /** Records graphs; undefined: operator by operator. */
  readonly record?: Recorder | undefined;
}

export function stepperMaker({ kernels, record }: StepperChoice): MakeStepper {
  let refused = !kernels;
  return (model, rows) => {
    if (!refused)
      try {
        const { config, dtype, device } = model;
        const compiled = stepKernels(config, dtype, device, rows, config.tokens + 1, cuda.compileKernels);
        return new KernelStepper(model, rows, compiled, record);
      } catch (error) {
        if (isMemory(error)) throw error;
        refused = true;
        process.emitWarning(
          `Steps run slower, by PyTorch's operators: ${(error as Error).message.split("\n")[0]}`,
        );
      }
    return record ? new StaticStepper(model, rows, record) : new EagerStepper(model, rows);
  };
}

const isMemory = (error: unknown): boolean => /out of memory/i.test((error as Error).message);
