// Serves this folder on http://127.0.0.1:8020, with the types taken out of TypeScript. Node 22.18 or newer, nothing else.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { extname, join, normalize } from "node:path";

const folder = import.meta.dirname;
const port = Number(process.env.PORT ?? 8020);
const kinds = { ".html": "text/html", ".css": "text/css", ".ts": "text/javascript", ".js": "text/javascript" };

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://here");
  const path = normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  const kind = kinds[extname(path)];
  try {
    if (!kind) throw new Error("nothing of that kind is served");
    const text = await readFile(join(folder, path), "utf8");
    response.writeHead(200, { "content-type": `${kind}; charset=utf-8`, "cache-control": "no-store" });
    response.end(extname(path) === ".ts" ? stripTypeScriptTypes(text) : text);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
