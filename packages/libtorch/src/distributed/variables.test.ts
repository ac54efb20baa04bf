import { describe, expect, it } from "vitest";
import { placeFrom } from "./variables.js";

const usual = { RANK: "1", WORLD_SIZE: "4", LOCAL_RANK: "1", MASTER_ADDR: "10.0.0.1", MASTER_PORT: "29500" };

describe("placeFrom", () => {
  it("reads what torchrun sets", () => {
    const place = { rank: 1, worldSize: 4, localRank: 1, host: "10.0.0.1", port: 29500 };
    expect(placeFrom(usual)).toEqual({ ...place, launched: false, prefix: "libtorch" });
    expect(
      placeFrom({ ...usual, TORCHELASTIC_USE_AGENT_STORE: "True", TORCHELASTIC_RESTART_COUNT: "2" }),
    ).toEqual({ ...place, launched: true, prefix: "libtorch/2" });
    expect(placeFrom({ ...usual, LOCAL_RANK: undefined }).localRank).toBe(0);
  });

  it.each([
    [{ RANK: undefined }, "RANK is not set"],
    [{ WORLD_SIZE: "", MASTER_PORT: undefined }, "WORLD_SIZE, MASTER_PORT are not set"],
    [{ RANK: "4" }, "RANK is 4 and WORLD_SIZE 4: ranks go from 0 to WORLD_SIZE - 1."],
    [{ RANK: "-1" }, 'RANK must be a whole number from 0 to 9007199254740991, it is "-1".'],
    [{ RANK: "one" }, 'it is "one".'],
    [{ WORLD_SIZE: "0" }, 'WORLD_SIZE must be a whole number from 1 to 1000000, it is "0".'],
    [{ WORLD_SIZE: "2.5" }, 'it is "2.5".'],
    [{ LOCAL_RANK: "2" }, "LOCAL_RANK is 2 and RANK 1: a rank on one machine is never above"],
    [{ MASTER_PORT: "65536" }, 'MASTER_PORT must be a whole number from 1 to 65535, it is "65536".'],
  ])("refuses %j", (wrong, sentence) => {
    const read = () => placeFrom({ ...usual, ...wrong });
    expect(read).toThrow(RangeError);
    expect(read).toThrow(sentence);
  });
});
