// The peers of benchmarks/acks.py: node server.mjs <octokit|probot|storing> <port> [database]
//
// All verify the signature over the raw body and parse it, with the library's own code, in one process:
//   octokit  @octokit/webhooks' middleware on node:http; keeps nothing
//   probot   Probot's middleware on node:http; keeps nothing
//   storing  as octokit, and each delivery is committed to SQLite before the answer (WAL, synchronous=FULL)
// The secret comes from the environment (WEBHOOK_SECRET). They listen on 127.0.0.1 only.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

const [kind, port, database] = process.argv.slice(2);
const path = "/hook";
const secret = process.env.WEBHOOK_SECRET;

async function octokit(take) {
  const { Webhooks, createNodeMiddleware } = await import("@octokit/webhooks");
  const webhooks = new Webhooks({ secret });
  webhooks.on("issues", take);
  return createNodeMiddleware(webhooks, { path });
}

async function probot() {
  const { Probot, createNodeMiddleware } = await import("probot");
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const app = new Probot({ appId: 1, privateKey, secret, logLevel: "fatal" });
  return createNodeMiddleware((handlers) => handlers.on("issues", () => {}), { probot: app, webhooksPath: path });
}

async function storing() {
  const { default: Database } = await import("better-sqlite3");
  const db = new Database(database);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE delivery (id TEXT PRIMARY KEY, name TEXT NOT NULL, payload TEXT NOT NULL)");
  const insert = db.prepare("INSERT INTO delivery (id, name, payload) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING");
  return octokit(({ id, name, payload }) => insert.run(id, name, JSON.stringify(payload)));
}

const middleware = await { octokit: () => octokit(() => {}), probot, storing }[kind]();
createServer(middleware).listen(Number(port), "127.0.0.1", () => console.log("ready"));
