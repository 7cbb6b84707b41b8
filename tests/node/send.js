// npm web-push sends what standard input describes: {subscriptions, public, private, topic, payload}; prints the statuses.
"use strict";
const https = require("https"), http = require("http");
https.request = http.request; // our push service speaks plain HTTP on loopback
const webpush = require("web-push");
const plan = JSON.parse(require("fs").readFileSync(0, "utf8"));
webpush.setVapidDetails("mailto:test@daijobu.example", plan.public, plan.private);
const options = { TTL: 60, urgency: "high", topic: plan.topic, contentEncoding: "aes128gcm" };
const status = (one) => webpush.sendNotification(one, plan.payload, options).then((sent) => sent.statusCode, (e) => e.statusCode);
Promise.all(plan.subscriptions.map(status)).then((all) => console.log(JSON.stringify(all)));
