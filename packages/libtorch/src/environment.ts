/** Settings of thread pools that must be in place before libtorch is loaded. */
export function prepareEnvironment(): void {}
