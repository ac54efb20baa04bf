// Joins the group and nothing else.
import { distributed } from "libtorch";

distributed.initProcessGroup({
  backend: process.env.TEST_BACKEND ?? "gloo",
  timeoutSeconds: Number(process.env.TEST_TIMEOUT ?? 20),
});
