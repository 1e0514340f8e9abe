// SPDX-License-Identifier: Apache-2.0
// each(send): inputs come as lines of JSON on standard input; of each that has
// been sent a line says so.
const readline = require("readline");

module.exports = async function each(send) {
    const lines = readline.createInterface({ input: process.stdin });

    for await (const line of lines) {
        await send(JSON.parse(line));
        console.log("sent");
    }
    process.exit(0);
};
