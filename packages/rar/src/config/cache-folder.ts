/** Where this machine keeps what can be made or fetched again. */
import { homedir } from "node:os";
import { join } from "node:path";

/** A folder of `RARITY_CACHE`, else of the platform's cache folder; it may not exist yet. */
export function cacheFolder(name: string, env: NodeJS.ProcessEnv = process.env): string {
  if (env.RARITY_CACHE) return join(env.RARITY_CACHE, name);
  const base =
    process.platform === "win32"
      ? (env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"))
      : process.platform === "darwin"
        ? join(homedir(), "Library", "Caches")
        : (env.XDG_CACHE_HOME ?? join(homedir(), ".cache"));
  return join(base, "rarity", name);
}
