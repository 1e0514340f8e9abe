// SPDX-License-Identifier: Apache-2.0
// apn-binary.js CERTIFICATE KEY - apn 1.7, with that certificate.
const apn = require("apn");
const each = require("./each");

const [cert, key] = process.argv.slice(2);
const connection = new apn.Connection({
    cert, key, production: true, rejectUnauthorized: true,
});

connection.on("error", (e) => { throw e; });
connection.on("transmissionError", (code) => {
    throw new Error("refused: " + code);
});
each((input) => {
    const { aps, ...own } = input.payload;
    const n = new apn.Notification(own);

    n.alert = aps.alert;
    n.badge = aps.badge;
    n.sound = aps.sound;
    n.priority = input.priority || 10;
    n.expiry = input.expiry
        ? Math.floor(Date.now() / 1000) + input.expiry : 0;
    return new Promise((done) => {
        connection.once("completed", done);
        connection.pushNotification(n, new apn.Device(input.devices[0]));
    });
});
