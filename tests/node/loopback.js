// For `node --require`: a server that would listen to everybody listens to this machine only. And a body of
// application/notification+json is read like any other: web-push-testing takes application/octet-stream alone.
"use strict";
const net = require("net"), http = require("http");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  return typeof args[0] === "number" ? listen.call(this, args[0], "127.0.0.1", ...args.slice(1)) : listen.apply(this, args);
};
const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, request, ...rest) {
  if (event === "request" && request.headers["content-type"] === "application/notification+json") {
    request.headers["content-type"] = "application/octet-stream";
  }
  return emit.call(this, event, request, ...rest);
};
