// SPDX-License-Identifier: Apache-2.0
//
// submit.js - sends what stdin says, as JSON: {transport, messages}.  Messages
// go all at once.  Prints a list: of each its response, or its error.
'use strict';

const nodemailer = require('nodemailer');

async function one(transport, message) {
    const { fill, ...mail } = message;
    if (fill)
        mail.attachments = [{ filename: 'fill.bin',
            content: Buffer.alloc(fill, 0x5a) }];
    try {
        const info = await transport.sendMail(mail);
        return { response: info.response, accepted: info.accepted,
            rejected: info.rejected };
    } catch (e) {
        return { error: e.code, code: e.responseCode, words: e.message };
    }
}

async function main() {
    const chunks = [];
    for await (const c of process.stdin)
        chunks.push(c);
    const { transport: options, messages } =
        JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const transport = nodemailer.createTransport(options);
    const results = await Promise.all(messages.map(m => one(transport, m)));
    transport.close();
    process.stdout.write(JSON.stringify(results));
}

main();
