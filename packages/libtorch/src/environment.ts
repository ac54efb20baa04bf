/** Settings of thread pools that must be in place before libtorch is loaded. */

/**
 * Sets the variables that a thread pool reads when its library is loaded, where the user has not set them.
 *
 * The threads of an OpenMP pool wait for each other after every operator. By default they wait by spinning, for
 * milliseconds. Where there are fewer free cores than threads, as on a shared machine, or beside OpenBLAS's own pool
 * in Debian's build, a waiting thread keeps the core from the one it waits for: two threads then take 5 to 20
 * times as long as one. Threads that sleep while they wait are never much worse than one thread.
 *
 * Must be called on the main thread: a worker's `process.env` is a copy that C does not see.
 */
export function prepareEnvironment(): void {
  process.env.OMP_WAIT_POLICY ??= "passive";
}
