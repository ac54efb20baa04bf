/** Folders of a test, gone when it is over. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** A fresh folder of this test file, removed after its last test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rarity-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Keeps prepared models of this test file apart from the user's. Returns the folder RARITY_CACHE names. */
export function useTemporaryCache(): string {
  const folder = temporaryFolder();
  const before = process.env.RARITY_CACHE;
  beforeAll(() => {
    process.env.RARITY_CACHE = folder;
  });
  afterAll(() => {
    if (before === undefined) delete process.env.RARITY_CACHE;
    else process.env.RARITY_CACHE = before;
  });
  return folder;
}
