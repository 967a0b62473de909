'use strict';
// node run.js NAME: reads a JSON object from standard input, uses the client of that name as an application
// would, and writes what came of it as JSON. See the tests.

const { text } = require('node:stream/consumers');

const uses = {
  async 'co-wechat-api'(wanted) {
    const api = require('./co-wechat-api').createClient(wanted.account, wanted.secret);
    api.prefix = `${wanted.sandbox}/cgi-bin/`;
    return {
      token: (await api.ensureAccessToken()).accessToken,
      addresses: (await api.getIp()).ip_list,
      user: await api.getUser(wanted.openid),
      sent: await api.sendText(wanted.openid, '你好'),
      ticket: (await api.getLatestTicket()).ticket,
      config: await api.getJsConfig({ url: wanted.page }),
    };
  },

  // The SDK as it is, given Lingpai's address for the platform's.
  async 'co-wechat-api forwarded'(wanted) {
    const WechatAPI = require('co-wechat-api');
    const api = new WechatAPI(wanted.account, wanted.secret);
    api.prefix = `${process.env.LINGPAI_URL}/cgi-bin/`;
    const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const uploaded = await api.uploadMedia(content, 'image', 'a.png', 'image/png');
    return {
      token: (await api.ensureAccessToken()).accessToken,
      sent: await api.sendText(wanted.openid, '你好'),
      uploaded,
      downloaded: (await api.getMedia(uploaded.media_id)).toString('hex'),
    };
  },

  async 'node-easywechat'(wanted) {
    const create = require('./node-easywechat').createOfficialAccount;
    const app = create(wanted.account, wanted.secret, { http: { baseURL: wanted.sandbox } });
    const client = app.getClient();
    const user = await client.get('/cgi-bin/user/info', { params: { openid: wanted.openid } });
    const message = { touser: wanted.openid, msgtype: 'text', text: { content: '你好' } };
    const ticket = app.getTicket();
    return {
      token: await app.getAccessToken().getToken(),
      addresses: (await client.get('/cgi-bin/getcallbackip')).toObject().ip_list,
      user: user.toObject(),
      sent: (await client.post('/cgi-bin/message/custom/send', { json: message })).toObject(),
      ticket: await ticket.getTicket(),
      config: await ticket.configSignature(wanted.page, wanted.noncestr, wanted.timestamp),
    };
  },

  async 'node-easywechat suite'(wanted) {
    const { OpenWork } = require('node-easywechat');
    const { suite, corpid, permanent_code: code } = wanted;
    const app = new OpenWork({
      corp_id: suite.corpid,
      provider_secret: suite.provider_secret,
      suite_id: suite.suite_id,
      suite_secret: suite.secret,
      http: { baseURL: wanted.sandbox },
    });
    await app.getSuiteTicket().setTicket(wanted.ticket);
    return {
      token: await app.getSuiteAccessToken().getToken(),
      visit: await app.createPreAuthorizationCode(),
      about: (await app.getAuthorization(corpid, code)).toObject(),
      corp_token: await (await app.getAuthorizerAccessToken(corpid, code)).getToken(),
    };
  },

  async 'node-easywechat work'(wanted) {
    const create = require('./node-easywechat').createWork;
    const app = create(wanted.account, wanted.secret, { http: { baseURL: wanted.sandbox } });
    const client = app.getClient();
    const user = await client.get('/cgi-bin/user/get', { params: { userid: wanted.userid } });
    return {
      token: await app.getAccessToken().getToken(),
      user: user.toObject(),
      ticket: await app.getTicket().getTicket(),
    };
  },

  async 'wechat-jssdk'(wanted) {
    const { account, secret, mini } = wanted;
    const wx = require('./wechat-jssdk').createClient(account, secret, mini);
    const { access_token: token } = await wx.jssdk.getAccessToken();
    return {
      token,
      ticket: (await wx.jssdk.getJsApiTicket(token)).ticket,
      config: await wx.jssdk.getSignature(wanted.page),
      session: await wx.miniProgram.getSession(wanted.code),
    };
  },

  'openid-client begin': (wanted) => require('./openid-client').begin(wanted),
  'openid-client finish': (wanted) => require('./openid-client').finish(wanted),
  'openid-client redeemed': (wanted) => require('./openid-client').redeemed(wanted),
  'openid-client ended': (wanted) => require('./openid-client').ended(wanted),
  'openid-client refused': (wanted) => require('./openid-client').refused(wanted),
  'openid-client pushed': (wanted) => require('./openid-client').pushed(wanted),
  'openid-client proven': (wanted) => require('./openid-client').proven(wanted),
  'openid-client device': (wanted) => require('./openid-client').device(wanted),
  'openid-client polled': (wanted) => require('./openid-client').polled(wanted),
  'openid-client registered': (wanted) => require('./registration').registered(wanted),
  'openid-client not registered': (wanted) => require('./registration').refused(wanted),
  'mcp begin': (wanted) => require('./mcp').begin(wanted),
  'mcp finish': (wanted) => require('./mcp').finish(wanted),
  'standardwebhooks': (wanted) => require('./standardwebhooks').verify(wanted),
};

async function main() {
  const wanted = JSON.parse(await text(process.stdin));
  const found = await uses[process.argv[2]](wanted);
  // These SDKs keep timers and sockets open: leave as soon as the answer is out.
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
