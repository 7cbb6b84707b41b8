// Twilio's own segment calculator counts the texts that standard input lists; prints [[encoding, parts], ...].
"use strict";
const { SegmentedMessage } = require("sms-segments-calculator");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const count = (text) => { const found = new SegmentedMessage(text); return [found.encodingName, Math.max(1, found.segmentsCount)]; };
console.log(JSON.stringify(texts.map(count)));
