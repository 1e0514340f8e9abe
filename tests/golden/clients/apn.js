// SPDX-License-Identifier: Apache-2.0
// apn.js KEY - @parse/node-apn, with that key for provider tokens.
const apn = require("@parse/node-apn");
const each = require("./each");

const [key] = process.argv.slice(2);
const provider = new apn.Provider({
    token: { key, keyId: "KEY1234567", teamId: "TEAM123456" },
    production: true,
});
const setters = {
    "alert": "alert", "badge": "badge", "sound": "sound",
    "content-available": "contentAvailable",
    "mutable-content": "mutableContent", "category": "category",
    "thread-id": "threadId",
};

function notification(input) {
    const { aps, ...own } = input.payload || { aps: {} };
    const n = new apn.Notification({ topic: input.topic, payload: own });

    for (const [name, value] of Object.entries(aps))
        n[setters[name]] = value;
    if (input.subject !== undefined) {
        n.title = input.subject;
        n.body = input.text;
    }
    n.pushType = input.push_type || "alert";
    n.priority = input.priority || n.priority;
    n.expiry = input.expiry
        ? Math.floor(Date.now() / 1000) + input.expiry : 0;
    n.collapseId = input.collapse_id;
    n.id = input.id;
    return n;
}

each(async (input) => {
    const said = await provider.send(notification(input), input.devices);

    if (said.failed.length)
        throw new Error(JSON.stringify(said.failed));
});
