// The least that node's http module can be asked to do: constant bytes, chosen by url.
// Arguments: port, JSON file of url -> answer, content type.
'use strict';
const fs = require('node:fs');
const http = require('node:http');

const [port, file, contentType] = process.argv.slice(2);
const answers = new Map();
for (const [url, text] of Object.entries(JSON.parse(fs.readFileSync(file, 'utf8')))) {
  const body = Buffer.from(text);
  answers.set(url, { body, headers: { 'Content-Type': contentType, 'Content-Length': body.length } });
}

http.createServer((request, response) => {
  const answer = answers.get(request.url);
  if (answer === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, answer.headers).end(answer.body);
}).listen(Number(port), '127.0.0.1');
