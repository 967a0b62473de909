'use strict';
// wechat-jssdk: its token, ticket and session addresses are settings. It keeps tokens for 119 minutes whatever
// their expires_in says, so it gets a store that forgets them: Lingpai is asked for each signature.

const { Store, Wechat } = require('wechat-jssdk');

const LINGPAI = process.env.LINGPAI_URL;

class ForgetfulStore extends Store {
  async getGlobalToken() {
    return null;
  }

  async getSignature() {
    return null;
  }
}

function createClient(appId, appSecret, miniProgram) {
  return new Wechat({
    appId,
    appSecret,
    accessTokenUrl: `${LINGPAI}/cgi-bin/token`,
    ticketUrl: `${LINGPAI}/cgi-bin/ticket/getticket`,
    miniProgram: { ...miniProgram, GET_SESSION_KEY_URL: `${LINGPAI}/sns/jscode2session` },
    store: new ForgetfulStore(),
  });
}

module.exports = { createClient };
