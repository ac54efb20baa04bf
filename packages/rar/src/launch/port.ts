/** Ports of this machine. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { RarityError } from "../config/errors.js";

/** A port nobody listens on now; rank 0 does a moment later. */
export async function freePort(): Promise<number> {
  const server = await listen(createServer(), 0);
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** @throws {RarityError} `ranks` where another program listens there, or this one may not */
export async function listen(server: Server, port: number): Promise<Server> {
  server.listen(port);
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "another program listens there" : message;
    throw new RarityError(
      "ranks",
      `Cannot listen on port ${port}: ${why}. Choose another port for --master, the same on all nodes.`,
      { cause: error },
    );
  }
}
