/** Whether libtorch was set up here. A build that does not load is a failure, not a reason to skip. */
import { checkSetUp, LibtorchMissingError, setThreads } from "libtorch";

export const haveLibtorch = ((): boolean => {
  try {
    checkSetUp();
    // Threads that wait for each other by spinning make a busy machine ten times slower.
    setThreads(1);
    return true;
  } catch (error) {
    if (!(error instanceof LibtorchMissingError)) throw error;
    console.log("skipped: suites of the torch engine, for libtorch is not set up (npm run setup)");
    return false;
  }
})();
