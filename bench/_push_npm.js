// npm web-push's part of bench/push.py: node bench/_push_npm.js MODULES PLAN
// It insists on https; here it gets the same plain loopback connections, kept alive, as the others.
"use strict";
const https = require("https"), http = require("http"), fs = require("fs"), path = require("path");
https.request = http.request;
const [modules, file] = process.argv.slice(2);
const webpush = require(path.resolve(modules, "web-push"));
const plan = JSON.parse(fs.readFileSync(file, "utf8"));
webpush.setVapidDetails("mailto:bench@daijobu.example", plan.public, plan.private);
const options = { TTL: 1800, urgency: "high", topic: plan.topic, contentEncoding: "aes128gcm" };
async function send(subscriptions) {
  const waiting = subscriptions.values();
  await Promise.all(Array.from({ length: plan.in_flight }, async () => {
    for (const one of waiting) await webpush.sendNotification(one, plan.payload, options);
  }));
}
(async () => {
  await send(plan.subscriptions.slice(0, plan.first));
  const cpu = process.cpuUsage(), started = process.hrtime.bigint();
  await send(plan.subscriptions.slice(plan.first));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9, used = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    sent: plan.subscriptions.length - plan.first, seconds, cpu_s: (used.user + used.system) / 1e6,
  }));
  process.exit(0);
})();
