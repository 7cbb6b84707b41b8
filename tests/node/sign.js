// Twilio's own signer signs what standard input lists: [{url, fields, token}]; prints the signatures.
"use strict";
const { getExpectedTwilioSignature } = require("twilio");
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(asked.map((one) => getExpectedTwilioSignature(one.token, one.url, one.fields))));
