// SPDX-License-Identifier: Apache-2.0
// gcm.js - node-gcm.
const gcm = require("node-gcm");
const each = require("./each");

const sender = new gcm.Sender("SERVER-KEY");

function message(input) {
    return new gcm.Message({
        data: input.data, collapseKey: input.collapse_key,
        timeToLive: input.ttl, delayWhileIdle: input.delay_while_idle,
        restrictedPackageName: input.package, dryRun: input.dry_run,
        priority: input.priority,
        notification: input.subject === undefined ? undefined
            : { title: input.subject, body: input.text },
    });
}

each((input) => new Promise((done, fail) => sender.sendNoRetry(
    message(input), { registrationTokens: [input.device] },
    (e, said) => (e ? fail(new Error(e)) : done(said)))));
