/** Says once a test run which libtorch its suites use, or why those are skipped. Vitest calls it before the first test. */
import { buildRecord } from "../native.js";
import { libtorchMissing } from "./need-libtorch.js";

export default function announce(): void {
  const record = buildRecord();
  const used = process.env.LIBTORCH_ADDON ?? (record && `${record.version}, ${record.origin}`);
  console.log(
    libtorchMissing ? `Suites that need libtorch are skipped: ${libtorchMissing}` : `libtorch: ${used}`,
  );
}
