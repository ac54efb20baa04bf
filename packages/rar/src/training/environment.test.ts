import { expect, it } from "vitest";
import { firstHost, slurmVariables } from "./environment.js";

const step = {
  SLURM_JOB_ID: "4711",
  SLURM_STEP_ID: "0",
  SLURM_PROCID: "5",
  SLURM_LOCALID: "1",
  SLURM_NODEID: "1",
  SLURM_NTASKS: "7",
  SLURM_STEP_NUM_TASKS: "7",
  SLURM_STEP_TASKS_PER_NODE: "4,3",
  SLURM_JOB_NODELIST: "gpu[07-08]",
};

it("makes torchrun's variables of Slurm's", () => {
  expect(slurmVariables(step)).toEqual({
    RANK: "5",
    WORLD_SIZE: "7",
    LOCAL_RANK: "1",
    LOCAL_WORLD_SIZE: "3",
    NODE_RANK: "1",
    MASTER_ADDR: "gpu07",
    MASTER_PORT: "26041",
  });
  expect(slurmVariables({ ...step, SLURM_STEP_TASKS_PER_NODE: "8(x3)" }).LOCAL_WORLD_SIZE).toBe("8");
});

it("leaves what is set, and processes that another launcher started", () => {
  expect(slurmVariables({ ...step, MASTER_PORT: "29500" })).not.toHaveProperty("MASTER_PORT");
  expect(slurmVariables({ ...step, RANK: "0" })).toEqual({});
});

it.each([
  ["outside Slurm", {}],
  ["in a batch script, whose one process would wait for seven", { ...step, SLURM_STEP_ID: undefined }],
  ["in a step of one task", { ...step, SLURM_STEP_NUM_TASKS: "1" }],
])("adds nothing %s", (_, env) => expect(slurmVariables(env)).toEqual({}));

it.each([
  ["node1", "node1"],
  ["node1,node2", "node1"],
  ["gpu[07-12,15]-ib,login2", "gpu07-ib"],
  ["rack[2,4]n[08-09]", "rack2n08"],
  ["a-b[3]", "a-b3"],
])("finds the first host of %s", (list, first) => expect(firstHost(list)).toBe(first));
