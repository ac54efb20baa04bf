import { describe, expect, it } from "vitest";
import { speedAdvice } from "./advice.js";

const lib = "/usr/lib/x86_64-linux-gnu";

describe("speedAdvice", () => {
  it("has nothing to say of one good BLAS and one OpenMP", () => {
    const openmp = `${lib}/openblas-openmp`;
    const debian = [`${openmp}/libblas.so.3`, `${openmp}/libopenblasp-r0.3.21.so`, `${lib}/libgomp.so.1.0.0`];
    expect(speedAdvice(debian)).toEqual([]);
    expect(speedAdvice(["/python/torch/lib/libtorch_cpu.so", "/python/torch/lib/libgomp.so.1"])).toEqual([]);
    expect(speedAdvice([])).toEqual([]);
  });

  it.each([
    [[`${lib}/blas/libblas.so.3.11.0`, `${lib}/libgomp.so.1.0.0`], /reference BLAS.*libopenblas0-openmp/],
    [[`${lib}/openblas-pthread/libblas.so.3`, `${lib}/libgomp.so.1.0.0`], /two pools.*libopenblas0-openmp/],
    [["/python/torch/lib/libgomp.so.1", `${lib}/libomp.so.5`], /2 OpenMP libraries.*libomp\.so\.5/],
  ])("warns of %j", (libraries, sentence) => {
    const advice = speedAdvice(libraries);
    expect(advice).toHaveLength(1);
    expect(advice[0]).toMatch(sentence);
  });
});
