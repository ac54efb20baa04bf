/** Settings of thread pools that must be in place before libtorch is loaded. */

/**
 * Sets the variables that a thread pool reads when its library is loaded, where the user has not set them.
 *
 * The threads of an OpenMP pool wait for each other after every operator. By default they wait by spinning, for
 * milliseconds. Where there are fewer free cores than threads, as on a machine shared by several programs, or beside
 * OpenBLAS's own pool in Debian's build, a waiting thread keeps the core from the one it waits for: a step of 45 ms
 * with one thread took 0.6 to 8 s with two. With threads that sleep while they wait it took 25 ms alone and 80 to 190 ms
 * on a crowded machine. Beside a single other busy program it takes longer than by spinning (420 against 190 ms): only
 * one thread is steady there. On a machine of one's own, OMP_WAIT_POLICY=active may gain a few per cent.
 *
 * Must be called on the main thread: a worker's `process.env` is a copy that C does not see.
 */
export function prepareEnvironment(): void {
  process.env.OMP_WAIT_POLICY ??= "passive";
}
