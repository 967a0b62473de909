// A token from Lingpai with Node's own fetch: node ask.mjs
const { URL: base, APPID: appid, KEY: key } = process.env;
const headers = { Authorization: `Bearer ${key}` };

const answer = await fetch(`${base}/v1/tokens/wechat/${appid}`, { headers });
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.text()); // {"platform":…,"value":"<token>","expires_in":…,"version":…}

const report = await fetch(`${base}/keeper/report`, {
  method: 'POST',
  headers,
  body: new URLSearchParams({ access_token: 'a token that was refused' }),
});
console.log(await report.text());
