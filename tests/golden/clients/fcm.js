// SPDX-License-Identifier: Apache-2.0
// fcm.js ACCOUNT - firebase-admin, with that service account.
const fs = require("fs");
const { initializeApp, cert } = require("firebase-admin/app");
const { getMessaging } = require("firebase-admin/messaging");
const each = require("./each");

const [account] = process.argv.slice(2);
const app = initializeApp({
    credential: cert(JSON.parse(fs.readFileSync(account))),
});

function message(input) {
    const android = {
        collapseKey: input.collapse_key, priority: input.priority,
        ttl: input.ttl === undefined ? undefined : input.ttl * 1000,
        restrictedPackageName: input.package,
    };
    const said = Object.entries(android).filter(([, v]) => v !== undefined);

    return {
        token: input.device, data: input.data,
        ...(input.subject !== undefined && {
            notification: { title: input.subject, body: input.text },
        }),
        ...(said.length && { android: Object.fromEntries(said) }),
    };
}

each((input) => getMessaging(app).send(message(input), !!input.dry_run));
