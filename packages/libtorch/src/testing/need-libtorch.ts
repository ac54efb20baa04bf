/** Whether suites that need libtorch can run. Where it was set up and does not load, they run and fail. */
import { checkSetUp, LibtorchMissingError } from "../native.js";

function whyNot(): string | undefined {
  try {
    checkSetUp();
    return undefined;
  } catch (error) {
    if (error instanceof LibtorchMissingError) return error.message;
    throw error;
  }
}

/** Why they are skipped. */
export const libtorchMissing: string | undefined = whyNot();

/** For `describe.skipIf(withoutLibtorch)`. */
export const withoutLibtorch: boolean = libtorchMissing !== undefined;
