// Serves the test page on loopback, and restarts the broker when the page asks for it.
import { build } from "esbuild";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

export class PageServer {
  #server;

  // Requires: `restart` returns a promise.
  static async start(restart) {
    const page = fileURLToPath(new URL("page.mjs", import.meta.url));
    const bundle = await build({ entryPoints: [page], bundle: true, write: false, format: "iife",
                                 external: ["crypto", "stream/web"], logLevel: "error" });
    const script = bundle.outputFiles[0].text;
    const self = new PageServer();
    self.#server = createServer((request, response) => {
      if (request.method === "POST" && request.url === "/restart") {
        restart().then(() => response.end(),
                       (error) => response.writeHead(500).end(String(error)));
      } else if (request.url === "/page.js") {
        response.setHeader("Content-Type", "text/javascript").end(script);
      } else {
        response.setHeader("Content-Type", "text/html")
          .end('<!doctype html><meta charset="utf-8"><script src="/page.js"></script>');
      }
    });
    await new Promise((resolve) => self.#server.listen(0, "127.0.0.1", resolve));
    return self;
  }

  get url() { return `http://127.0.0.1:${this.#server.address().port}/`; }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}
